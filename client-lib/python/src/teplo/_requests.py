# SPDX-License-Identifier: MIT
"""A request as libteplo takes it, and the copy of what came back.  Knows no loop and no thread."""

import ctypes
import json
from collections.abc import Callable, Mapping
from typing import Any

from . import _ffi
from ._errors import OUTCOMES, Outcome, Overload, RpcError, make_error, parsed_data
from ._library import explain, quick
from ._settings import kind_of, milliseconds, wrong

Progress = Callable[[float, "float | None", "str | None"], object]
"""progress(done, total or None, message or None); not awaited, so be quick."""
Notification = Callable[[dict[str, Any]], object]
Body = Mapping[str, Any] | str | bytes
"""A JSON object: a mapping, or its text."""

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_encode_ascii = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def to_json(value: Body | None, what: str) -> bytes | None:
    """VALUE as JSON text; str and bytes are taken as that already."""
    if value is None:
        return None
    if isinstance(value, (str, bytes)):
        return json_text(value, what)
    if not isinstance(value, Mapping):
        raise wrong(f"{what}: a mapping, or the JSON text of an object, not {kind_of(value)}")
    plain = value if isinstance(value, dict) else dict(value)
    try:
        try:
            return _encode(plain).encode()
        except UnicodeEncodeError:  # half a surrogate pair: only an escape can say it
            return _encode_ascii(plain).encode()
    except RecursionError as error:
        raise wrong(f"{what}: nested too deeply") from error
    except (TypeError, ValueError) as error:
        raise wrong(f"{what}: {error}") from error


def json_text(value: str | bytes, what: str) -> bytes:
    """The library looks at what it says; but no text at all would be {} to it."""
    try:
        text = value.encode() if isinstance(value, str) else value
    except UnicodeEncodeError as error:
        raise wrong(f"{what}: {error}") from error
    if not text:
        raise wrong(f"{what}: the JSON text is empty; None means none")
    return text


def to_text(value: str | None, what: str) -> bytes | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise wrong(f"{what}: a str, not {kind_of(value)}")
    text = value.encode("utf-8", "surrogatepass")
    if b"\0" in text:
        raise wrong(f"{what} holds a NUL: {value!r}")
    return text


def check_callable(value: object, what: str) -> None:
    if value is not None and not callable(value):
        raise wrong(f"{what}: a function, not {kind_of(value)}")


class Request:
    """
    METHOD: a method of MCP; None: call TOOL.  BODY: its params, or the tool's arguments.
    The callbacks are the owner's to call.
    """

    __slots__ = ("method", "tool", "body", "call", "callopts", "progress", "notification")

    def __init__(
        self,
        *,
        method: str | None = None,
        tool: str | None = None,
        body: Body | None = None,
        timeout: float | None = None,
        progress: Progress | None = None,
        notification: Notification | None = None,
        pool: str | None = None,
        meta: Body | None = None,
        call: str | None = None,
        retry: bool = True,
    ) -> None:
        self.method = to_text(method, "method")
        self.tool = to_text(tool, "name")
        self.body = to_json(body, "arguments" if tool is not None else "params")
        check_callable(progress, "progress")
        check_callable(notification, "notification")
        self.call = call or ""
        self.progress = progress
        self.notification = notification
        meta_text = to_json(meta, "meta")
        self.callopts = _ffi.Callopts(
            size=ctypes.sizeof(_ffi.Callopts),
            flags=(_ffi.TEPLO_F_PROGRESS if progress else 0)
            | (0 if retry else _ffi.TEPLO_F_NO_RETRY),
            timeout_ms=0 if timeout is None else milliseconds(timeout),
            pool=to_text(pool, "pool"),
            call=to_text(call, "call"),
            meta=meta_text,
            meta_length=len(meta_text) if meta_text else 0,
        )

    def start(self, client: int, ret_ticket: Any) -> int:
        """On a teplo_client; 0 or a negative enum teplo_err."""
        options = ctypes.byref(self.callopts)
        body, length = self.body, len(self.body) if self.body else 0
        if self.method is None:
            return quick.teplo_call_tool_start(
                client, self.tool, body, length, options, ret_ticket
            )
        if self.method == b"tools/list" and body is None:
            return quick.teplo_list_tools_start(client, options, ret_ticket)
        return quick.teplo_request_start(client, self.method, body, length, options, ret_ticket)

    def tell(self, kind: int, body: bytes) -> None:
        """Give a progress or notification message to who asked for it."""
        message = json.loads(body)
        if kind == _ffi.TEPLO_K_NOTIFICATION:
            if self.notification:
                self.notification(message)
        elif self.progress:
            self.progress(message.get("progress", 0), message.get("total"), message.get("message"))


class Reply:
    """A copy of a teplo_result."""

    __slots__ = ("status", "json", "call", "message", "outcome", "reason", "rpc", "retry_after_ms")

    def __init__(self, result: int) -> None:
        length = ctypes.c_size_t()
        reference = ctypes.byref(length)
        self.status = quick.teplo_result_status(result)
        self.json = text_at(quick.teplo_result_json(result, reference), length)
        self.call = quick.teplo_result_call(result).decode()
        if self.status == _ffi.TEPLO_OK:
            return
        message = text_at(quick.teplo_result_message(result, reference), length) or b""
        self.message = message.decode("utf-8", "replace")
        self.outcome: Outcome = OUTCOMES.get(quick.teplo_result_outcome(result), "unknown")
        self.reason = quick.teplo_result_reason(result).decode("utf-8", "replace")
        data = text_at(quick.teplo_result_rpc_data(result, reference), length)
        self.rpc = (quick.teplo_result_rpc_code(result), data)
        self.retry_after_ms = quick.teplo_result_retry_after_ms(result)

    def get(self, tool: str = "") -> bytes:
        """The result's JSON; what went wrong is raised, of a call of TOOL if it was one."""
        if self.status == _ffi.TEPLO_OK:
            return self.json or b"{}"
        message = self.message or explain(self.status)
        if self.status == _ffi.TEPLO_E_NO_POOL:  # the broker's words are those of the wire
            message += " (in Python: pool=... of the call, or of teplo.connect())"
        error = make_error(self.status, message, self.outcome, self.reason, self.call)
        error.tool = tool
        if isinstance(error, RpcError):
            error.code, error.data = self.rpc[0], parsed_data(self.rpc[1])
        if isinstance(error, Overload) and self.retry_after_ms >= 0:
            error.retry_after = self.retry_after_ms / 1000
        raise error


class Failure(Reply):
    """Of a request that libteplo will say nothing more of."""

    __slots__ = ()

    def __init__(self, status: int, message: str, outcome: Outcome, reason: str, call: str) -> None:
        self.status = status
        self.json = None
        self.call = call
        self.message = message
        self.outcome = outcome
        self.reason = reason
        self.rpc = (0, None)
        self.retry_after_ms = -1


def text_at(address: int | None, length: ctypes.c_size_t) -> bytes | None:
    return None if address is None else ctypes.string_at(address, length.value)
