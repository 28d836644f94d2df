# SPDX-License-Identifier: MIT
"""The installed SDK's own classes for results and errors, whichever SDK it is; else our views."""

import functools
from collections.abc import Mapping
from typing import Any

from .. import _ffi
from .._errors import Error, RpcError
from .._optional import find
from ._views import ErrorView, McpError, View

CONNECTION_CLOSED = -32000
INVALID_REQUEST = -32600
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603

# Where the SDK has a code for what the library itself says; the broker's own codes pass.
CODES = {
    _ffi.TEPLO_E_CONNECT: CONNECTION_CLOSED,
    _ffi.TEPLO_E_CLOSED: CONNECTION_CLOSED,
    _ffi.TEPLO_E_CANCELLED: CONNECTION_CLOSED,
    _ffi.TEPLO_E_STATE: CONNECTION_CLOSED,
    _ffi.TEPLO_E_INVAL: INVALID_PARAMS,
    _ffi.TEPLO_E_TOOBIG: INVALID_REQUEST,
}
# Told by the broker to clients of 2026-07-28; this session says that it is of 2025-11-25.
MODERN_MEMBERS = ("resultType", "ttlMs", "cacheScope")


def as_legacy(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: raw[name] for name in raw if name not in MODERN_MEMBERS}


class NoSdk:
    """No package mcp: light views, and an exception with the same attributes."""

    timeout_code = 408
    streams_of_http = 3
    session_class: Any = None

    def result(self, kind: str, raw: Mapping[str, Any]) -> Any:
        return View(as_legacy(raw))

    def parsed(self, result_type: Any, raw: Mapping[str, Any]) -> Any:
        return View(as_legacy(raw))

    def error(self, code: int, message: str, data: Any) -> Exception:
        return McpError(ErrorView(code, message, data))


class Sdk1:
    """mcp 1.x: camelCase attributes, McpError(ErrorData), a timeout is code 408."""

    timeout_code = 408
    streams_of_http = 3

    def __init__(self, types: Any, mcp: Any) -> None:
        self.types = types
        self.error_class = mcp.McpError
        self.session_class = mcp.ClientSession

    def result(self, kind: str, raw: Mapping[str, Any]) -> Any:
        return getattr(self.types, kind).model_validate(as_legacy(raw))

    def parsed(self, result_type: Any, raw: Mapping[str, Any]) -> Any:
        return result_type.model_validate(as_legacy(raw))

    def error(self, code: int, message: str, data: Any) -> Exception:
        error: Exception = self.error_class(
            self.types.ErrorData(code=code, message=message, data=data)
        )
        return error


class Sdk2:
    """mcp 2.x: snake_case attributes, MCPError(code, message, data), a timeout is -32001."""

    timeout_code = -32001
    streams_of_http = 2

    def __init__(self, types: Any, mcp: Any) -> None:
        self.types = types
        self.error_class = mcp.MCPError
        self.session_class = mcp.ClientSession

    def result(self, kind: str, raw: Mapping[str, Any]) -> Any:
        return getattr(self.types, kind).model_validate(as_legacy(raw), by_name=False)

    def parsed(self, result_type: Any, raw: Mapping[str, Any]) -> Any:
        if hasattr(result_type, "validate_python"):  # a TypeAdapter
            return result_type.validate_python(as_legacy(raw), by_name=False)
        return result_type.model_validate(as_legacy(raw), by_name=False)

    def error(self, code: int, message: str, data: Any) -> Exception:
        error: Exception = self.error_class(code, message, data)
        return error


@functools.lru_cache(maxsize=1)
def installed() -> NoSdk | Sdk1 | Sdk2:
    """Found once: install() replaces names of the SDK later, and these are the originals."""
    types, mcp = find("mcp.types"), find("mcp")
    if types is None or mcp is None:
        return NoSdk()
    return Sdk2(types, mcp) if hasattr(types, "jsonrpc_message_adapter") else Sdk1(types, mcp)


def sdk_error(error: Error, code: int, message: str, data: Any) -> Exception:
    """
    The SDK's exception for ERROR.  Beside its own attributes it has those of ERROR that tell
    whether the tool may have run: outcome, reason, call, safe_to_retry.  What the server itself
    answered keeps its code and its data.
    """
    sdk = installed()
    if isinstance(error, RpcError):
        return told_outcome(sdk.error(code, message, data), error)
    if error.status == _ffi.TEPLO_E_TIMEOUT:
        code = sdk.timeout_code
    elif code == 0:
        code = CODES.get(error.status, INTERNAL_ERROR)
    if data is None:
        known = {"outcome": error.outcome, "reason": error.reason, "call": error.call}
        data = {"teplo": {"v": 1, **known, "safe_to_retry": error.safe_to_retry}}
    return told_outcome(sdk.error(code, message, data), error)


def told_outcome(made: Any, error: Error) -> Exception:
    made.outcome, made.reason, made.call = error.outcome, error.reason, error.call
    made.safe_to_retry = error.safe_to_retry
    made.__cause__ = error
    exception: Exception = made
    return exception
