# SPDX-License-Identifier: MIT
"""What comes back.  Values own their bytes: keep them, pickle them, pass them to other threads."""

import json as json_module
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, overload

from ._errors import Outcome

LONE_SURROGATES = re.compile("[\ud800-\udfff]")


class Answer:
    """
    The result of any request.

    json   the result object as received, byte for byte
    raw    the same, parsed (once, when first asked for); do not change it
    call   the UUID under which Pool.outcome knows the call; "" for what is not recorded
    """

    def __init__(self, json: bytes, *, call: str = "") -> None:
        self.json = json
        self.call = call

    @cached_property
    def raw(self) -> dict[str, Any]:
        value: dict[str, Any] = json_module.loads(self.json)
        return value

    def __repr__(self) -> str:
        shown = self.json[:200].decode("utf-8", "replace")
        return f"<{type(self).__name__} {shown}{'...' if len(self.json) > 200 else ''}>"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Answer) and other.json == self.json

    def __hash__(self) -> int:
        return hash(self.json)


class Result(Answer):
    """
    What a tool answered.

    is_error    the tool said that it failed; text says why.  Not an exception
    text        the text blocks, joined by newlines; "" if there are none
    content     all blocks, as dicts
    structured  structuredContent, or None
    """

    @property
    def is_error(self) -> bool:
        return self.raw.get("isError") is True

    @property
    def content(self) -> list[dict[str, Any]]:
        blocks = self.raw.get("content")
        return blocks if isinstance(blocks, list) else []

    @property
    def structured(self) -> Any:
        return self.raw.get("structuredContent")

    @cached_property
    def text(self) -> str:
        texts = [
            block["text"]
            for block in self.content
            if isinstance(block, dict)
            and block.get("type") == "text"
            and isinstance(block.get("text"), str)
        ]
        # JSON may hold half a pair; such a text could be written to no file or socket.
        return LONE_SURROGATES.sub("\ufffd", "\n".join(texts))

    def __str__(self) -> str:
        return self.text


class Tool:
    """name, description ("" if there is none), input_schema, and raw: all that the server says."""

    __slots__ = ("raw",)

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw

    @property
    def name(self) -> str:
        return str(self.raw.get("name", ""))

    @property
    def description(self) -> str:
        return self.raw.get("description") or ""

    @property
    def input_schema(self) -> dict[str, Any]:
        schema = self.raw.get("inputSchema")
        return schema if isinstance(schema, dict) else {}

    def __repr__(self) -> str:
        return f"<Tool {self.name}>"


class Tools(Answer, Sequence[Tool]):
    """The tools of a pool, in the server's order; tools["name"] finds one by its name."""

    @cached_property
    def _items(self) -> tuple[Tool, ...]:
        return tuple(Tool(raw) for raw in self.raw.get("tools", ()) if isinstance(raw, dict))

    @property
    def names(self) -> list[str]:
        return [tool.name for tool in self._items]

    @overload
    def __getitem__(self, which: int | str) -> Tool: ...
    @overload
    def __getitem__(self, which: slice) -> tuple[Tool, ...]: ...
    def __getitem__(self, which: int | str | slice) -> Tool | tuple[Tool, ...]:
        if not isinstance(which, str):
            return self._items[which]
        for tool in self._items:
            if tool.name == which:
                return tool
        raise KeyError(which)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._items)

    def __repr__(self) -> str:
        return f"<Tools {', '.join(self.names)}>"


class CallOutcome(Answer):
    """
    What the broker's ledger knows of a call.

    outcome  "pending", "executed", "not_executed", "unknown", "result_lost", "cancelled" (it may
             have run) or "no_record" (which does not mean that it did not run)
    reason   the broker's word, "" if there is none
    pool     the pool's name, at most 16 bytes of it; "" if unknown
    text     the same, for people and models
    """

    @property
    def outcome(self) -> str:
        return str(self.raw.get("outcome", "no_record"))

    @property
    def reason(self) -> str:
        return str(self.raw.get("reason") or "")

    @property
    def pool(self) -> str:
        return str(self.raw.get("pool") or "")

    @property
    def text(self) -> str:
        return str(self.raw.get("text") or "")


__all__ = ["Answer", "CallOutcome", "Outcome", "Result", "Tool", "Tools"]
