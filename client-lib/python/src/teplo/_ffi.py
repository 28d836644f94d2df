# SPDX-License-Identifier: MIT
# Made by tools/make_ffi.py from client-lib/include/teplo.h.  Do not edit: change the header, and run that.
"""libteplo for ctypes: its numbers, its one public structure, and its prototypes.

Pointers are integers here (None is NULL).  Text that libteplo returns with a length is an
address, for ctypes.string_at; text with an end of its own is bytes.
"""

import ctypes
from collections.abc import Callable
from typing import Any, Final

TEPLO_ABI: Final = 1
TEPLO_VERSION_NUMBER: Final = 0x000100
TEPLO_NO_DEADLINE: Final = -1
TEPLO_FOREVER: Final = -1
TEPLO_F_PROGRESS: Final = 1
TEPLO_F_NO_RETRY: Final = 2
TEPLO_T_STRICT: Final = 1
TEPLO_T_PREFIX: Final = 2
TEPLO_T_NO_MEDIA: Final = 4
TEPLO_T_STRUCTURED: Final = 8
TEPLO_T_SEPARATE_MEDIA: Final = 16
TEPLO_T_MODE_ANY: Final = 32

# enum teplo_err
TEPLO_OK: Final = 0
TEPLO_E_INVAL: Final = -1
TEPLO_E_NOMEM: Final = -2
TEPLO_E_STATE: Final = -3
TEPLO_E_FORKED: Final = -4
TEPLO_E_NOENT: Final = -5
TEPLO_E_AGAIN: Final = -6
TEPLO_E_TOOBIG: Final = -7
TEPLO_E_CONNECT: Final = -20
TEPLO_E_CLOSED: Final = -21
TEPLO_E_PROTO: Final = -22
TEPLO_E_TIMEOUT: Final = -40
TEPLO_E_CANCELLED: Final = -41
TEPLO_E_OVERLOAD: Final = -42
TEPLO_E_NO_POOL: Final = -43
TEPLO_E_UPSTREAM: Final = -45
TEPLO_E_DENIED: Final = -46
TEPLO_E_DRAINING: Final = -47
TEPLO_E_UNSUPPORTED: Final = -48
TEPLO_E_RESULT_LOST: Final = -49
TEPLO_E_RPC: Final = -60

# enum teplo_outcome
TEPLO_EXECUTED: Final = 0
TEPLO_NOT_EXECUTED: Final = 1
TEPLO_UNKNOWN: Final = 2
TEPLO_RESULT_LOST: Final = 3

# enum teplo_option
TEPLO_OPT_SOCKET: Final = 1
TEPLO_OPT_POOL: Final = 2
TEPLO_OPT_CLIENT_NAME: Final = 3
TEPLO_OPT_TIMEOUT_MS: Final = 4
TEPLO_OPT_RECONNECT_MS: Final = 5
TEPLO_OPT_MAX_IN_FLIGHT: Final = 6
TEPLO_OPT_MAX_MESSAGE: Final = 7
TEPLO_OPT_MAX_IDLE: Final = 8

# enum teplo_kind
TEPLO_K_ANSWER: Final = 1
TEPLO_K_PROGRESS: Final = 2
TEPLO_K_NOTIFICATION: Final = 3

# enum teplo_provider
TEPLO_OPENAI_CHAT: Final = 1
TEPLO_OPENAI_RESPONSES: Final = 2
TEPLO_GEMINI: Final = 3
TEPLO_GEMINI_OPENAPI: Final = 4
TEPLO_ANTHROPIC: Final = 5


class Callopts(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("timeout_ms", ctypes.c_int64),
        ("pool", ctypes.c_char_p),
        ("call", ctypes.c_char_p),
        ("meta", ctypes.c_char_p),
        ("meta_length", ctypes.c_size_t),
        ("cancel", ctypes.c_void_p),
    ]


def _bind(cdll: ctypes.CDLL, name: str, restype: Any, *argtypes: Any) -> Any:
    try:
        function = getattr(cdll, name)
    except AttributeError:
        return _missing(cdll, name)
    function.restype = restype
    function.argtypes = argtypes
    return function


def _missing(cdll: ctypes.CDLL, name: str) -> Any:
    def complain(*_: Any) -> Any:
        raise NotImplementedError(f"{cdll._name} has no {name}: it is older than this package")

    return complain


