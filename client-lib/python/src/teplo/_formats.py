# SPDX-License-Identifier: MIT
"""
A model provider's own format over libteplo's toolset: the tools for a request, the calls in a
response, the messages that answer them.  What is special about a provider is in its module.
"""

import ctypes
import dataclasses
import json
import threading
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from . import _ffi
from ._errors import Error, InvalidRequest, make_error
from ._library import explain, lib, quick
from ._pool import Pool
from ._requests import Reply, Request, to_text
from ._settings import kind_of, milliseconds
from ._sync_client import check_blocking
from ._together import Answered, run_together, run_together_sync

Json = dict[str, Any]
AT_ONCE = 8
"""How many calls of one turn are under way at once, unless max_parallel says otherwise."""

ToJson = Callable[[Any], Any]
"""An SDK's object -> what json.dumps takes."""


@dataclasses.dataclass(frozen=True)
class Format:
    """
    A provider's format.  TO_JSON: what to send to the library for an object of the provider's SDK.
    OWN_TURN: what goes back to the model in place of the library's "append"; None: that.
    HINT: for a response that is none of this format: what else it may be, or "".
    """

    provider: int
    flags: int
    to_json: ToJson
    own_turn: Callable[[Any], list[Any] | None]
    hint: Callable[[Json], str] = lambda response: ""


@dataclasses.dataclass(frozen=True)
class Choice:
    """Which tools, and how their calls are made.  See the providers' tools()."""

    servers: tuple[str, ...]
    prefix: bool | None
    only: Collection[str] | None
    timeout: float | None
    max_parallel: int

    def __post_init__(self) -> None:
        if not isinstance(self.max_parallel, int) or self.max_parallel < 1:
            raise InvalidRequest(f"max_parallel is a number, at least 1, not {self.max_parallel!r}")
        if self.timeout is not None:
            milliseconds(self.timeout)
        for server in self.servers:
            to_text(server, "a server's name")
        if isinstance(self.only, (str, bytes)) or not isinstance(self.only, Collection | None):
            raise InvalidRequest(f"only={self.only!r}: a list of names, such as ['list_graphs']")
        if len(set(self.servers)) < len(self.servers):
            raise InvalidRequest(f"a server is named twice: {', '.join(self.servers)}")

    @property
    def asked(self) -> Sequence[str | None]:
        """Whose listings to ask for; None: the pool's own."""
        return self.servers or (None,)

    @property
    def flags(self) -> int:
        is_prefixed = len(self.servers) > 1 if self.prefix is None else self.prefix
        return _ffi.TEPLO_T_PREFIX if is_prefixed else 0

    def check_offered(self, offered: Collection[str]) -> None:
        """OFFERED: the names of all tools.  One that is asked for and is not there is a slip."""
        missing = sorted(set(self.only or ()) - set(offered))
        if missing:
            raise InvalidRequest(
                f"only: no server has {', '.join(missing)}; there are: {', '.join(sorted(offered))}"
            )

    def listing(self, listed: bytes) -> bytes:
        """LISTED, or the part of it that is wanted."""
        if self.only is None:
            return listed
        tools = json.loads(listed).get("tools") or []
        wanted = [tool for tool in tools if tool.get("name") in self.only]
        return json.dumps({"tools": wanted}).encode()


class Turn(list[Any]):
    """
    What to append to the conversation: the model's own turn, and one answer for each of its calls.

    answers  the latter alone, for APIs that keep the conversation themselves
    calls    what the model called, in its order: {"id", "name", "server", "tool", "arguments"}, or
             "error" in place of the arguments if it could not be called.  Empty: the model is done
    text     what it said
    finish   the provider's word for why it stopped, or None
    problem  why there is nothing to be done with this turn (a refusal, a malformed call), or None
    notes    what the library has to say about it
    """

    def __init__(
        self, own: Sequence[Any], answers: Sequence[Any], decoded: Mapping[str, Any]
    ) -> None:
        super().__init__([*own, *answers])
        self.answers = list(answers)
        self.calls: list[Json] = decoded["calls"]
        self.text: str = decoded["text"]
        self.finish: str | None = decoded["finish"]
        self.problem: str | None = decoded["problem"]
        self.notes: list[str] = decoded["notes"]


