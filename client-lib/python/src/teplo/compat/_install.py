# SPDX-License-Identifier: MIT
"""Put the stand-ins where programs import the SDK's own from."""

import importlib
from types import TracebackType
from typing import Any

from . import _places, _session
from ._sdk import installed

# module, name -> the stand-in.  What an SDK does not have is left out.
NAMES: dict[tuple[str, str], Any] = {
    ("mcp.client.sse", "sse_client"): _places.sse_client,
    ("mcp.client.streamable_http", "streamablehttp_client"): _places.streamablehttp_client,
    ("mcp.client.streamable_http", "streamable_http_client"): _places.streamable_http_client,
    ("mcp.client.session", "ClientSession"): _session.ClientSession,
    ("mcp.client", "ClientSession"): _session.ClientSession,
    ("mcp", "ClientSession"): _session.ClientSession,
}


class Installed:
    """undo() puts the SDK's own names back; so does leaving it, as a context manager."""

    def __init__(self) -> None:
        self.originals: list[tuple[Any, str, Any]] = []

    def undo(self) -> None:
        while self.originals:
            module, name, original = self.originals.pop()
            setattr(module, name, original)

    def __enter__(self) -> "Installed":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.undo()


def install() -> Installed:
    """
    Replace the SDK's transports and ClientSession by these, for modules that import them from now
    on: call it first.  Explicit imports of teplo.compat say better what a program does.
    """
    if installed().session_class is None:
        raise ImportError("teplo.compat.install() needs the package 'mcp', which is not installed")
    done = Installed()
    for (module_name, name), replacement in NAMES.items():
        module = importlib.import_module(module_name)
        if hasattr(module, name):
            done.originals.append((module, name, getattr(module, name)))
            setattr(module, name, replacement)
    return done
