# SPDX-License-Identifier: MIT
"""What the raw test server answers: the MCP methods, and tools that each misbehave in one way.

A tool is a coroutine that gets a Call.  By default the POST is answered 202 first and the
result follows on the stream; a tool that is about the POST itself is marked own_post
and answers it on its own, returning whether the connection goes on.
"""

import asyncio
import json

import raw_http

TOOLS = {}


def tool(schema=None, own_post=False):
    def add(function):
        TOOLS[function.__name__] = (function, schema or {"type": "object"}, own_post)
        return function

    return add


class Call:
    """One message of the client, as it came."""

    def __init__(self, server, stream, message, body, writer):
        self.server = server
        self.stream = stream
        self.message = message
        self.body = body
        self.writer = writer
        self.id = message.get("id")
        self.params = message.get("params") or {}
        self.arguments = self.params.get("arguments") or {} if isinstance(self.params, dict) else {}

    def raw(self, *path):
        """The text of params.PATH exactly as it was sent, or None."""
        text = self.body.decode("utf-8")
        span = raw_http.member_span(text, ("params",) + path)
        return text[span[0] : span[1]] if span else None

    def ack(self, status=202, body="Accepted"):
        return self.server.answer_post(self.writer, status, body)

    def answer_text(self, result_text):
        """The result is RESULT_TEXT, spliced in as it is."""
        self.stream.event(f'{{"jsonrpc":"2.0","id":{json.dumps(self.id)},"result":{result_text}}}')

    def answer(self, result):
        self.answer_text(json.dumps(result, ensure_ascii=False))

    def answer_error(self, code, message, data=None):
        error = {"code": code, "message": message}
        if data is not None:
            error["data"] = data
        self.stream.message({"jsonrpc": "2.0", "id": self.id, "error": error})

    def say(self, text):
        self.answer({"content": [{"type": "text", "text": text}]})

    def progress(self, step, total=None):
        token = self.params.get("_meta", {}).get("progressToken")
        params = {"progressToken": token, "progress": step, "message": f"крок {step}"}
        if total is not None:
            params["total"] = total
        self.stream.message(
            {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}
        )


async def play(call):
    """Answer one POST and what it holds.  True if the connection goes on."""
    if "method" not in call.message:
        return answered(call)
    if call.message["method"] != "tools/call":
        return plain_method(call)
    name = call.params.get("name")
    call.server.counters[f"tool {name}"] += 1
    if name not in TOOLS:
        goes_on = call.ack()
        call.answer_error(-32602, f"Unknown tool: {name}")
        return goes_on
    function, _, own_post = TOOLS[name]
    if own_post:
        return await function(call)
    goes_on = call.ack()
    call.server.start(function(call))
    return goes_on


def answered(call):
    future = call.stream.answers.get(call.id)
    if future and not future.done():
        future.set_result(call.message)
    return call.ack()


def plain_method(call):
    goes_on = call.ack()
    name = "method_" + call.message["method"].replace("/", "_")
    if name in globals():
        globals()[name](call)
    elif call.id is not None:
        call.answer_error(-32601, f"Method not found: {call.message['method']}")
    return goes_on


def method_initialize(call):
    settings = call.server.settings
    if settings["initialize_error"]:
        error = settings["initialize_error"]
        call.answer_error(error["code"], error["message"], error.get("data"))
        return
    result = {
        "protocolVersion": settings["protocol_version"] or call.params["protocolVersion"],
        "capabilities": settings["capabilities"],
        "serverInfo": settings["server_info"],
    }
    if settings["instructions"]:
        result["instructions"] = settings["instructions"]
    call.answer(result)


def method_ping(call):
    call.answer({})


def method_notifications_cancelled(call):
    call.stream.cancelled[call.params.get("requestId")].set()