class ToolSet:
    """
    The tools of one or more MCP servers as one provider's model knows them.  From any thread and
    any loop.

        turn = tools.run(response)             # or: await tools.arun(response)
        messages += turn

    Every call is answered, whatever became of it: what went wrong is told to the model.
    """

    def __init__(self, pool: Pool, form: Format, choice: Choice) -> None:
        self._pool = pool
        self._form = form
        self._choice = choice
        self._native: NativeToolset | None = None

    # What goes into the request.

    @property
    def declarations(self) -> list[Any]:
        """The value of "tools" in the request; a new object each time."""
        return list(json.loads(self._toolset.tools()))

    @property
    def diagnostics(self) -> list[Json]:
        """What was left out, renamed, or said otherwise than the server does, and why."""
        return list(json.loads(self._toolset.diagnostics()))

    def refresh(self) -> None:
        """List the tools again: from the broker's cache, which the servers keep fresh."""
        check_blocking(stacklevel=2)
        self._refresh()

    def _refresh(self) -> None:
        replies = run_together_sync(self._pool, self._listings(), AT_ONCE)
        self._take_listings(replies)

    async def arefresh(self) -> None:
        """refresh for an event loop."""
        self._take_listings(await run_together(self._pool, self._listings(), AT_ONCE))

    # What is done with a response.

    def calls(self, response: Any) -> Turn:
        """The calls in RESPONSE, none made: the turn holds the model's own part alone."""
        decoded, own = self._decode(response)
        return Turn(own, [], decoded)

    call = calls

    def run(self, response: Any) -> Turn:
        """Make the calls, several at once, and wait for all of them."""
        check_blocking(stacklevel=2)
        toolset = self._toolset
        decoded, own = self._decode(response)
        requests = self._requests(decoded["calls"])
        made = run_together_sync(self._pool, requests, self._choice.max_parallel) if requests else []
        return self._turn(toolset, decoded, own, made)

    async def arun(self, response: Any) -> Turn:
        """run for an event loop.  Cancelling it cancels the calls at the servers."""
        toolset = self._toolset
        decoded, own = self._decode(response)
        requests = self._requests(decoded["calls"])
        made = await run_together(self._pool, requests, self._choice.max_parallel)
        return self._turn(toolset, decoded, own, made)

    def answer(self, calls: Sequence[Mapping[str, Any]], outcomes: Sequence[Any]) -> list[Any]:
        """
        Messages for CALLS that the program made itself.  Each of OUTCOMES is a teplo.Result, its
        JSON (a mapping or bytes), or an exception.
        """
        if len(calls) != len(outcomes):
            raise InvalidRequest(f"{len(calls)} calls and {len(outcomes)} outcomes")
        pairs = [pair_of(call, outcome) for call, outcome in zip(calls, outcomes, strict=True)]
        return list(json.loads(self._toolset.answers(array_of(pairs))))

    def __repr__(self) -> str:
        return f"<teplo tools of {self._pool!r}>"

    # Within.

    @property
    def _toolset(self) -> "NativeToolset":
        assert self._native is not None
        return self._native

    def _listings(self) -> list[Request]:
        timeout = self._choice.timeout
        return [
            Request(method="tools/list", timeout=timeout, pool=server)
            for server in self._choice.asked
        ]

    def _take_listings(self, replies: Sequence[Answered]) -> None:
        native = NativeToolset(self._form.provider, self._form.flags | self._choice.flags)
        offered: set[str] = set()
        for server, reply in zip(self._choice.asked, replies, strict=True):
            if isinstance(reply, Error):
                raise reply
            listed = reply.get()
            offered.update(names_in(listed))
            native.add(server, self._choice.listing(listed))
        if self._native is None:  # later a server may well take one away
            self._choice.check_offered(offered)
        self._native = native  # only now: what was there is used until all is well

    def _decode(self, response: Any) -> tuple[Json, list[Any]]:
        """What the library makes of RESPONSE, and what goes back of it."""
        text = as_json(response, self._form.to_json)
        try:
            decoded: Json = json.loads(self._toolset.calls(text))
        except Error as error:
            hint = self._hint(text)
            if not hint:
                raise
            raise make_error(error.status, f"{error}; {hint}", error.outcome) from error
        own = self._form.own_turn(response) if decoded["append"] else None
        return decoded, decoded["append"] if own is None else own

    def _hint(self, text: bytes) -> str:
        try:
            response = json.loads(text)
        except ValueError:
            return ""
        return self._form.hint(response) if isinstance(response, dict) else ""

    def _requests(self, calls: Sequence[Json]) -> list[Request]:
        return [
            Request(
                tool=call["tool"],
                body=call["arguments"],
                timeout=self._choice.timeout,
                pool=call["server"],
            )
            for call in calls
            if "error" not in call
        ]

    def _turn(
        self, toolset: "NativeToolset", decoded: Json, own: list[Any], made: Sequence[Answered]
    ) -> Turn:
        outcomes = iter(made)
        pairs = [
            pair_of(call, None if "error" in call else next(outcomes)) for call in decoded["calls"]
        ]
        answers = json.loads(toolset.answers(array_of(pairs))) if pairs else []
        return Turn(own, answers, decoded)


def names_in(listed: bytes) -> list[str]:
    return [str(tool.get("name")) for tool in json.loads(listed).get("tools") or []]


def chosen(choices: Mapping[str, int], value: str, what: str) -> int:
    """Of an option that has a few words."""
    if not isinstance(value, str) or value not in choices:
        raise InvalidRequest(f"{what}={value!r}: one of {', '.join(map(repr, choices))}")
    return choices[value]


def as_json(response: Any, to_json: ToJson) -> bytes:
    """JSON text as it is; else a mapping, a list, or the objects of an SDK, at any depth."""
    if isinstance(response, (bytes, bytearray, memoryview)):
        return bytes(response)
    if isinstance(response, str):
        return response.encode("utf-8", "surrogatepass")
    try:
        return json.dumps(response, default=to_json).encode()
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"the response cannot be said in JSON: {error}") from error


