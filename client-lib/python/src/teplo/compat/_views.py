# SPDX-License-Identifier: MIT
"""Results where no SDK is installed: JSON whose members are attributes, in both SDKs' spellings."""

import json
import re
from collections.abc import Mapping
from typing import Any

# Members that the SDK's models have although the server left them out: None, or this.
OPTIONAL: dict[str, Any] = {
    "_meta": None, "annotations": None, "data": None, "description": None, "icons": None,
    "instructions": None, "mimeType": None, "nextCursor": None, "outputSchema": None, "size": None,
    "structuredContent": None, "title": None, "websiteUrl": None, "isError": False,
    "logging": None, "prompts": None, "resources": None, "tools": None, "completions": None,
    "experimental": None, "subscribe": None, "listChanged": None, "arguments": None,
    "required": None, "total": None, "hasMore": None, "execution": None,
    "readOnlyHint": None, "destructiveHint": None, "idempotentHint": None, "openWorldHint": None,
}  # fmt: skip
SPECIAL = {"meta": "_meta"}
CAPITAL = re.compile(r"_([a-z])")


class View:
    """A JSON object: view.isError, view.is_error; the object itself is view.raw."""

    __slots__ = ("raw",)

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = dict(raw)

    def __getattr__(self, name: str) -> Any:
        if name == "raw" or name.startswith("__"):  # a copy in the making has no "raw" yet
            raise AttributeError(name)
        for member in (name, SPECIAL.get(name), CAPITAL.sub(lambda at: at[1].upper(), name)):
            if member in self.raw:
                return viewed(member, self.raw[member])
            if member in OPTIONAL:
                return OPTIONAL[member]
        raise AttributeError(f"no {name!r} in {self!r}")

    def __repr__(self) -> str:
        return f"View({json.dumps(self.raw, ensure_ascii=False)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, View) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash(repr(self))

    def model_dump(self, **_: Any) -> dict[str, Any]:
        """The object; what pydantic could do to it on the way is not done."""
        return dict(self.raw)


# Whose values are JSON of somebody else, or a map by names, and have no members of MCP's.
OPAQUE = {"inputSchema", "outputSchema", "structuredContent", "_meta", "experimental", "data"}


def viewed(member: str | None, value: Any) -> Any:
    if member in OPAQUE:
        return value
    if isinstance(value, Mapping):
        return View(value)
    if isinstance(value, list):
        return [viewed(None, item) for item in value]
    return value


class ErrorView:
    """The error of an McpError, as the SDK's ErrorData has it."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        self.code = code
        self.message = message
        self.data = data

    def __repr__(self) -> str:
        return f"ErrorView(code={self.code}, message={self.message!r}, data={self.data!r})"


class McpError(Exception):
    """Stands for the SDK's exception of that name (MCPError in SDK 2)."""

    def __init__(self, error: ErrorView) -> None:
        super().__init__(error.message)
        self.error = error

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.error,), self.__dict__

    @property
    def code(self) -> int:
        return self.error.code

    @property
    def message(self) -> str:
        return self.error.message

    @property
    def data(self) -> Any:
        return self.error.data
