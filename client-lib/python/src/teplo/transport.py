# SPDX-License-Identifier: MIT
"""
The official MCP SDK (1.x and 2.x) and FastMCP straight onto the broker's Unix socket.

    async with unix_transport() as (read, write):
        async with mcp.ClientSession(read, write) as session:
            ...
    async with mcp.Client(unix_transport()) as client:                  # SDK 2.x
    async with fastmcp.Client(fastmcp_transport()) as client:

What it gives: the broker's warm sessions instead of a new HTTP session.  What it does not: the
SDK's rules stay.  A session must be left in the task that entered it, belongs to one event loop,
is dead once the connection is (a restarted broker is not found again by itself), and SDK 1.x
tells nobody when a call is cancelled.  teplo.compat and teplo.connect() are without these.

It makes no use of libteplo.
"""

import contextlib
import functools
import json
import pathlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from ._optional import load
from ._socket_path import default_socket_path

POOL_KEY = "dev.teplo/pool"
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
GREETINGS = ("initialize", "server/discover")
# How long leaving waits for what was given to be sent, such as notifications/cancelled.
FLUSH_SECONDS = 1.0
# libteplo's default of TEPLO_OPT_MAX_MESSAGE: a longer line ends the connection.
MESSAGE_MAXIMUM = 64 * 1024 * 1024

__all__ = ["fastmcp_transport", "unix_transport"]


def unix_transport(
    path: str | pathlib.Path | None = None, pool: str | None = None
) -> contextlib.AbstractAsyncContextManager[tuple[Any, Any]]:
    """
    A context manager that yields the SDK's read and write stream.  PATH: the broker's socket
    (default: as libteplo finds it).  POOL: needed only if the broker has several.
    """
    return open_streams(path, pool)


@contextlib.asynccontextmanager
async def open_streams(
    path: str | pathlib.Path | None, pool: str | None
) -> AsyncIterator[tuple[Any, Any]]:
    anyio = load("anyio", "teplo.transport")
    wire = SdkWire(pool)
    socket = await connect(anyio, str(path) if path else default_socket_path())
    to_session, read = anyio.create_memory_object_stream(0)
    write, from_session = anyio.create_memory_object_stream(0)
    all_sent = anyio.Event()
    # Whoever cancels the session's task must not take the wire from below its last words.
    scopes = anyio.CancelScope(shield=True), anyio.CancelScope(shield=True)
    gone = (anyio.ClosedResourceError, anyio.BrokenResourceError)

    async def receive() -> None:
        with scopes[0]:
            with contextlib.suppress(anyio.EndOfStream, *gone, OSError):
                lines = LineReader(socket, MESSAGE_MAXIMUM)
                while True:
                    await to_session.send(wire.parse(await lines.next()))
        to_session.close()

    async def send() -> None:
        with scopes[1]:
            with contextlib.suppress(*gone, OSError):
                async for message in from_session:
                    await socket.send(wire.line(message))
        from_session.close()
        # The session must see the end of the connection instead of waiting for ever.
        to_session.close()
        all_sent.set()

    async def close() -> None:
        """Also when the task has been cancelled: what was given to be sent is sent, briefly."""
        with anyio.CancelScope(shield=True):
            await read.aclose()
            await write.aclose()
            with anyio.move_on_after(FLUSH_SECONDS):
                await all_sent.wait()
            for scope in scopes:
                scope.cancel()
            with contextlib.suppress(*gone, OSError):
                await socket.aclose()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(receive)
        tasks.start_soon(send)
        try:
            yield read, write
        finally:
            await close()


async def connect(anyio: Any, path: str) -> Any:
    try:
        return await anyio.connect_unix(path)
    except OSError as error:
        # Its own class stays, for those who catch ConnectionRefusedError or FileNotFoundError.
        raise type(error)(
            error.errno, f"no broker at {path}: {error.strerror or error} (start it: teplod)"
        ) from error


class LineReader:
    def __init__(self, socket: Any, maximum: int) -> None:
        self.socket = socket
        self.maximum = maximum
        self.pending = bytearray()

    async def next(self) -> bytes:
        """A line that is not blank, without its end.  OSError if it is longer than the maximum."""
        searched = 0
        while True:
            end = self.pending.find(b"\n", searched)
            if end >= 0:
                line = bytes(self.pending[:end])
                del self.pending[: end + 1]
                searched = 0
                if line.strip():
                    return line
                continue
            searched = len(self.pending)
            if searched > self.maximum:
                raise OSError(f"the broker sent a line of more than {self.maximum} bytes")
            self.pending += await self.socket.receive()


class SdkWire:
    """Messages of the installed SDK, whichever it is, as lines."""

    def __init__(self, pool: str | None) -> None:
        self.pool = pool
        self.session_message: Callable[[Any], Any] = load(
            "mcp.shared.message", "teplo.transport"
        ).SessionMessage
        types = load("mcp.types", "teplo.transport")
        adapter = getattr(types, "jsonrpc_message_adapter", None)
        # The two SDKs, each as its own stdio transport does it.
        self.dumping = {"exclude_none": True} if adapter is None else {"exclude_unset": True}
        self.validate: Callable[[bytes], Any] = (
            types.JSONRPCMessage.model_validate_json
            if adapter is None
            else functools.partial(adapter.validate_json, by_name=False)
        )

    def parse(self, line: bytes) -> Any:
        """A SessionMessage, or the exception: the SDK takes both."""
        try:
            return self.session_message(self.validate(line))
        except ValueError as error:
            return error

    def line(self, session_message: Any) -> bytes:
        message = session_message.message
        if self.pool is None:
            return str(message.model_dump_json(by_alias=True, **self.dumping)).encode() + b"\n"
        body = message.model_dump(by_alias=True, mode="json", **self.dumping)
        name_pool(body, self.pool)
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def name_pool(body: dict[str, Any], pool: str) -> None:
    """Put the pool into a greeting, or into a request of the modern era: the others follow it."""
    params = body.get("params")
    meta = params.get("_meta") if isinstance(params, Mapping) else None
    is_modern = isinstance(meta, Mapping) and VERSION_KEY in meta
    if "id" in body and (is_modern or body.get("method") in GREETINGS):
        body["params"] = {**(params or {}), "_meta": {**(meta or {}), POOL_KEY: pool}}


def fastmcp_transport(path: str | pathlib.Path | None = None, pool: str | None = None) -> Any:
    """A fastmcp ClientTransport onto the broker's socket, for fastmcp.Client."""
    transports = load("fastmcp.client.transports", "teplo.transport.fastmcp_transport")
    base: Any = transports.ClientTransport
    sdk_session = load("mcp", "teplo.transport.fastmcp_transport").ClientSession

    class TeploTransport(base):  # type: ignore[misc]  # the base is Any: known at run time only
        @contextlib.asynccontextmanager
        async def connect_session(
            self, *, transport_options: Any = None, **session_keywords: Any
        ) -> AsyncIterator[Any]:
            session_class = getattr(transport_options, "session_class", sdk_session)
            async with open_streams(path, pool) as (read, write):
                async with session_class(read, write, **session_keywords) as session:
                    yield session

        def __repr__(self) -> str:
            return f"<TeploTransport(path={str(path or default_socket_path())!r}, pool={pool!r})>"

    return TeploTransport()
