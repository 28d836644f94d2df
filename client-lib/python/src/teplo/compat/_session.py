# SPDX-License-Identifier: MIT
"""ClientSession: the SDK's surface, 1.x and 2.x, over a teplo.Pool."""

import asyncio
import datetime
import inspect
import json
import sys
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from .. import _ffi
from .._errors import Error, make_error, parsed_data
from .._library import explain
from .._requests import Reply, Request
from .._settings import NO_DEADLINE
from ._places import Place, Stream, facade_of
from ._refusals import refuse_parameters, refused_method
from ._sdk import INVALID_REQUEST, installed, sdk_error

Json = dict[str, Any]
Seconds = float | datetime.timedelta | None

PROTOCOL_VERSION = "2025-11-25"  # the last with a handshake: what initialize() answers
SERVER_INFO = "io.modelcontextprotocol/serverInfo"
CALL_KEY = "dev.teplo/call"
PROGRESS_PATIENCE = 1.0
ELSEWHERE = (
    "teplo.compat.ClientSession was given streams that teplo.compat did not make: it is the SDK's "
    "own session, to where they lead, and not through the broker's pools.  Import the transport "
    "from teplo.compat too, or ClientSession from mcp"
)


class ClientSession:
    """
    As mcp.ClientSession, made of the streams of teplo.compat's transports; given other streams
    it is mcp.ClientSession itself, and warns of it unless install() put it there.

    It holds nothing open: enter it in one task, use it in others and in other event loops, leave it
    in a third, or never.  Leaving it closes nothing at the server.  A cancelled call is
    cancelled at the server.  Results are the installed SDK's classes; they are not held against the
    tool's output schema, which would cost a tools/list.
    """

    def __new__(cls, read_stream: Any = None, *arguments: Any, **keywords: Any) -> Any:
        original = installed().session_class
        if isinstance(read_stream, Stream) or original is None or cls is not ClientSession:
            return super().__new__(cls)
        if sys.modules["mcp"].ClientSession is not ClientSession:
            warnings.warn(ELSEWHERE, RuntimeWarning, stacklevel=2)
        return original(read_stream, *arguments, **keywords)

    def __init__(
        self,
        read_stream: Any = None,
        write_stream: Any = None,
        read_timeout_seconds: Seconds = None,
        sampling_callback: Any = None,
        elicitation_callback: Any = None,
        list_roots_callback: Any = None,
        logging_callback: Any = None,
        message_handler: Any = None,
        client_info: Any = None,
        **others: Any,
    ) -> None:
        if not isinstance(read_stream, Stream):
            raise TypeError("teplo.compat.ClientSession takes the streams of teplo.compat.sse_client")
        refuse_parameters(
            "ClientSession",
            {
                "sampling_callback": sampling_callback,
                "elicitation_callback": elicitation_callback,
                "list_roots_callback": list_roots_callback,
                "logging_callback": logging_callback,
                "message_handler": message_handler,
                **others,
            },
        )
        self._place: Place = read_stream.place
        self._timeout = read_timeout_seconds
        self._discovered: Json | None = None
        self._left = False

    async def __aenter__(self) -> "ClientSession":
        self._left = False
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """From now on calls are refused; those under way come to their end."""
        self._left = True

    # Who is there.

    async def initialize(self) -> Any:
        """The server's identity as the broker has it: no request reaches the server for it."""
        self._discovered = await self._ask("server/discover", {})
        return self.initialize_result

    async def discover(self) -> Any:
        """As in SDK 2."""
        self._discovered = await self._ask("server/discover", {})
        return installed().result("DiscoverResult", self._discovered)

    def get_server_capabilities(self) -> Any:
        """None before initialize()."""
        return self.server_capabilities

    @property
    def initialize_result(self) -> Any:
        if self._discovered is None:
            return None
        meta = self._discovered.get("_meta") or {}
        raw: Json = {
            "protocolVersion": PROTOCOL_VERSION,
            "capabilities": self._discovered.get("capabilities") or {},
            "serverInfo": meta.get(SERVER_INFO) or {"name": self._place.pool, "version": ""},
        }
        if self._discovered.get("instructions") is not None:
            raw["instructions"] = self._discovered["instructions"]
        return installed().result("InitializeResult", raw)

    @property
    def server_capabilities(self) -> Any:
        result = self.initialize_result
        return None if result is None else result.capabilities

    @property
    def server_info(self) -> Any:
        raw = ((self._discovered or {}).get("_meta") or {}).get(SERVER_INFO)
        return None if raw is None else installed().result("Implementation", raw)

    @property
    def instructions(self) -> str | None:
        return (self._discovered or {}).get("instructions")

    @property
    def protocol_version(self) -> str | None:
        return None if self._discovered is None else PROTOCOL_VERSION

    @property
    def discover_result(self) -> Any:
        """None: as after initialize() in SDK 2."""
        return None

    # Lists.

    async def list_tools(self, cursor: str | None = None, *, params: Any = None) -> Any:
        return await self._list("tools/list", "ListToolsResult", cursor, params)

    async def list_resources(self, cursor: str | None = None, *, params: Any = None) -> Any:
        return await self._list("resources/list", "ListResourcesResult", cursor, params)

    async def list_resource_templates(self, cursor: str | None = None, *, params: Any = None) -> Any:
        kind = "ListResourceTemplatesResult"
        return await self._list("resources/templates/list", kind, cursor, params)

    async def list_prompts(self, cursor: str | None = None, *, params: Any = None) -> Any:
        return await self._list("prompts/list", "ListPromptsResult", cursor, params)

    async def _list(self, method: str, kind: str, cursor: str | None, params: Any) -> Any:
        if cursor is not None and params is not None:
            raise ValueError("Cannot specify both cursor and params")
        body = plain(params) if cursor is None else {"cursor": cursor}
        return installed().result(kind, await self._ask(method, body))

    # Calls.

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        read_timeout_seconds: Seconds = None,
        progress_callback: Callable[..., Any] | None = None,
        *,
        meta: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> Any:
        refuse_parameters("call_tool", others)
        meta, call = without_call(meta)
        telling = Telling(progress_callback) if progress_callback is not None else None
        raw = await self._run(
            tool=name,
            body=None if arguments is None else dict(arguments),
            timeout=self._seconds(read_timeout_seconds),
            progress=telling.take if telling else None,
            meta=meta,
            call=call,
        )
        if telling:
            await telling.finish()
        self._refuse_questions(raw)
        return installed().result("CallToolResult", raw)

    async def read_resource(self, uri: Any, **others: Any) -> Any:
        meta = others.pop("meta", None)
        refuse_parameters("read_resource", others)
        raw = await self._ask("resources/read", {"uri": str(uri)}, meta)
        self._refuse_questions(raw)
        return installed().result("ReadResourceResult", raw)

    async def get_prompt(
        self, name: str, arguments: Mapping[str, str] | None = None, **others: Any
    ) -> Any:
        meta = others.pop("meta", None)
        refuse_parameters("get_prompt", others)
        body: Json = {"name": name}
        if arguments is not None:
            body["arguments"] = dict(arguments)
        raw = await self._ask("prompts/get", body, meta)
        self._refuse_questions(raw)
        return installed().result("GetPromptResult", raw)

    async def complete(
        self,
        ref: Any,
        argument: Mapping[str, str],
        context_arguments: Mapping[str, str] | None = None,
    ) -> Any:
        body: Json = {"ref": plain(ref), "argument": dict(argument)}
        if context_arguments is not None:
            body["context"] = {"arguments": dict(context_arguments)}
        return installed().result("CompleteResult", await self._ask("completion/complete", body))

    async def send_ping(self, *, meta: Mapping[str, Any] | None = None) -> Any:
        """Whether the broker is there: the servers are its care."""
        await self._ask("server/discover", {}, meta)
        return installed().result("EmptyResult", {})

    async def send_request(
        self,
        request: Any,
        result_type: Any,
        request_read_timeout_seconds: Seconds = None,
        metadata: Any = None,
        progress_callback: Callable[..., Any] | None = None,
    ) -> Any:
        """Any request of the SDK's; METADATA concerns transports and is not used."""
        body = plain(request)
        method, params = str(body.get("method")), body.get("params") or {}
        if method == "initialize":
            return await self.initialize()
        if method == "ping":
            return await self.send_ping()
        telling = Telling(progress_callback) if progress_callback is not None else None
        raw = await self._run(
            method=method,
            body=params,
            timeout=self._seconds(request_read_timeout_seconds),
            progress=telling.take if telling else None,
        )
        if telling:
            await telling.finish()
        return installed().parsed(result_type, raw)

    # What needs a session of one's own.

    async def set_logging_level(self, level: Any, **_: Any) -> Any:
        raise refused_method("set_logging_level")

    async def subscribe_resource(self, uri: Any, **_: Any) -> Any:
        raise refused_method("subscribe_resource")

    async def unsubscribe_resource(self, uri: Any, **_: Any) -> Any:
        raise refused_method("unsubscribe_resource")

    async def send_progress_notification(self, *_: Any, **__: Any) -> None:
        raise refused_method("send_progress_notification")

    async def send_roots_list_changed(self) -> None:
        raise refused_method("send_roots_list_changed")

    async def send_notification(self, notification: Any, *_: Any) -> None:
        """The one that ends a handshake is taken: there is nothing to do."""
        if plain(notification).get("method") != "notifications/initialized":
            raise refused_method("send_notification")

    async def send_discover(self, version: str) -> Any:
        raise refused_method("send_discover")

    def adopt(self, result: Any) -> None:
        raise refused_method("adopt")

    @property
    def experimental(self) -> Any:
        raise refused_method("experimental")

    # The way to the broker.

    async def _ask(self, method: str, params: Json, meta: Mapping[str, Any] | None = None) -> Json:
        return await self._run(method=method, body=params, timeout=self._seconds(None), meta=meta)

    async def _run(self, **asked: Any) -> Json:
        """ASKED: of teplo._requests.Request, but for the pool."""
        if self._left:
            text = "this session was left: its `async with` has ended"
            closed = make_error(_ffi.TEPLO_E_STATE, text, "not_executed")
            raise sdk_error(closed, 0, text, None)
        reply = await self._reply(Request(pool=self._place.pool, **asked))
        if reply.status == _ffi.TEPLO_E_NO_POOL and self._place.adopt(pools_in(reply)):
            reply = await self._reply(Request(pool=self._place.pool, **asked))
        if reply.status != _ffi.TEPLO_OK:
            raise self._error_of(reply)
        raw: Json = json.loads(reply.json or b"{}")
        return raw

    async def _reply(self, request: Request) -> Reply:
        try:
            return await facade_of(self._place)._client().run(request)
        except Error as error:
            raise sdk_error(error, 0, error.message, None) from error

    def _error_of(self, reply: Reply) -> Exception:
        message = reply.message or explain(reply.status)
        error = make_error(reply.status, message, reply.outcome, reply.reason, reply.call)
        if reply.status == _ffi.TEPLO_E_NO_POOL:
            message += (
                f". Which of them is {self._place.url}? Say teplo.compat.configure("
                f"{{{self._place.url!r}: 'NAME'}}), or set TEPLO_POOL=NAME"
            )
        return sdk_error(error, reply.rpc[0], message, parsed_data(reply.rpc[1]))

    def _seconds(self, asked: Seconds) -> float:
        """As in the SDK: the call's own, else the session's, else for as long as the broker lets it."""
        limit = self._timeout if asked is None else asked
        if limit is None:
            return NO_DEADLINE
        return limit.total_seconds() if isinstance(limit, datetime.timedelta) else float(limit)

    def _refuse_questions(self, raw: Json) -> None:
        if raw.get("resultType", "complete") != "complete":
            text = "the server asks for input before it answers: that needs a session of its own"
            error = make_error(_ffi.TEPLO_E_UNSUPPORTED, text, "executed", "unsupported_in_mode")
            raise sdk_error(error, INVALID_REQUEST, text, None)


