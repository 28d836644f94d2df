# SPDX-License-Identifier: MIT
"""Options of a pool, and how long things last."""

import math
import os
from dataclasses import dataclass

from . import _ffi
from ._errors import InvalidRequest
from ._library import quick

DAYS_7 = 604_800_000  # ms: the longest deadline that there is
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
            reconnect_ms = round(self.reconnect * 1000)
            set_number(options, _ffi.TEPLO_OPT_RECONNECT_MS, "reconnect", reconnect_ms)
        set_number(options, _ffi.TEPLO_OPT_MAX_IN_FLIGHT, "max_in_flight", self.max_in_flight)
        set_number(options, _ffi.TEPLO_OPT_MAX_MESSAGE, "max_message", self.max_message)


def set_text(
    options: int, key: int, name: str, value: str | os.PathLike[str] | None
) -> None:
    if value is None:
        return
    text = os.fsencode(value)
    if b"\0" in text or quick.teplo_options_set_text(options, key, text) != 0:
        raise InvalidRequest(f"{name}={value!r} is not allowed", status=_ffi.TEPLO_E_INVAL)


def set_number(options: int, key: int, name: str, value: int | None) -> None:
    if value is not None and quick.teplo_options_set_number(options, key, value) != 0:
        raise InvalidRequest(f"{name}: {value} is out of range", status=_ffi.TEPLO_E_INVAL)


def milliseconds(timeout: float) -> int:
    """For libteplo; rounded up, so that no positive timeout becomes none."""
    if timeout == math.inf:
        return _ffi.TEPLO_NO_DEADLINE
    value = math.ceil(timeout * 1000) if timeout > 0 else 0
    if not 1 <= value <= DAYS_7:
        raise InvalidRequest(
            f"timeout={timeout!r}: it is in seconds, more than 0 and at most seven days, or "
            "teplo.NO_DEADLINE",
            status=_ffi.TEPLO_E_INVAL,
        )
    return value
