# SPDX-License-Identifier: MIT
"""A scriptable MCP server over raw HTTP+SSE: no SDK, every byte under the test's control.

The faults come from two sides.  SETTINGS hold for the whole server and are changed while it
runs; the tools of raw_tools.py misbehave for one call each.

Control is by POST /__ctl with a JSON object:
  {"do": "set", "values": {...}}         change settings
  {"do": "report"}                       everything recorded (bodies in base64)
  {"do": "reset"}                        forget what was recorded and the settings
  {"do": "wait", "method": "tools/call", "count": 3}
                                         answers once so many were recorded since the reset
  {"do": "wait_streams", "count": 0}     answers once exactly so many streams are open
  {"do": "streams"}                      the session ids of the open streams
  {"do": "release", "key": "k"}          lets the tools "hold" with that key answer
  {"do": "send", "text": "..."}          these bytes to every open stream
  {"do": "event", "message": {...}}      this message to every open stream
  {"do": "ask", "method": "ping"}        a request to every open stream; its answer is recorded
  {"do": "wait_answers", "count": 1}     answers once so many of those answers came
  {"do": "cut"}                          close every stream
  {"do": "forget"}                       know no session any more, and close nothing
"""

import argparse
import asyncio
import base64
import collections
import copy
import json
import pathlib
import sys
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import raw_faults  # noqa: E402
import raw_http  # noqa: E402
import raw_tools  # noqa: E402
import serving  # noqa: E402

SETTINGS = {
    "eol": "\r\n",  # or "\n", "\r"
    "endpoint": "relative",  # absolute, cross (another origin), none, or the text itself
    "preamble": "",  # bytes before the endpoint event: a BOM, comments, other events
    "get_status": 200,  # of GET: anything else is answered with get_body and no stream
    "get_body": "",
    "get_type": "text/event-stream",
    "get_headers": [],
    "mute_streams": False,  # accept GET and never say anything
    "post_status": 202,
    "post_body": "Accepted",
    "post_methods": None,  # the JSON-RPC methods that post_status is for; null: all
    "post_times": None,  # how many times; null: always
    "post_never": [],  # methods whose POST is never answered (and not executed)
    "close_after_post": False,  # close the connection after each answer: "said", or "silent"
    "idle_close_ms": None,  # close a connection idle for so long after a request
    "expect": "continue",  # to "Expect: 100-continue": or "ignore", "417", "reset", "close"
    "host": None,  # the only Host accepted; others get 421
    "bearer": None,  # the only bearer token accepted; others get 401
    "capabilities": {"tools": {"listChanged": True}, "prompts": {}, "resources": {}},
    "server_info": {"name": "raw", "version": "1"},
    "instructions": None,
    "protocol_version": None,  # null: the one asked for
    "initialize_error": None,  # an error object: the answer to initialize
    "tools_pages": 1,
    "mute_methods": [],  # methods that are accepted and never answered
    "split": 0,  # write streams in pieces of so many bytes; 0: whole
}


class Stream:
    """One open event stream: a session."""

    def __init__(self, server, writer):
        self.server = server
        self.writer = writer
        self.session_id = uuid.uuid4().hex
        self.next_id = 0
        self.cancelled = collections.defaultdict(asyncio.Event)
        self.answers = {}

    def write(self, data):
        size = self.server.settings["split"]
        if not size or self.writer.is_closing():
            self.writer.write(data)
            return
        for at in range(0, len(data), size):
            self.writer.write(data[at : at + size])

    def event(self, text, name="message"):
        """One event; every line of TEXT becomes a data line."""
        eol = self.server.settings["eol"]
        lines = [f"event: {name}"] + [f"data: {line}" for line in text.split("\n")]
        self.write((eol.join(lines) + eol + eol).encode("utf-8", "surrogatepass"))

    def message(self, value):
        self.event(json.dumps(value, ensure_ascii=False))

    async def ask(self, method, params=None):
        """Send a request of ours; the answer of the client."""
        request_id, self.next_id = self.next_id, self.next_id + 1
        self.answers[request_id] = asyncio.get_running_loop().create_future()
        request = {"jsonrpc": "2.0", "id": request_id, "method": method}
        self.message(request if params is None else {**request, "params": params})
        return await self.answers[request_id]

    def cut(self):
        self.writer.close()