class Telling:
    """Progress to a callback, in order; an awaitable one is awaited in a task of this loop."""

    def __init__(self, callback: Callable[..., Any]) -> None:
        self.callback = callback
        self.waiting: deque[tuple[float, float | None, str | None]] = deque()
        self.task: asyncio.Task[None] | None = None

    def take(self, done: float, total: float | None, message: str | None) -> None:
        self.waiting.append((done, total, message))
        if self.task is None or self.task.done():
            self.task = asyncio.get_running_loop().create_task(self.tell_all())

    async def tell_all(self) -> None:
        while self.waiting:
            try:
                told = self.callback(*self.waiting.popleft())
                if inspect.isawaitable(told):
                    await told
            except Exception as error:  # noqa: BLE001 - as in the SDK, it does not end the call
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "a progress callback failed", "exception": error}
                )

    async def finish(self) -> None:
        """What was told before the answer is heard before it, unless the callback takes long."""
        if self.task is not None:
            await asyncio.wait({self.task}, timeout=PROGRESS_PATIENCE)


def pools_in(reply: Reply) -> list[str]:
    """Those that a refusal of the broker names."""
    data = parsed_data(reply.rpc[1])
    facts = data.get("teplo") if isinstance(data, dict) else None
    pools = facts.get("pools") if isinstance(facts, dict) else None
    return [str(pool) for pool in pools] if isinstance(pools, list) else []


def without_call(meta: Mapping[str, Any] | None) -> tuple[Json | None, str | None]:
    """META without the UUID of the call, which the library sets; and that UUID."""
    if meta is None:
        return None, None
    rest = dict(plain(meta))
    call = rest.pop(CALL_KEY, None)
    return rest or None, call


def plain(value: Any) -> Json:
    """A model of the SDK, or a mapping, as JSON has it."""
    if value is None:
        return {}
    if hasattr(value, "model_dump"):
        dumped: Json = value.model_dump(by_alias=True, mode="json", exclude_none=True)
        return dumped
    return dict(value)