def model_dump(value: Any, **keywords: Any) -> Any:
    """For json.dumps(default=...): the pydantic models of the providers' SDKs."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", **keywords)
    raise TypeError(f"a {type(value).__module__}.{type(value).__qualname__} is no response")


def pair_of(call: Mapping[str, Any], outcome: Any) -> bytes:
    """What teplo_toolset_answers takes for one call.  OUTCOME None: the call has its own error."""
    head = b'{"call":' + json.dumps(call).encode()
    result = result_of(outcome)
    if result is not None:
        return head + b',"result":' + result + b"}"
    if outcome is None:
        return head + b"}"
    return head + b',"error":' + json.dumps(error_of(outcome)).encode() + b"}"


def result_of(outcome: Any) -> bytes | None:
    """The bytes of a result, as they were received if they were."""
    if isinstance(outcome, Reply):
        return (outcome.json or b"{}") if outcome.status == _ffi.TEPLO_OK else None
    if isinstance(outcome, bytes):
        return outcome
    if isinstance(outcome, Mapping):
        return json.dumps(outcome).encode()
    json_of_answer = getattr(outcome, "json", None)
    return json_of_answer if isinstance(json_of_answer, bytes) else None


def error_of(outcome: Any) -> Json:
    error = outcome
    if isinstance(outcome, Reply):
        message = outcome.message or explain(outcome.status)
        error = make_error(outcome.status, message, outcome.outcome, outcome.reason, outcome.call)
    if not isinstance(error, BaseException):
        raise InvalidRequest(f"no result and no exception: {error!r}")
    told = {"class": type(error).__name__}
    if not isinstance(error, Error):
        return {**told, "message": str(error)}
    # Without the UUID that str() has: no model can ask for an outcome.
    return {**told, "message": error.message, "outcome": error.outcome}


def array_of(texts: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(texts) + b"]"


class NativeToolset:
    """One teplo_toolset.  Reading it writes its error, so that one thread at a time may."""

    def __init__(self, provider: int, flags: int) -> None:
        pointer = ctypes.c_void_p()
        status = quick.teplo_toolset_new(provider, flags, ctypes.byref(pointer))
        if status != _ffi.TEPLO_OK or pointer.value is None:
            raise make_error(status, explain(status), "not_executed")
        self.pointer = pointer.value
        self.lock = threading.Lock()
        self.finalizer = weakref.finalize(self, quick.teplo_toolset_free, pointer.value)

    def add(self, server: str | None, listing: bytes) -> None:
        with self.lock:
            name = None if server is None else server.encode()
            self.check(lib.teplo_toolset_add(self.pointer, name, listing, len(listing)))

    def tools(self) -> bytes:
        return self.text(quick.teplo_toolset_tools)

    def diagnostics(self) -> bytes:
        return self.text(quick.teplo_toolset_diagnostics)

    def calls(self, response: bytes) -> bytes:
        return self.converted(lib.teplo_toolset_calls, response)

    def answers(self, pairs: bytes) -> bytes:
        return self.converted(lib.teplo_toolset_answers, pairs)

    def text(self, function: Callable[[int | None, Any], int | None]) -> bytes:
        length = ctypes.c_size_t()
        with self.lock:
            at = function(self.pointer, ctypes.byref(length))
            return b"[]" if at is None else ctypes.string_at(at, length.value)

    def converted(
        self, function: Callable[[int | None, bytes | None, int, Any, Any], int], text: bytes
    ) -> bytes:
        made, length = ctypes.c_void_p(), ctypes.c_size_t()
        with self.lock:
            self.check(
                function(self.pointer, text, len(text), ctypes.byref(made), ctypes.byref(length))
            )
        try:
            return ctypes.string_at(made.value or 0, length.value)
        finally:
            quick.teplo_free(made.value)

    def check(self, status: int) -> None:
        """With the lock held."""
        if status != _ffi.TEPLO_OK:
            said = quick.teplo_toolset_error(self.pointer).decode("utf-8", "replace")
            raise make_error(status, said or explain(status), "not_executed")


async def open_toolset(pool: Pool, form: Format, choice: Choice) -> ToolSet:
    check_pool(pool)
    tools = ToolSet(pool, form, choice)
    await tools.arefresh()
    return tools


def check_pool(pool: object) -> None:
    if not isinstance(pool, Pool):
        raise InvalidRequest(f"the tools of a teplo.Pool, as teplo.connect() makes it, not of {kind_of(pool)}")


def open_toolset_sync(pool: Pool, form: Format, choice: Choice) -> ToolSet:
    """For the providers' tools_sync."""
    check_blocking(stacklevel=3)
    check_pool(pool)
    tools = ToolSet(pool, form, choice)
    tools._refresh()
    return tools


def or_flags(*flags: tuple[bool, int]) -> int:
    """The flags whose condition holds."""
    total = 0
    for is_wanted, flag in flags:
        total |= flag if is_wanted else 0
    return total
