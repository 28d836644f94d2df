# SPDX-License-Identifier: MIT
"""Which pool of the broker an URL means, and the stand-ins for the SDK's transports."""

import dataclasses
import os
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Generic, TypeVar

from .._errors import InvalidRequest
from .._pool import Pool, connect
from .._socket_path import default_socket_path
from ._sdk import installed

POOL_VARIABLE = "TEPLO_POOL"
POOL_HEADER = "teplo-pool"
DEFAULT_PORTS = {"http": 80, "https": 443}
FOREIGN = (
    "this stream is teplo.compat's, and only teplo.compat.ClientSession can use it; for the "
    "SDK's own ClientSession there is teplo.transport.unix_transport"
)

Streams = TypeVar("Streams", bound=tuple[Any, ...])


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the requests of a session go.  NAMED: the pool that somebody said; else the URL is it."""

    url: str
    named: str | None
    socket: str | None

    @property
    def pool(self) -> str:
        """What the broker is asked for: it knows its pools by name and by the URLs of their servers."""
        return self.named or settings.adopted.get(normal_url(self.url)) or self.url

    def adopt(self, pools: list[str]) -> bool:
        """
        The broker knows no server at this URL: it may have another name there.  If POOLS are one it
        is meant, but by one URL alone.  False: nobody knows.
        """
        key = normal_url(self.url)
        with settings.lock:
            others = [url for url in settings.adopted if url != key]
            if self.named or key in settings.adopted or others or len(pools) != 1:
                return False
            settings.adopted[key] = pools[0]
            return True


class Stream:
    """What stands where the SDK has a stream: it says only where its session's requests go."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{name}: {FOREIGN}")

    async def __aenter__(self) -> "Stream":
        raise TypeError(FOREIGN)

    async def __aexit__(self, *_: object) -> None:
        """Never reached."""

    def __repr__(self) -> str:
        return f"<teplo.compat stream to {self.place.pool}>"


class Settings:
    """What configure() said; and the pool of the one URL that the broker did not know."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pools: dict[str, str] = {}
        self.socket: str | None = None
        self.adopted: dict[str, str] = {}
        self.facades: dict[str, Pool] = {}


settings = Settings()


def configure(
    pools: Mapping[str, str] | None = None, *, socket: str | os.PathLike[str] | None = None
) -> None:
    """
    POOLS: URL -> name of the broker's pool for it, where the program's URL is not the one in the
    broker's configuration; added to what was said before.  SOCKET: the broker's, if not where
    libteplo looks.
    """
    with settings.lock:
        for url, pool in (pools or {}).items():
            settings.pools[normal_url(url)] = pool
        if socket is not None:
            settings.socket = os.fspath(socket)


def reset() -> None:
    """Forget all of it, as after import; sessions that there are go on."""
    with settings.lock:
        settings.pools.clear()
        settings.adopted.clear()
        settings.facades.clear()
        settings.socket = None


def normal_url(url: str) -> str:
    """Scheme, host, port and path: neither the query nor a password is anybody's business."""
    parts = urllib.parse.urlsplit(str(url))
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise InvalidRequest(f"not the http or https url of an MCP server: {str(url)!r}")
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    return f"{parts.scheme}://{parts.hostname}:{port}{parts.path.rstrip('/')}"


def place_of(url: str, headers: Mapping[str, Any] | None) -> Place:
    """configure() decides, else the header, else $TEPLO_POOL, else the broker, by the URL."""
    key = normal_url(url)
    named = next(
        (str(value) for name, value in (headers or {}).items() if name.lower() == POOL_HEADER), None
    )
    with settings.lock:
        pool = settings.pools.get(key) or named or os.environ.get(POOL_VARIABLE) or None
        return Place(str(url), pool, settings.socket)


def facade_of(place: Place) -> Pool:
    """One for the process and the socket; it opens a connection for each loop that calls."""
    socket = place.socket or default_socket_path()
    with settings.lock:
        facade = settings.facades.get(socket)
        if facade is None or facade.is_closed:
            facade = settings.facades[socket] = connect(socket, client_name="teplo.compat")
        return facade


class Opening(Generic[Streams]):
    """The context manager that a transport function gives.  It holds nothing: leave it anywhere."""

    def __init__(self, make: Callable[[], Streams]) -> None:
        self.make = make

    async def __aenter__(self) -> Streams:
        return self.make()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing was opened."""


def sse_client(
    url: str, headers: Mapping[str, Any] | None = None, *_: Any, **__: Any
) -> Opening[tuple[Stream, Stream]]:
    """
    As mcp.client.sse.sse_client.  Timeouts, headers, auth and client factories are the broker's
    business: they are in its configuration, and what is given here is not used.
    """

    def streams() -> tuple[Stream, Stream]:
        place = place_of(url, headers)
        return Stream(place), Stream(place)

    return Opening(streams)


def streamablehttp_client(
    url: str, headers: Mapping[str, Any] | None = None, *_: Any, **__: Any
) -> Opening[tuple[Any, ...]]:
    """As mcp.client.streamable_http.streamablehttp_client: yields three.  See sse_client."""

    def streams() -> tuple[Any, ...]:
        place = place_of(url, headers)
        return Stream(place), Stream(place), no_session_id

    return Opening(streams)


def streamable_http_client(url: str, **_: Any) -> Opening[tuple[Any, ...]]:
    """As streamable_http_client of the installed SDK: three in mcp 1.x, two in 2.x."""

    def streams() -> tuple[Any, ...]:
        place = place_of(url, None)
        three = (Stream(place), Stream(place), no_session_id)
        return three[: installed().streams_of_http]

    return Opening(streams)


def no_session_id() -> str | None:
    """The sessions are the broker's."""
    return None