def method_tools_list(call):
    pages = call.server.settings["tools_pages"]
    page = int(call.params.get("cursor", "page-0").removeprefix("page-") or 0)
    names = sorted(TOOLS)
    size = -(-len(names) // pages)
    tools = [
        {"name": name, "description": TOOLS[name][0].__doc__, "inputSchema": TOOLS[name][1]}
        for name in names[page * size : (page + 1) * size]
    ]
    result = {"tools": tools}
    if page + 1 < pages:
        result["nextCursor"] = f"page-{page + 1}"
    call.answer(result)


def method_prompts_list(call):
    call.answer({"prompts": [{"name": "greeting", "description": "a greeting"}]})


def method_prompts_get(call):
    content = {"type": "text", "text": f"Вітаю, {call.params.get('name')}"}
    call.answer({"messages": [{"role": "user", "content": content}]})


def method_resources_list(call):
    call.answer({"resources": [{"uri": "raw://one", "name": "one"}]})


def method_resources_templates_list(call):
    call.answer({"resourceTemplates": [{"uriTemplate": "raw://{name}", "name": "any"}]})


def method_resources_read(call):
    uri = call.params.get("uri")
    if uri != "raw://one":
        call.answer_error(-32002, "Resource not found", {"uri": uri})
        return
    call.answer({"contents": [{"uri": uri, "mimeType": "text/plain", "text": "один"}]})


# Tools that behave.


@tool()
async def echo(call):
    """structuredContent is the arguments, byte for byte."""
    arguments = call.raw("arguments") or "null"
    call.answer_text(
        f'{{"content":[{{"type":"text","text":"echo"}}],"structuredContent":{arguments}}}'
    )


@tool()
async def counter(call):
    """Counts up by key and answers with the new value."""
    call.server.counters[call.arguments["key"]] += 1
    call.say(str(call.server.counters[call.arguments["key"]]))


@tool()
async def session_counter(call):
    """Counts up for the session alone: state that a client must not share."""
    call.stream.count = getattr(call.stream, "count", 0) + 1
    call.say(str(call.stream.count))


@tool()
async def hold(call):
    """Answers when the control interface releases the key."""
    await call.server.released[call.arguments["key"]].wait()
    call.say(f"released {call.arguments['key']}")


@tool()
async def progress(call):
    """Sends so many progress notifications, then answers."""
    steps = call.arguments.get("steps", 3)
    for step in range(1, steps + 1):
        call.progress(step, steps)
    call.say(f"{steps} steps")


@tool()
async def progress_then_hold(call):
    """One progress notification, then waits like hold."""
    call.progress(1)
    await hold(call)


@tool()
async def error(call):
    """A JSON-RPC error of the server's own."""
    arguments = call.arguments
    call.answer_error(
        arguments.get("code", -32603), arguments.get("message", "зламалося"), arguments.get("data")
    )


@tool()
async def is_error(call):
    """A result that says isError."""
    call.answer({"content": [{"type": "text", "text": "не вийшло"}], "isError": True})


@tool()
async def huge(call):
    """A text of so many bytes."""
    call.say("x" * call.arguments["bytes"])


@tool()
async def result_text(call):
    """The result is the given JSON text, spliced in as it is."""
    call.answer_text(call.arguments["text"])


# Tools that misbehave on the stream.


@tool()
async def silent(call):
    """Never answers."""


@tool()
async def cut(call):
    """Counts the call, then closes the stream instead of answering."""
    call.server.counters[call.arguments.get("key", "cut")] += 1
    call.stream.cut()


@tool()
async def cut_in_answer(call):
    """Closes the stream in the middle of the answer."""
    call.stream.write(b'event: message\ndata: {"jsonrpc":"2.0","id":')
    call.stream.cut()


@tool()
async def late(call):
    """Answers only after it was cancelled."""
    await call.stream.cancelled[call.id].wait()
    call.say("late")
    await call.server.tell()


@tool()
async def pretty(call):
    """The answer as JSON over many lines, so many data lines."""
    result = {"content": [{"type": "text", "text": "рядок\nрядок"}], "nested": {"a": [1, 2]}}
    message = {"jsonrpc": "2.0", "id": call.id, "result": result}
    call.stream.event(json.dumps(message, ensure_ascii=False, indent=2))


@tool()
async def dribble(call):
    """The answer byte by byte."""
    eol = call.server.settings["eol"]
    result = {"content": [{"type": "text", "text": "крапля за краплею 💧"}]}
    message = json.dumps({"jsonrpc": "2.0", "id": call.id, "result": result}, ensure_ascii=False)
    for byte in f"event: message{eol}data: {message}{eol}{eol}".encode():
        call.stream.writer.write(bytes([byte]))
        await call.stream.writer.drain()
        await asyncio.sleep(0)


@tool()
async def comments_first(call):
    """Comments, unknown events and fields before the answer."""
    eol = call.server.settings["eol"]
    lines = [": ping - 2026", "event: ping", "data: {}", "", "id: 7", "retry: 10", "nonsense", ""]
    call.stream.write((eol.join(lines) + eol).encode())
    call.say("after comments")


@tool()
async def garbage(call):
    """An event that is no JSON, then the answer."""
    call.stream.event("this is not JSON {")
    call.say("after garbage")


@tool()
async def malformed_answer(call):
    """An answer with our id that is no JSON-RPC message."""
    call.stream.event(f'{{"jsonrpc":"2.0","id":{json.dumps(call.id)},"result":{{"content":[}}}}')


@tool()
async def wrong_id(call):
    """An answer to a call nobody made, then the right one."""
    call.stream.message({"jsonrpc": "2.0", "id": 999999999, "result": {"content": []}})
    call.say("right")


@tool()
async def twice(call):
    """The answer two times, the second one different."""
    call.say("first")
    call.say("second")


@tool()
async def foreign_progress(call):
    """Progress for a token nobody gave, then the answer."""
    params = {"progressToken": 987654321, "progress": 1}
    call.stream.message({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
    call.say("done")


@tool()
async def ask(call):
    """Sends the client a request first and answers with the client's answer."""
    answer = await call.stream.ask(call.arguments["method"], call.arguments.get("params"))
    call.say(json.dumps(answer))


@tool()
async def list_changed(call):
    """Says that the tools changed, then answers."""
    call.stream.message({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
    call.say("changed")


# Tools that misbehave at the POST.


@tool(own_post=True)
async def answer_first(call):
    """The answer on the stream, then 202 (with a key: once it is released)."""
    call.say("before 202")
    await call.stream.writer.drain()
    if "key" in call.arguments:
        await call.server.released[call.arguments["key"]].wait()
    return call.ack()


@tool(own_post=True)
async def status(call):
    """The POST is answered with this status, and nothing is run."""
    return call.ack(call.arguments["status"], call.arguments.get("body", "refused"))


@tool(own_post=True)
async def status_late(call):
    """202 only once released; the answer comes with it."""
    await call.server.released[call.arguments["key"]].wait()
    goes_on = call.ack()
    call.say("acknowledged late")
    return goes_on


@tool(own_post=True)
async def no_status(call):
    """Runs, then closes the POST's connection without a byte; the stream lives on."""
    call.server.counters[call.arguments.get("key", "no_status")] += 1
    return False


@tool(own_post=True)
async def half_status(call):
    """Runs, then closes the POST's connection inside the status line."""
    call.server.counters[call.arguments.get("key", "half_status")] += 1
    call.writer.write(b"HTTP/1.1 20")
    return False


@tool(own_post=True)
async def never_status(call):
    """The POST is never answered, and neither is the call."""
    call.server.counters[call.arguments.get("key", "never_status")] += 1
    await asyncio.Event().wait()


@tool(own_post=True)
async def never_status_but_answer(call):
    """The POST is never answered, but the call is, on the stream."""
    call.say("answered without 202")
    await asyncio.Event().wait()


@tool(own_post=True)
async def garbage_status(call):
    """The POST is answered with bytes that are no HTTP."""
    call.writer.write(b"\x00\x01 not HTTP at all\r\n\r\n")
    return False
