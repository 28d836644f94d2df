# SPDX-License-Identifier: MIT
"""Options of a pool, and how long things last."""

import math
import os
from dataclasses import dataclass

from . import _ffi
from ._errors import InvalidRequest
from ._library import quick

DAYS_7 = 604_800_000  # ms: the longest deadline that there is
PATH_MAXIMUM = 107  # bytes: struct sockaddr_un, without its NUL
NO_DEADLINE = math.inf
"""As a timeout: wait for as long as the broker lets the request take."""


@dataclass(frozen=True)
class Settings:
    """See teplo.connect.  Seconds and bytes; None is the library's own default."""

    socket: str | os.PathLike[str] | None = None
    pool: str | None = None
    timeout: float = 60.0
    client_name: str = "teplo-python"
    reconnect: float | None = None
    max_in_flight: int | None = None
    max_message: int | None = None

    def make_options(self) -> int:
        """A struct teplo_options; teplo_options_free it.  InvalidRequest names what is wrong."""
        options = quick.teplo_options_new()
        if options is None:
            raise MemoryError("teplo_options_new")
        try:
            self._set_all(options)
        except BaseException:
            quick.teplo_options_free(options)
            raise
        return options

    def _set_all(self, options: int) -> None:
        set_text(options, _ffi.TEPLO_OPT_SOCKET, "socket", self.socket)
        set_text(options, _ffi.TEPLO_OPT_POOL, "pool", self.pool)
        set_text(options, _ffi.TEPLO_OPT_CLIENT_NAME, "client_name", self.client_name)
        set_number(options, _ffi.TEPLO_OPT_TIMEOUT_MS, "timeout", milliseconds(self.timeout))
        if self.reconnect is not None:
            reconnect_ms = reconnect_milliseconds(self.reconnect)
            set_number(options, _ffi.TEPLO_OPT_RECONNECT_MS, "reconnect", reconnect_ms)
        set_number(options, _ffi.TEPLO_OPT_MAX_IN_FLIGHT, "max_in_flight", self.max_in_flight)
        set_number(options, _ffi.TEPLO_OPT_MAX_MESSAGE, "max_message", self.max_message)


def wrong(message: str) -> InvalidRequest:
    return InvalidRequest(message, status=_ffi.TEPLO_E_INVAL)


def kind_of(value: object) -> str:
    """For messages."""
    return f"a {type(value).__qualname__}"


def check_socket(socket: str | os.PathLike[str] | None) -> None:
    """What is certainly meant otherwise: waiting for such a broker would only hide it."""
    if not isinstance(socket, str):
        return
    if "://" in socket:
        raise wrong(
            f"socket={socket!r}: the path of the broker's socket, not a server's URL; which of the "
            "broker's servers is meant says pool='NAME'"
        )
    if socket and not set(socket) & {"/", "."} and not os.path.exists(socket):
        raise wrong(
            f"socket={socket!r}: a path, and there is no such file here; did you mean "
            f"pool={socket!r}? (or ./{socket}, if the broker is yet to make it)"
        )


def set_text(
    options: int, key: int, name: str, value: str | os.PathLike[str] | None
) -> None:
    if value is None:
        return
    try:
        text = os.fsencode(value)
    except TypeError as error:
        raise wrong(f"{name}: {error}") from error
    if name == "socket" and len(text) > PATH_MAXIMUM:
        raise wrong(
            f"socket={value!r} has {len(text)} bytes: the path of a Unix socket has at most "
            f"{PATH_MAXIMUM}"
        )
    if b"\0" in text or quick.teplo_options_set_text(options, key, text) != 0:
        raise wrong(f"{name}={value!r} is not allowed")


def set_number(options: int, key: int, name: str, value: int | None) -> None:
    if value is None:
        return
    if not isinstance(value, int):
        raise wrong(f"{name}: an int, not {kind_of(value)}")
    if abs(value) >= 1 << 63 or quick.teplo_options_set_number(options, key, value) != 0:
        raise wrong(f"{name}: {value} is out of range")


def milliseconds(timeout: float) -> int:
    """For libteplo; rounded up, so that no positive timeout becomes none."""
    try:
        if timeout == math.inf:
            return _ffi.TEPLO_NO_DEADLINE
        value = math.ceil(timeout * 1000) if timeout > 0 else 0
    except (TypeError, OverflowError):
        value = 0
    if not 1 <= value <= DAYS_7:
        raise wrong(
            f"timeout={timeout!r}: it is in seconds, more than 0 and at most seven days, or "
            "teplo.NO_DEADLINE"
        )
    return value


def reconnect_milliseconds(reconnect: float) -> int:
    try:
        return round(reconnect * 1000)
    except (TypeError, ValueError, OverflowError) as error:
        raise wrong(f"reconnect={reconnect!r}: it is in seconds, 0 to 3600") from error
