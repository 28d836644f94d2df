# SPDX-License-Identifier: MIT
"""What goes wrong, as exceptions.  A tool that says isError has answered: that is no exception."""

import json
from typing import Any, Literal

from . import _ffi

Outcome = Literal["executed", "not_executed", "unknown", "result_lost"]
OUTCOMES: dict[int, Outcome] = {
    _ffi.TEPLO_EXECUTED: "executed",
    _ffi.TEPLO_NOT_EXECUTED: "not_executed",
    _ffi.TEPLO_UNKNOWN: "unknown",
    _ffi.TEPLO_RESULT_LOST: "result_lost",
}


class Error(Exception):
    """
    A request failed.  str() says what happened, for people and models.

    outcome   what is known of its execution: "not_executed" (it did not run and will not: safe to
              repeat), "unknown" (it may have run, or may still), "result_lost" (it ran, its answer
              cannot be given), "executed" (it ran; RpcError alone)
    reason    the broker's word for it (proto/WIRE.md, such as "queue_timeout"), or the library's
              ("no_broker", "cancelled"); "" if there is none
    call      the UUID under which Pool.outcome knows the call; "" for what is not recorded
    tool      the tool that was called; "" if none was
    status    the negative enum teplo_err
    """

    _presumed: Outcome = "unknown"

    def __init__(
        self,
        message: str,
        *,
        outcome: Outcome | None = None,
        reason: str = "",
        call: str = "",
        status: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.outcome: Outcome = outcome or self._presumed
        self.reason = reason
        self.call = call
        self.tool = ""
        self.status = status

    def __str__(self) -> str:
        """The message; of a call that may have run, which it was, so that its outcome can be asked."""
        if self.outcome != "unknown" or not self.call:
            return self.message
        which = f"{self.tool}, call {self.call}" if self.tool else f"call {self.call}"
        return f"{self.message} ({which}: Pool.outcome may tell later)"

    @property
    def safe_to_retry(self) -> bool:
        """It certainly did not run, and will not."""
        return self.outcome == "not_executed"

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self.args, self.__dict__)


class InvalidRequest(Error, ValueError):
    """An argument is wrong, such as a tool's name that is empty or a timeout out of range."""

    _presumed = "not_executed"


class Closed(Error):
    """The pool or the client was closed; open another one."""

    _presumed = "not_executed"


class TooBig(Error):
    """A message is longer than the maximum, ours or the broker's."""


class ConnectError(Error, ConnectionError):
    """There is no broker at the socket, and none came in time."""


class ConnectionLost(Error, ConnectionError):
    """The broker hung up while it had the request."""


class ProtocolError(Error):
    """The broker sent what is no answer."""


class Timeout(Error, TimeoutError):
    """The deadline passed, or no session became free in time."""


class Cancelled(Error):
    """Cancelled otherwise than by cancelling the awaiting task: by close()."""


class Overload(Error):
    """
    There is no room for the request.  retry_after: seconds after which to try again, None if
    nobody said.
    """

    retry_after: float | None = None


class NoSuchPool(Error):
    """No such pool, or there are several and none was named."""


class UpstreamError(Error):
    """The MCP server, or the way to it, failed."""


class Denied(Error):
    """The broker's configuration does not allow it."""


class Draining(Error):
    """The broker is stopping, or it or the pool is being drained."""


class Unsupported(Error):
    """Not possible on shared sessions."""


class ResultLost(Error):
    """The tool ran; its answer cannot be given."""


class RpcError(Error):
    """The server answered with a JSON-RPC error.  data: parsed, None if there is none."""

    code: int = 0
    data: Any = None


CLASSES: dict[int, type[Error]] = {
    _ffi.TEPLO_E_INVAL: InvalidRequest,
    _ffi.TEPLO_E_STATE: Closed,
    _ffi.TEPLO_E_AGAIN: Overload,
    _ffi.TEPLO_E_TOOBIG: TooBig,
    _ffi.TEPLO_E_CONNECT: ConnectError,
    _ffi.TEPLO_E_CLOSED: ConnectionLost,
    _ffi.TEPLO_E_PROTO: ProtocolError,
    _ffi.TEPLO_E_TIMEOUT: Timeout,
    _ffi.TEPLO_E_CANCELLED: Cancelled,
    _ffi.TEPLO_E_OVERLOAD: Overload,
    _ffi.TEPLO_E_NO_POOL: NoSuchPool,
    _ffi.TEPLO_E_UPSTREAM: UpstreamError,
    _ffi.TEPLO_E_DENIED: Denied,
    _ffi.TEPLO_E_DRAINING: Draining,
    _ffi.TEPLO_E_UNSUPPORTED: Unsupported,
    _ffi.TEPLO_E_RESULT_LOST: ResultLost,
    _ffi.TEPLO_E_RPC: RpcError,
}


def make_error(status: int, message: str, outcome: Outcome, reason: str = "", call: str = "") -> Error:
    """The exception of that status; one that this package does not know is an Error."""
    kind = CLASSES.get(status, Error)
    return kind(message, outcome=outcome, reason=reason, call=call, status=status)


def parsed_data(data: bytes | None) -> Any:
    return None if data is None else json.loads(data)


def _remade(kind: type[Error], arguments: tuple[str], attributes: dict[str, Any]) -> Error:
    error = kind(*arguments)
    error.__dict__.update(attributes)
    return error


class BlockingCallWarning(RuntimeWarning):
    """A blocking call was made on a thread whose event loop runs, and stopped that loop meanwhile."""