class RawServer:
    def __init__(self):
        self.streams = {}
        self.total_streams = 0
        self.peak_streams = 0
        self.changed = asyncio.Condition()
        self.tasks = set()
        self.reset()

    def reset(self):
        self.settings = copy.deepcopy(SETTINGS)
        self.requests = []
        self.answers = []
        self.counters = collections.Counter()
        self.released = collections.defaultdict(asyncio.Event)
        self.total_streams = len(self.streams)
        self.peak_streams = len(self.streams)
        self.connections = 0

    async def record(self, request, method):
        self.requests.append(
            {
                "http": f"{request.method} {request.target}",
                "headers": request.headers,
                "body": base64.b64encode(request.body).decode(),
                "method": method,
            }
        )
        await self.tell()

    async def tell(self):
        async with self.changed:
            self.changed.notify_all()

    def start(self, coroutine):
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def on_connection(self, reader, writer):
        self.connections += 1
        try:
            goes_on = await self.serve_one(reader, writer, None)
            while goes_on:
                goes_on = await self.serve_one(reader, writer, self.settings["idle_close_ms"])
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def serve_one(self, reader, writer, idle_ms):
        """True if the connection goes on."""
        request = await raw_http.read_request(
            reader, writer, idle_ms / 1000 if idle_ms else None, self.on_expect
        )
        if request is None:
            return False
        if request.path == "/__ctl":
            writer.write(raw_http.json_response(await self.control(json.loads(request.body))))
            return True
        refusal = self.refusal(request)
        if refusal:
            await self.record(request, None)
            writer.write(refusal)
            return True
        if request.method == "GET":
            return await self.on_get(request, reader, writer)
        return await self.on_post(request, writer)

    def on_expect(self, writer):
        """What is said to a client that asks before its body.  False: no body will come."""
        manner = self.settings["expect"]
        self.counters[f"expect {manner}"] += 1
        if manner == "continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        elif manner == "417":
            writer.write(raw_http.response(417, "", close=True))
        elif manner == "reset":
            raw_faults.reset(writer)
        return manner in ("continue", "ignore")

    def refusal(self, request):
        host, bearer = self.settings["host"], self.settings["bearer"]
        if host and request.header("host") != host:
            return raw_http.response(421, "Invalid Host header")
        if bearer and request.header("authorization") != f"Bearer {bearer}":
            challenge = [("WWW-Authenticate", 'Bearer error="invalid_token"')]
            return raw_http.response(401, "Unauthorized", headers=challenge)
        return None

    async def on_get(self, request, reader, writer):
        settings = self.settings
        await self.record(request, None)
        if settings["get_status"] != 200 or settings["get_body"]:
            writer.write(
                raw_http.response(
                    settings["get_status"], settings["get_body"], settings["get_type"],
                    settings["get_headers"],
                )
            )  # fmt: skip
            return True
        if settings["mute_streams"]:
            await reader.read(1)
            return False
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {settings['get_type']}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        await self.run_stream(Stream(self, writer), request, reader)
        return False

    async def run_stream(self, stream, request, reader):
        self.streams[stream.session_id] = stream
        self.total_streams += 1
        self.peak_streams = max(self.peak_streams, len(self.streams))
        stream.write(self.settings["preamble"].encode("utf-8", "surrogatepass"))
        endpoint = self.endpoint(stream, request)
        if endpoint is not None:
            stream.event(endpoint, "endpoint")
        await self.tell()
        try:
            await reader.read()  # until the client, or cut(), closes it
        except ConnectionError:
            pass
        finally:
            self.streams.pop(stream.session_id, None)
            for answer in stream.answers.values():
                answer.cancel()
            await self.tell()

    def endpoint(self, stream, request):
        path = f"/messages/?session_id={stream.session_id}"
        host = request.header("host")
        forms = {
            "relative": path,
            "absolute": f"http://{host}{path}",
            "cross": f"http://127.0.0.2:9{path}",
            "none": None,
        }
        chosen = self.settings["endpoint"]
        return forms.get(chosen, chosen.replace("{path}", path))

    async def on_post(self, request, writer):
        message = self.parse(request.body)
        method = message.get("method", "(answer)")
        await self.record(request, method)
        if method in self.settings["post_never"]:
            await asyncio.Event().wait()
        if self.takes_post_status(method):
            return self.answer_post(writer, self.settings["post_status"], self.settings["post_body"])
        session_id = request.query.partition("session_id=")[2]
        stream = self.streams.get(session_id)
        if stream is None:
            return self.answer_post(writer, 404, "Could not find session")
        call = raw_tools.Call(self, stream, message, request.body, writer)
        if method in self.settings["mute_methods"]:
            return self.answer_post(writer, 202, "Accepted")
        return await raw_tools.play(call)

    def parse(self, body):
        try:
            message = json.loads(body)
        except ValueError:
            return {"method": "(no JSON)"}
        return message if isinstance(message, dict) else {"method": "(no object)"}

    def takes_post_status(self, method):
        settings = self.settings
        if settings["post_status"] == 202 or settings["post_times"] == 0:
            return False
        if settings["post_methods"] is not None and method not in settings["post_methods"]:
            return False
        if settings["post_times"] is not None:
            settings["post_times"] -= 1
        return True

    def answer_post(self, writer, status, body):
        """True if the connection goes on."""
        closing = self.settings["close_after_post"]
        writer.write(raw_http.response(status, body, close=closing == "said"))
        return not closing

    async def control(self, asked):
        return await getattr(self, "do_" + asked.pop("do"))(**asked) or {}

    async def do_set(self, values):
        unknown = set(values) - set(self.settings)
        if unknown:
            return {"error": f"unknown settings: {sorted(unknown)}"}
        self.settings.update(values)

    async def do_reset(self):
        self.reset()

    async def do_report(self):
        return {
            "requests": self.requests,
            "answers": self.answers,
            "counters": dict(self.counters),
            "streams_open": len(self.streams),
            "streams_total": self.total_streams,
            "streams_peak": self.peak_streams,
            "connections": self.connections,
        }

    async def do_wait(self, count, method=None):
        def reached():
            seen = sum(1 for request in self.requests if method in (None, request["method"]))
            return seen >= count

        async with self.changed:
            await self.changed.wait_for(reached)

    async def do_wait_streams(self, count):
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.streams) == count)

    async def do_streams(self):
        return {"streams": list(self.streams)}

    async def do_release(self, key):
        self.released[key].set()

    async def do_send(self, text):
        for stream in self.streams.values():
            stream.write(text.encode("utf-8", "surrogatepass"))

    async def do_event(self, message):
        for stream in self.streams.values():
            stream.message(message)

    async def do_ask(self, method, params=None):
        for stream in self.streams.values():
            self.start(self.ask_and_record(stream, method, params))

    async def ask_and_record(self, stream, method, params):
        self.answers.append(await stream.ask(method, params))
        await self.tell()

    async def do_wait_answers(self, count):
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.answers) >= count)
        return {"answers": self.answers}

    async def do_forget(self):
        """Sessions are not known any more; their streams stay open."""
        self.streams.clear()

    async def do_cut(self):
        for stream in list(self.streams.values()):
            stream.cut()


async def run(arguments):
    raw = RawServer()
    listener = serving.listen(arguments)
    server = await asyncio.start_server(raw.on_connection, sock=listener, limit=1 << 26)
    serving.announce(arguments, listener)
    if arguments.until_stdin_closes:
        await serving.end_with_stdin()
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description="a scriptable HTTP+SSE server for faults")
    serving.add_arguments(parser)
    asyncio.run(run(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
