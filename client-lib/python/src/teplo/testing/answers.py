# SPDX-License-Identifier: MIT
"""What the broker's messages look like: pure functions over JSON."""

import json
from collections.abc import Mapping
from typing import Any

from .steps import ALL_FACTS, FACTS, FIRST_WORDS, REASONS

Json = dict[str, Any]

MODERN = "2026-07-28"
LEGACY = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MCP = "io.modelcontextprotocol/"
OWN = "dev.teplo/"

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
UNSUPPORTED_VERSION = -32022

LISTS = ("tools", "prompts", "resources", "resourceTemplates")

OUTCOME_TEXTS = {
    "pending": "it was sent, or is about to be, and has not been answered yet",
    "executed": "the server answered it",
    "not_executed": "it did not run, and will not",
    "unknown": "it may have run, or may still",
    "result_lost": "it ran; its answer could not be given",
    "cancelled": "it was sent and then taken back: it may have run",
    "no_record": "this ledger knows nothing of it, so it may have run",
}


class Refusal(Exception):
    """A JSON-RPC error as the answer."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.error: Json = {"code": code, "message": message}
        if data is not None:
            self.error["data"] = data


class OwnRefusal(Refusal):
    """One of the broker itself: it says that nothing was executed."""

    def __init__(self, code: int, message: str, data: Mapping[str, Any] | None = None) -> None:
        facts = {"v": 1, "outcome": "not_executed", "reason": "bad_request"}
        super().__init__(code, message, {"teplo": facts, **(data or {})})


def line_of(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def result_message(request_id: Any, result: Json, is_modern: bool) -> Json:
    """A modern client is told the result's type, and how long a list keeps."""
    if is_modern:
        caching = {"ttlMs": 0, "cacheScope": "private"} if any(n in result for n in LISTS) else {}
        result = {"resultType": "complete", **caching, **result}
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def error_message(request_id: Any, error: Json) -> Json:
    return {"jsonrpc": "2.0", "id": request_id, "error": error}


def notification(method: str, params: Json | None = None) -> Json:
    message: Json = {"jsonrpc": "2.0", "method": method}
    return message if params is None else {**message, "params": params}


def failure_error(
    reason: str, detail: str | None, pool: str, call: str, elapsed_ms: int, retry_after_ms: int
) -> Json:
    """An error of the broker, as proto/WIRE.md shows one for each reason."""
    code, outcome, stage, text = REASONS[reason]
    known: Json = {
        "stage": stage,
        "upstream": pool,
        "call": call,
        "attempts": int(stage == "sent"),
        "waited_ms": 0,
        "elapsed_ms": elapsed_ms,
        "retry_after_ms": retry_after_ms,
    }
    told = {name: known[name] for name in FACTS.get(reason, ALL_FACTS)}
    facts = {"v": 1, "outcome": outcome, "reason": reason, **told}
    facts["safe_to_retry"] = outcome == "not_executed"
    message = f"{FIRST_WORDS[outcome]}: {text}" + (f": {detail}" if detail else "")
    return {"code": code, "message": message, "data": {"teplo": facts}}


def tool_result(value: Any) -> Json:
    """What a Python function returned, as a tools/call result."""
    if isinstance(value, Mapping) and isinstance(value.get("content"), list):
        return {"isError": False, **value}
    if value is None:
        return {"content": [], "isError": False}
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    result: Json = {"content": [{"type": "text", "text": text}]}
    if isinstance(value, Mapping):
        result["structuredContent"] = dict(value)
    return {**result, "isError": False}


def tool_error(text: str) -> Json:
    return {"content": [{"type": "text", "text": text}], "isError": True}


def outcome_result(call: str, outcome: str, reason: str | None, pool: str | None) -> Json:
    result: Json = {"call": call, "outcome": outcome}
    if reason is not None:
        result["reason"] = reason
    if pool is not None:
        result["pool"] = pool[:16]
    return {**result, "text": OUTCOME_TEXTS[outcome]}