class Library:
    """
    The functions of an opened libteplo, with their prototypes.  One that a library older than
    this package lacks complains when it is called.
    """

    def __init__(self, cdll: ctypes.CDLL) -> None:
        self.teplo_options_new: Callable[[], int | None] = _bind(
            cdll, "teplo_options_new", ctypes.c_void_p
        )
        self.teplo_options_free: Callable[[int | None], None] = _bind(
            cdll, "teplo_options_free", None, ctypes.c_void_p
        )
        self.teplo_options_set_text: Callable[[int | None, int, bytes | None], int] = _bind(
            cdll, "teplo_options_set_text", ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
        )
        self.teplo_options_set_number: Callable[[int | None, int, int], int] = _bind(
            cdll, "teplo_options_set_number", ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
        )
        self.teplo_open: Callable[[int | None, Any], int] = _bind(
            cdll, "teplo_open", ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)
        )
        self.teplo_wait_ready: Callable[[int | None, int], int] = _bind(
            cdll, "teplo_wait_ready", ctypes.c_int, ctypes.c_void_p, ctypes.c_int64
        )
        self.teplo_close: Callable[[int | None], None] = _bind(
            cdll, "teplo_close", None, ctypes.c_void_p
        )
        self.teplo_errmsg: Callable[[int | None], bytes] = _bind(
            cdll, "teplo_errmsg", ctypes.c_char_p, ctypes.c_void_p
        )
        self.teplo_fd: Callable[[int | None], int] = _bind(
            cdll, "teplo_fd", ctypes.c_int, ctypes.c_void_p
        )
        self.teplo_dispatch: Callable[[int | None], int] = _bind(
            cdll, "teplo_dispatch", ctypes.c_int, ctypes.c_void_p
        )
        self.teplo_next: Callable[[int | None, Any, Any, Any], int] = _bind(
            cdll, "teplo_next", ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint64), ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_void_p)
        )
        self.teplo_wait: Callable[[int | None, int], int] = _bind(
            cdll, "teplo_wait", ctypes.c_int, ctypes.c_void_p, ctypes.c_int64
        )
        self.teplo_call_tool_start: Callable[[int | None, bytes | None, bytes | None, int, Any, Any], int] = _bind(
            cdll, "teplo_call_tool_start", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(Callopts), ctypes.POINTER(ctypes.c_uint64)
        )
        self.teplo_list_tools_start: Callable[[int | None, Any, Any], int] = _bind(
            cdll, "teplo_list_tools_start", ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(Callopts), ctypes.POINTER(ctypes.c_uint64)
        )
        self.teplo_request_start: Callable[[int | None, bytes | None, bytes | None, int, Any, Any], int] = _bind(
            cdll, "teplo_request_start", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(Callopts), ctypes.POINTER(ctypes.c_uint64)
        )
        self.teplo_cancel: Callable[[int | None, int, bytes | None], int] = _bind(
            cdll, "teplo_cancel", ctypes.c_int, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_char_p
        )
        self.teplo_call_tool: Callable[[int | None, bytes | None, bytes | None, int, Any, Any], int] = _bind(
            cdll, "teplo_call_tool", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(Callopts), ctypes.POINTER(ctypes.c_void_p)
        )
        self.teplo_list_tools: Callable[[int | None, Any, Any], int] = _bind(
            cdll, "teplo_list_tools", ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(Callopts), ctypes.POINTER(ctypes.c_void_p)
        )
        self.teplo_request: Callable[[int | None, bytes | None, bytes | None, int, Any, Any], int] = _bind(
            cdll, "teplo_request", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(Callopts), ctypes.POINTER(ctypes.c_void_p)
        )
        self.teplo_shared_new: Callable[[int | None, Any], int] = _bind(
            cdll, "teplo_shared_new", ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)
        )
        self.teplo_shared_free: Callable[[int | None], None] = _bind(
            cdll, "teplo_shared_free", None, ctypes.c_void_p
        )
        self.teplo_shared_call_tool: Callable[[int | None, bytes | None, bytes | None, int, Any, Any], int] = _bind(
            cdll, "teplo_shared_call_tool", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(Callopts), ctypes.POINTER(ctypes.c_void_p)
        )
        self.teplo_shared_list_tools: Callable[[int | None, Any, Any], int] = _bind(
            cdll, "teplo_shared_list_tools", ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(Callopts), ctypes.POINTER(ctypes.c_void_p)
        )
        self.teplo_shared_request: Callable[[int | None, bytes | None, bytes | None, int, Any, Any], int] = _bind(
            cdll, "teplo_shared_request", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(Callopts), ctypes.POINTER(ctypes.c_void_p)
        )
        self.teplo_cancel_token_new: Callable[[], int | None] = _bind(
            cdll, "teplo_cancel_token_new", ctypes.c_void_p
        )
        self.teplo_cancel_token_fire: Callable[[int | None], None] = _bind(
            cdll, "teplo_cancel_token_fire", None, ctypes.c_void_p
        )
        self.teplo_cancel_token_unref: Callable[[int | None], None] = _bind(
            cdll, "teplo_cancel_token_unref", None, ctypes.c_void_p
        )
        self.teplo_result_status: Callable[[int | None], int] = _bind(
            cdll, "teplo_result_status", ctypes.c_int, ctypes.c_void_p
        )
        self.teplo_result_is_error: Callable[[int | None], int] = _bind(
            cdll, "teplo_result_is_error", ctypes.c_int, ctypes.c_void_p
        )
        self.teplo_result_outcome: Callable[[int | None], int] = _bind(
            cdll, "teplo_result_outcome", ctypes.c_int, ctypes.c_void_p
        )
        self.teplo_result_json: Callable[[int | None, Any], int | None] = _bind(
            cdll, "teplo_result_json", ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)
        )
        self.teplo_result_text: Callable[[int | None, Any], int | None] = _bind(
            cdll, "teplo_result_text", ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)
        )
        self.teplo_result_message: Callable[[int | None, Any], int | None] = _bind(
            cdll, "teplo_result_message", ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)
        )
        self.teplo_result_reason: Callable[[int | None], bytes] = _bind(
            cdll, "teplo_result_reason", ctypes.c_char_p, ctypes.c_void_p
        )
        self.teplo_result_call: Callable[[int | None], bytes] = _bind(
            cdll, "teplo_result_call", ctypes.c_char_p, ctypes.c_void_p
        )
        self.teplo_result_rpc_code: Callable[[int | None], int] = _bind(
            cdll, "teplo_result_rpc_code", ctypes.c_int64, ctypes.c_void_p
        )
        self.teplo_result_rpc_data: Callable[[int | None, Any], int | None] = _bind(
            cdll, "teplo_result_rpc_data", ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)
        )
        self.teplo_result_retry_after_ms: Callable[[int | None], int] = _bind(
            cdll, "teplo_result_retry_after_ms", ctypes.c_int64, ctypes.c_void_p
        )
        self.teplo_result_free: Callable[[int | None], None] = _bind(
            cdll, "teplo_result_free", None, ctypes.c_void_p
        )
        self.teplo_toolset_new: Callable[[int, int, Any], int] = _bind(
            cdll, "teplo_toolset_new", ctypes.c_int, ctypes.c_int, ctypes.c_uint32, ctypes.POINTER(ctypes.c_void_p)
        )
        self.teplo_toolset_add: Callable[[int | None, bytes | None, bytes | None, int], int] = _bind(
            cdll, "teplo_toolset_add", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t
        )
        self.teplo_toolset_error: Callable[[int | None], bytes] = _bind(
            cdll, "teplo_toolset_error", ctypes.c_char_p, ctypes.c_void_p
        )
        self.teplo_toolset_tools: Callable[[int | None, Any], int | None] = _bind(
            cdll, "teplo_toolset_tools", ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)
        )
        self.teplo_toolset_diagnostics: Callable[[int | None, Any], int | None] = _bind(
            cdll, "teplo_toolset_diagnostics", ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)
        )
        self.teplo_toolset_calls: Callable[[int | None, bytes | None, int, Any, Any], int] = _bind(
            cdll, "teplo_toolset_calls", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_size_t)
        )
        self.teplo_toolset_answers: Callable[[int | None, bytes | None, int, Any, Any], int] = _bind(
            cdll, "teplo_toolset_answers", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_size_t)
        )
        self.teplo_toolset_free: Callable[[int | None], None] = _bind(
            cdll, "teplo_toolset_free", None, ctypes.c_void_p
        )
        self.teplo_free: Callable[[int | None], None] = _bind(
            cdll, "teplo_free", None, ctypes.c_void_p
        )
        self.teplo_strerror: Callable[[int], bytes] = _bind(
            cdll, "teplo_strerror", ctypes.c_char_p, ctypes.c_int
        )
        self.teplo_version: Callable[[], int] = _bind(
            cdll, "teplo_version", ctypes.c_uint32
        )
        self.teplo_abi: Callable[[], int] = _bind(
            cdll, "teplo_abi", ctypes.c_uint32
        )
