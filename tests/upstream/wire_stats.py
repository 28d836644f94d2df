# SPDX-License-Identifier: MIT
"""An ASGI wrapper that counts what arrives at an MCP server, below any SDK.

GET /__stats answers with JSON, POST /__reset sets all counters to zero:
  http        {"GET /sse": 1, "POST /messages/": 12}
  rpc         {"initialize": 1, "tools/call": 9}       one entry a JSON-RPC method
  tools       {"add": 9}                               tools/call by tool
  cancelled   [{"requestId": 7, ...}]                  params of notifications/cancelled
  statuses    {"202": 12}                              of POSTs
  streams_open, streams_peak, streams_total            event streams (GET)
  extra       whatever the server itself wants to add
POST to another path of CONTROLS runs the server's own function with the JSON body.
"""

import collections
import inspect
import json


class WireStats:
    def __init__(self, app, extra=None, controls=None, on_reset=None):
        self.app = app
        self.extra = extra
        self.controls = controls or {}
        self.on_reset = on_reset
        self.streams_open = 0
        self.reset()

    def reset(self):
        self.http = collections.Counter()
        self.rpc = collections.Counter()
        self.tools = collections.Counter()
        self.statuses = collections.Counter()
        self.cancelled = []
        self.streams_peak = self.streams_open
        self.streams_total = 0

    def report(self):
        return {
            "http": dict(self.http),
            "rpc": dict(self.rpc),
            "tools": dict(self.tools),
            "statuses": dict(self.statuses),
            "cancelled": self.cancelled,
            "streams_open": self.streams_open,
            "streams_peak": self.streams_peak,
            "streams_total": self.streams_total,
            "extra": self.extra() if self.extra else None,
        }

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["path"] == "/__stats":
            await answer_json(send, self.report())
        elif scope["path"] == "/__reset":
            self.reset()
            if self.on_reset:
                self.on_reset()
            await answer_json(send, {})
        elif scope["path"] in self.controls:
            asked = json.loads(await read_body(receive) or b"{}")
            said = self.controls[scope["path"]](**asked)
            await answer_json(send, await said if inspect.isawaitable(said) else said)
        else:
            self.http[f"{scope['method']} {scope['path']}"] += 1
            if scope["method"] == "GET":
                await self.count_stream(scope, receive, send)
            else:
                await self.count_post(scope, receive, send)

    async def count_stream(self, scope, receive, send):
        self.streams_open += 1
        self.streams_total += 1
        self.streams_peak = max(self.streams_peak, self.streams_open)
        try:
            await self.app(scope, receive, send)
        finally:
            self.streams_open -= 1

    async def count_post(self, scope, receive, send):
        body = bytearray()

        async def counting_receive():
            event = await receive()
            if event["type"] == "http.request":
                body.extend(event.get("body", b""))
                if not event.get("more_body"):
                    self.count_message(bytes(body))
            return event

        async def counting_send(event):
            if event["type"] == "http.response.start":
                self.statuses[str(event["status"])] += 1
            await send(event)

        await self.app(scope, counting_receive, counting_send)

    def count_message(self, body):
        try:
            message = json.loads(body)
        except ValueError:
            self.rpc["(no JSON)"] += 1
            return
        if not isinstance(message, dict):
            self.rpc["(no object)"] += 1
            return
        self.rpc[message.get("method", "(answer)")] += 1
        params = message.get("params")
        if message.get("method") == "tools/call" and isinstance(params, dict):
            self.tools[str(params.get("name"))] += 1
        if message.get("method") == "notifications/cancelled":
            self.cancelled.append(params)


async def read_body(receive):
    body = b""
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            return body


async def answer_json(send, value):
    body = json.dumps(value, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
