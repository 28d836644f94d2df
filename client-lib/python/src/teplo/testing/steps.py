# SPDX-License-Identifier: MIT
"""What a planned call meets instead of, or before, its tool."""

import dataclasses
from typing import Any, Literal

Outcome = Literal["not_executed", "unknown", "result_lost"]

# proto/WIRE.md, "Errors of the broker": reason -> code, outcome, stage, the message's second part.
REASONS: dict[str, tuple[int, Outcome, str | None, str]] = {
    "overloaded": (-31001, "not_executed", "queued", "the pool's queue is full"),
    "out_of_memory": (-31001, "not_executed", "queued", "the broker is out of memory"),
    "ledger_full": (-31001, "not_executed", "queued", "no record of the call could be kept"),
    "queue_timeout": (-31002, "not_executed", "queued", "no session became free in time"),
    "unavailable": (-31003, "not_executed", "queued", "the server cannot be reached"),
    "refused": (-31003, "not_executed", "sent", "the server refused the request before running it"),
    "session_gone": (-31003, "not_executed", None, "the server no longer knew the session"),
    "draining": (-31004, "not_executed", "queued", "no new calls are taken"),
    "denied": (-31005, "not_executed", "queued", "the configuration does not allow this"),
    "client_limit": (-31006, "not_executed", "queued", "this client has too many subscriptions open"),
    "unsupported_in_mode": (-31007, "not_executed", "queued", "not possible on shared sessions"),
    "conn_lost": (-31010, "unknown", "sent", "the connection to the server was lost"),
    "timeout": (-31010, "unknown", "sent", "no answer came before the deadline"),
    "upstream_5xx": (-31010, "unknown", "sent", "the server failed while it had the request"),
    "session_lost_midcall": (-31010, "unknown", "sent", "the session ended before the answer came"),
    "drain_deadline": (-31010, "unknown", "sent", "the broker had to stop before the answer came"),
    "too_large": (-31011, "result_lost", "sent", "the answer is longer than max_response"),
    "malformed": (-31011, "result_lost", "sent", "the answer is not a JSON-RPC message"),
}
FIRST_WORDS: dict[Outcome, str] = {
    "not_executed": "NOT EXECUTED",
    "unknown": "OUTCOME UNKNOWN, do not retry blindly",
    "result_lost": "RESULT LOST",
}
# The reason of a Fail that names only its outcome.
USUAL_REASONS: dict[Outcome, str] = {
    "not_executed": "overloaded",
    "unknown": "session_lost_midcall",
    "result_lost": "too_large",
}
# What error.data.teplo has beside v, outcome, reason and safe_to_retry; most reasons have ALL_FACTS.
ALL_FACTS = ("stage", "upstream", "call", "attempts", "waited_ms", "elapsed_ms")
FACTS: dict[str, tuple[str, ...]] = {
    "overloaded": (*ALL_FACTS, "retry_after_ms"),
    "unavailable": (*ALL_FACTS, "retry_after_ms"),
    "out_of_memory": ("stage", "retry_after_ms"),
    "ledger_full": ("stage", "upstream"),
    "denied": ("stage", "upstream"),
    "session_gone": ("upstream", "call"),
    "client_limit": ("stage", "attempts"),
    "unsupported_in_mode": ("stage", "attempts"),
}


@dataclasses.dataclass(frozen=True)
class Answer:
    """The result object as it stands, without running the tool."""

    result: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Fail:
    """
    A failure of the broker.  REASON: a word of proto/WIRE.md; else the usual one for OUTCOME.
    RUNS: whether the tool runs all the same; by default only with outcome "result_lost".
    """

    outcome: Outcome | None = None
    reason: str | None = None
    message: str | None = None
    retry_after_ms: int = 0
    runs: bool | None = None

    def __post_init__(self) -> None:
        if self.reason is None and self.outcome is None:
            raise ValueError("Fail needs an outcome or a reason")
        if self.reason is not None and self.reason not in REASONS:
            raise ValueError(f"no reason {self.reason!r}; there are {', '.join(REASONS)}")
        if self.outcome is not None and self.outcome not in USUAL_REASONS:
            raise ValueError(f"no outcome {self.outcome!r}; there are {', '.join(USUAL_REASONS)}")
        if self.outcome is not None and self.outcome != REASONS[self.word][1]:
            raise ValueError(f"{self.word} always means {REASONS[self.word][1]}, not {self.outcome}")

    @property
    def word(self) -> str:
        if self.reason is not None:
            return self.reason
        assert self.outcome is not None
        return USUAL_REASONS[self.outcome]

    @property
    def has_run(self) -> bool:
        return REASONS[self.word][1] == "result_lost" if self.runs is None else self.runs


@dataclasses.dataclass(frozen=True)
class RpcFail:
    """A JSON-RPC error of the MCP server's own."""

    code: int
    message: str
    data: Any = None


@dataclasses.dataclass(frozen=True)
class Drop:
    """The connection closes when the call comes.  RUNS: after the tool has run."""

    runs: bool = False


@dataclasses.dataclass(frozen=True)
class Delay:
    """Wait, then THEN, or the tool."""

    seconds: float
    then: "Step | None" = None


@dataclasses.dataclass(frozen=True)
class Hold:
    """Wait for FakeBroker.release(), then THEN, or the tool."""

    then: "Step | None" = None


Step = Answer | Fail | RpcFail | Drop | Delay | Hold
