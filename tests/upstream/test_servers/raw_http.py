# SPDX-License-Identifier: MIT
"""HTTP/1.1 by hand for the raw test server: nothing is tidied up, everything is kept as bytes."""

import asyncio
import json

REASONS = {
    200: "OK", 202: "Accepted", 204: "No Content", 307: "Temporary Redirect", 400: "Bad Request",
    401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    413: "Content Too Large", 421: "Misdirected Request", 429: "Too Many Requests",
    500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable",
}  # fmt: skip


class Request:
    def __init__(self, method, target, headers, body):
        self.method = method
        self.target = target
        self.path, _, self.query = target.partition("?")
        self.headers = headers  # list of (name, value) as they came
        self.body = body

    def header(self, name):
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return None


async def read_request(reader, writer, idle_seconds, on_expect):
    """
    The next request of a connection, or None at its end, or when no head came for so long.  Who
    has got a head is no longer idle.  A client that asks first gets on_expect(writer).
    """
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), idle_seconds)
    except (asyncio.IncompleteReadError, asyncio.TimeoutError, ConnectionError):
        return None
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if line]
    request = Request(method, target, headers, b"")
    if (request.header("expect") or "").lower() == "100-continue" and not on_expect(writer):
        return None
    try:
        request.body = await read_body(reader, request)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return request


async def read_body(reader, request):
    if (request.header("transfer-encoding") or "").lower() != "chunked":
        return await reader.readexactly(int(request.header("content-length") or 0))
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return body


def response(status, body=b"", content_type="text/plain", headers=(), close=False):
    if isinstance(body, str):
        body = body.encode()
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Whatever')}"]
    lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if close:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def json_response(value):
    body = json.dumps(value, ensure_ascii=False).encode()
    return response(200, body, "application/json")


def member_span(text, path):
    """(start, end) of the value at PATH (keys) in the JSON object TEXT, as it is written there."""
    decoder = json.JSONDecoder(parse_constant=str)
    start = text.index("{")
    for key in path:
        start = member_start(text, start, key, decoder)
        if start is None:
            return None
    return start, decoder.raw_decode(text, start)[1]


def member_start(text, start, key, decoder):
    at = skip_blanks(text, start + 1)
    while text[at] != "}":
        name, at = decoder.raw_decode(text, at)
        at = skip_blanks(text, skip_blanks(text, at) + 1)  # over the colon
        if name == key:
            return at
        at = skip_blanks(text, decoder.raw_decode(text, at)[1])
        if text[at] == ",":
            at = skip_blanks(text, at + 1)
    return None


def skip_blanks(text, at):
    while text[at] in " \t\r\n":
        at += 1
    return at
