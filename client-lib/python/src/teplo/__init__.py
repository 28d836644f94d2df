# SPDX-License-Identifier: MIT
"""
The tools of MCP servers, through teplod, the broker that keeps the sessions.

    import teplo

    pool = teplo.connect()                                    # once, for the whole process

    result = await pool.call_tool("list_graphs", {})          # in any event loop
    result = pool.call_tool_sync("list_graphs", {})           # in any thread
    print(result.text)

A call that fails raises a teplo.Error; its .outcome says whether the tool may have run.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from ._async_client import Client
from ._errors import (
    BlockingCallWarning,
    Cancelled,
    Closed,
    ConnectError,
    ConnectionLost,
    Denied,
    Draining,
    Error,
    InvalidRequest,
    NoSuchPool,
    Overload,
    ProtocolError,
    ResultLost,
    RpcError,
    Timeout,
    TooBig,
    Unsupported,
    UpstreamError,
)
from ._library import PLACE as LIBRARY, version as library_version
from ._pool import Pool, connect
from ._results import Answer, CallOutcome, Result, Tool, Tools
from ._settings import NO_DEADLINE, Settings
from ._sync_client import SyncClient

if TYPE_CHECKING:
    from . import anthropic as anthropic, compat as compat, gemini as gemini
    from . import openai as openai, testing as testing, transport as transport

__version__ = "0.1.0"

__all__ = [
    "LIBRARY", "NO_DEADLINE",
    "Answer", "BlockingCallWarning", "CallOutcome", "Cancelled", "Client", "Closed", "ConnectError",
    "ConnectionLost", "Denied", "Draining", "Error", "InvalidRequest", "NoSuchPool", "Overload",
    "Pool", "ProtocolError", "Result", "ResultLost", "RpcError", "Settings", "SyncClient", "Timeout",
    "Tool", "Tools", "TooBig", "Unsupported", "UpstreamError", "connect", "library_version",
]  # fmt: skip

# Imported when they are first named: who makes calls alone need not wait for them.
_MODULES = ("anthropic", "compat", "gemini", "openai", "testing", "transport")


if not TYPE_CHECKING:  # or a type checker would believe in every name

    def __getattr__(name: str) -> ModuleType:
        if name in _MODULES:
            return importlib.import_module(f".{name}", __name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
