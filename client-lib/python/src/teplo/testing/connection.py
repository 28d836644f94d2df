# SPDX-License-Identifier: MIT
"""One client of the fake broker: what proto/WIRE.md says of a connection."""

import asyncio
import json
import urllib.parse
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from . import answers
from .answers import INVALID_PARAMS, INVALID_REQUEST, LEGACY, MCP, METHOD_NOT_FOUND, MODERN, OWN
from .answers import Json, OwnRefusal, Refusal
from .steps import Answer, Delay, Drop, Fail, Hold, RpcFail, Step
from .tools import Call, FakeTool

if TYPE_CHECKING:
    from .broker import FakeBroker

LEGACY_ONLY = ("initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe")
MODERN_ONLY = ("server/discover", "subscriptions/listen")
NOT_GREETED = (
    'params._meta lacks "io.modelcontextprotocol/protocolVersion" (MCP 2026-07-28), and the '
    "connection is not initialized (MCP 2025-11-25 and before)"
)


class Dropped(Exception):
    """The connection is to be closed instead of an answer."""


class Connection:
    """Lives in the loop of its broker, which owns it."""

    def __init__(
        self, broker: "FakeBroker", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.broker = broker
        self.reader = reader
        self.writer = writer
        self.era: str | None = None
        self.pool: str | None = None
        self.running: dict[Any, asyncio.Task[None]] = {}
        self.calls: dict[Any, Call] = {}
        self.listens: dict[Any, Json] = {}

    async def serve(self) -> None:
        try:
            while line := await self.reader.readline():
                if line.strip():
                    self.take(line)
        except (OSError, ValueError):
            pass  # it has gone, or sent a line beyond all bounds
        finally:
            # What was sent runs to its end unheard.
            self.writer.close()

    def take(self, line: bytes) -> None:
        request_id = None
        try:
            message = parse(line)
            if "method" not in message:
                return
            if "id" not in message:
                self.on_notification(message["method"], message.get("params") or {})
                return
            check_id(message["id"])
            request_id = message["id"]
            self.refuse_used(request_id)
            self.start(request_id, message["method"], message.get("params") or {})
        except Refusal as refusal:
            self.send(answers.error_message(request_id, refusal.error))

    def refuse_used(self, request_id: Any) -> None:
        if request_id in self.running:
            raise OwnRefusal(
                INVALID_REQUEST, "a request with this id is still unanswered; use a new id"
            )

    def send(self, message: Json) -> None:
        """A peer that does not read is bounded by what its test sends."""
        if not self.writer.is_closing():
            self.writer.write(answers.line_of(message))

    # Notifications.

    def on_notification(self, method: str, params: Json) -> None:
        if method != "notifications/cancelled":
            return
        request_id = params.get("requestId")
        self.listens.pop(request_id, None)
        call = self.calls.get(request_id)
        task = self.running.get(request_id)
        if call is not None:
            call.cancelled = True
            call.outcome = "cancelled"
            self.broker.changed()
        if task is not None:
            task.cancel()

    def tell_tools_changed(self) -> None:
        if self.era == "legacy":
            self.send(answers.notification("notifications/tools/list_changed"))
        for request_id, wanted in self.listens.items():
            if wanted.get("toolsListChanged"):
                meta = {MCP + "subscriptionId": request_id}
                self.send(
                    answers.notification("notifications/tools/list_changed", {"_meta": meta})
                )

    # Requests.

    def start(self, request_id: Any, method: str, params: Json) -> None:
        meta = params.get("_meta") or {}
        if method == "teplo/outcome":
            self.send(self.result(request_id, self.outcome(params)))
            return
        self.settle_era(method, meta)
        pool = self.find_pool(meta)
        answer = self.local_answers().get(method)
        if answer is not None:
            result = answer(params, pool)
            if self.era == "modern" and method == "subscriptions/listen":
                self.listens[request_id] = result
                self.acknowledge(request_id, result)
                return
            self.send(self.result(request_id, result))
        elif method == "tools/call":
            self.start_call(request_id, params, pool)
        elif method in ("resources/subscribe", "resources/unsubscribe") or method.startswith("tasks/"):
            raise Refusal(**self.failure_of(Fail(reason="unsupported_in_mode"), pool, None))
        else:
            raise Refusal(METHOD_NOT_FOUND, "Method not found")

    def local_answers(self) -> dict[str, Callable[[Json, str], Json]]:
        return {
            "initialize": self.initialize,
            "server/discover": self.discover,
            "ping": lambda params, pool: {},
            "tools/list": self.list_tools,
            "subscriptions/listen": lambda params, pool: {
                kind: True
                for kind, wanted in (params.get("notifications") or {}).items()
                if kind == "toolsListChanged" and wanted
            },
        }

    def result(self, request_id: Any, result: Json) -> Json:
        return answers.result_message(request_id, result, self.era == "modern")

    def settle_era(self, method: str, meta: Json) -> None:
        """The first message decides; from then on each message must be of that era."""
        version = meta.get(MCP + "protocolVersion")
        if method == "ping" and self.era is None and version is None:
            return
        if version is not None and version != MODERN and self.era != "legacy":
            supported = {"supported": [MODERN], "requested": version}
            raise OwnRefusal(answers.UNSUPPORTED_VERSION, "Unsupported protocol version", supported)
        is_modern = version is not None if self.era is None else self.era == "modern"
        if is_modern and method in LEGACY_ONLY:
            raise OwnRefusal(METHOD_NOT_FOUND, "this method is not part of MCP 2026-07-28")
        is_first = self.era is None
        if version is None and (is_modern or (is_first and method != "initialize")):
            raise OwnRefusal(INVALID_PARAMS, NOT_GREETED)
        if not is_modern and method in MODERN_ONLY:
            raise OwnRefusal(METHOD_NOT_FOUND, "this method is part of MCP 2026-07-28 only")
        if self.era == "legacy" and method == "initialize":
            raise OwnRefusal(INVALID_REQUEST, "this connection is initialized already")
        if method != "server/discover":
            self.era = "modern" if is_modern else "legacy"

    def find_pool(self, meta: Json) -> str:
        wish = meta.get(OWN + "pool", self.pool)
        if isinstance(wish, str) and wish.startswith(("http://", "https://")):
            pool = self.pool_at(wish)
        elif wish is not None and not isinstance(wish, str):
            raise self.no_pool('_meta["dev.teplo/pool"] is not the name of a pool')
        elif wish is None and len(self.broker.pools) > 1:
            raise self.no_pool('name the pool in _meta["dev.teplo/pool"], or use its own socket')
        elif wish is not None and wish not in self.broker.pools:
            raise self.no_pool(f'there is no pool "{wish}"')
        else:
            pool = self.broker.pools[0] if wish is None else wish
        if self.era == "legacy":
            self.pool = pool
        return pool

    def pool_at(self, url: str) -> str:
        wanted = same_url(url)
        if wanted is None:
            raise self.no_pool('the URL in _meta["dev.teplo/pool"] is none')
        found = [pool for pool, known in self.broker.urls.items() if same_url(known) == wanted]
        if not found:
            raise self.no_pool('no pool has a server at the URL in _meta["dev.teplo/pool"]')
        if len(found) > 1:
            raise self.no_pool(
                'several pools have a server at the URL in _meta["dev.teplo/pool"]: name one'
            )
        return found[0]

    def no_pool(self, problem: str) -> Refusal:
        known = ", ".join(json.dumps(pool) for pool in self.broker.pools)
        facts = {"v": 1, "outcome": "not_executed", "reason": "no_pool", "pools": self.broker.pools}
        return OwnRefusal(INVALID_PARAMS, f"{problem}; the pools: {known}", {"teplo": facts})

    # Answers of the broker's own.

    def identity(self, pool: str) -> Json:
        return {"name": pool, "version": self.broker.version}

    def greeting(self) -> Json:
        about = {"capabilities": {"tools": {"listChanged": True}}}
        instructions = self.broker.instructions
        return about if instructions is None else {**about, "instructions": instructions}

    def initialize(self, params: Json, pool: str) -> Json:
        version = params.get("protocolVersion")
        return {
            "protocolVersion": version if version in LEGACY else LEGACY[-1],
            "serverInfo": self.identity(pool),
            **self.greeting(),
        }

    def discover(self, params: Json, pool: str) -> Json:
        return {
            "resultType": "complete",
            "supportedVersions": [MODERN],
            **self.greeting(),
            "ttlMs": 0,
            "cacheScope": "private",
            "_meta": {MCP + "serverInfo": self.identity(pool)},
        }

    def list_tools(self, params: Json, pool: str) -> Json:
        if params.get("cursor") is not None:
            raise OwnRefusal(INVALID_PARAMS, "unknown cursor: lists are served whole, on one page")
        return {"tools": [tool.definition for tool in self.broker.tools_of(pool).values()]}

    def outcome(self, params: Json) -> Json:
        call = params.get("call")
        if not isinstance(call, str) or not is_uuid(call):
            raise OwnRefusal(
                INVALID_PARAMS,
                'params.call is not the id of a call: a UUID, as _meta["dev.teplo/call"] had it',
            )
        found = [record for record in self.broker.calls if record.call == call]
        if not found:
            return answers.outcome_result(call, "no_record", None, None)
        last = found[-1]
        return answers.outcome_result(call, last.outcome, last.reason, last.pool)

    def acknowledge(self, request_id: Any, wanted: Json) -> None:
        meta = {MCP + "subscriptionId": request_id}
        params = {"notifications": wanted, "_meta": meta}
        self.send(answers.notification("notifications/subscriptions/acknowledged", params))

    def failure_of(self, fail: Fail, pool: str, call: Call | None) -> dict[str, Any]:
        return answers.failure_error(
            fail.word,
            fail.message,
            pool,
            call.call if call else str(uuid.uuid4()),
            call.elapsed_ms if call else 0,
            fail.retry_after_ms,
        )

    # Calls.

    def start_call(self, request_id: Any, params: Json, pool: str) -> None:
        name, arguments = params.get("name"), params.get("arguments", {})
        if not isinstance(name, str) or not isinstance(arguments, dict):
            raise Refusal(INVALID_PARAMS, "Invalid request parameters")
        call = self.record_of(name, arguments, params.get("_meta") or {}, pool)
        tool = self.broker.tools_of(pool).get(name)
        call.step = tool.next_step() if tool is not None else None
        self.broker.calls.append(call)
        self.calls[request_id] = call
        self.broker.changed()
        task = asyncio.get_running_loop().create_task(self.answer_call(request_id, call, tool))
        self.running[request_id] = task
        self.broker.keep(task)

    def record_of(self, name: str, arguments: Json, meta: Json, pool: str) -> Call:
        call = meta.get(OWN + "call", str(uuid.uuid4()))
        if not is_uuid(call):
            raise OwnRefusal(INVALID_PARAMS, '_meta["dev.teplo/call"] is not a UUID')
        deadline = meta.get(OWN + "deadlineMs")
        passed = {key: meta[key] for key in meta if not key.startswith((OWN, MCP))}
        return Call(name, arguments, pool, call, passed, deadline)

    async def answer_call(self, request_id: Any, call: Call, tool: FakeTool | None) -> None:
        seconds = None if call.deadline_ms is None else call.deadline_ms / 1000
        try:
            message = await asyncio.wait_for(self.outcome_of(request_id, call, tool), seconds)
        except (TimeoutError, asyncio.TimeoutError):
            message = self.fail(request_id, call, Fail(reason="timeout"))
        except Dropped:
            call.outcome = "unknown"
            message = None
        finally:
            self.running.pop(request_id, None)
            self.calls.pop(request_id, None)
            self.broker.changed()
        if message is None:
            self.writer.close()
        else:
            self.send(message)

    async def outcome_of(self, request_id: Any, call: Call, tool: FakeTool | None) -> Json:
        if tool is None:
            call.outcome = "executed"
            return self.result(request_id, answers.tool_error(f"Unknown tool: {call.tool}"))
        step = await self.waited_for(call.step, call)
        if isinstance(step, (Fail, Drop)):
            if step.has_run if isinstance(step, Fail) else step.runs:
                await self.run(call, tool)
            if isinstance(step, Drop):
                raise Dropped
            return self.fail(request_id, call, step)
        if isinstance(step, RpcFail):
            call.outcome = "executed"
            refusal = Refusal(step.code, step.message, step.data)
            return answers.error_message(request_id, refusal.error)
        result = step.result if isinstance(step, Answer) else await self.run(call, tool)
        call.outcome = "executed"
        return self.result(request_id, result)

    async def waited_for(self, step: Step | None, call: Call) -> Step | None:
        while isinstance(step, (Delay, Hold)):
            if isinstance(step, Delay):
                await asyncio.sleep(step.seconds)
            else:
                await call.gate.wait()
            step = step.then
        return step

    def fail(self, request_id: Any, call: Call, fail: Fail) -> Json:
        error = self.failure_of(fail, call.pool, call)
        call.outcome = error["data"]["teplo"]["outcome"]
        call.reason = fail.word
        return answers.error_message(request_id, error)

    def run(self, call: Call, tool: FakeTool) -> Awaitable[Json]:
        token = call.meta.get("progressToken")
        loop = asyncio.get_running_loop()

        def report(done: float, total: float | None, message: str | None) -> None:
            if token is None:
                return
            params: Json = {"progressToken": token, "progress": done}
            params |= {} if total is None else {"total": total}
            params |= {} if message is None else {"message": message}
            loop.call_soon_threadsafe(
                self.send, answers.notification("notifications/progress", params)
            )

        return tool.run(call.arguments, report, self.broker.executor)


def parse(line: bytes) -> Json:
    try:
        message = json.loads(line)
    except ValueError as error:
        raise OwnRefusal(answers.PARSE_ERROR, f"not JSON: {error}") from None
    if isinstance(message, list):
        raise OwnRefusal(INVALID_REQUEST, "a batch (array) is not accepted: send one message a line")
    if not isinstance(message, dict):
        raise OwnRefusal(INVALID_REQUEST, "a message is an object")
    return message


def same_url(url: str) -> tuple[str, str, int, str] | None:
    """Equal for all spellings of one; None if it is none."""
    parts = urllib.parse.urlsplit(url)
    try:
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (KeyError, ValueError):
        return None
    if not parts.hostname:
        return None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, parts.hostname, port, target


def check_id(request_id: Any) -> None:
    if isinstance(request_id, bool) or not isinstance(request_id, (int, str)):
        raise OwnRefusal(INVALID_REQUEST, "id must be a string or an integer")


def is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False
