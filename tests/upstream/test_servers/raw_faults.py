# SPDX-License-Identifier: MIT
"""More tools of the raw test server, for the fault matrix: replies and events that go wrong."""

import asyncio
import json
import socket
import struct

from raw_tools import tool


def reset(writer):
    """Close the connection with RST."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def count(call):
    call.server.counters[call.arguments.get("key", "fault")] += 1


# At the POST.


@tool(own_post=True)
async def reset_after_all(call):
    """Runs, then resets the POST's connection without a byte."""
    count(call)
    reset(call.writer)
    return False


@tool(own_post=True)
async def raw_reply(call):
    """Runs, replies to the POST with these very bytes, answers if asked to; may close then."""
    count(call)
    call.writer.write(call.arguments["text"].encode("latin-1"))
    if call.arguments.get("answers"):
        call.say("answered")
    await call.writer.drain()
    return not call.arguments.get("closes", True)


@tool(own_post=True)
async def endless_reply(call):
    """Runs, then replies to the POST without end."""
    count(call)
    call.writer.write(b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not call.writer.is_closing():
        call.writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        await call.writer.drain()
    return False


@tool(own_post=True)
async def refuse(call):
    """The POST gets STATUS and a BODY of the given kind; nothing runs."""
    error = {"code": -32099, "message": call.arguments.get("words", "не сьогодні")}
    bodies = {
        "empty": "",
        "html": "<html><body><h1>Sorry</h1></body></html>",
        "answer": json.dumps({"jsonrpc": "2.0", "id": call.id, "error": error}),
        "error": json.dumps({"jsonrpc": "2.0", "id": None, "error": error}),
        "words": call.arguments.get("words", ""),
    }
    return call.ack(call.arguments["status"], bodies[call.arguments["body"]])


# On the stream.


def event_of(call, eol="\r\n"):
    answer = {"jsonrpc": "2.0", "id": call.id, "result": {"content": []}}
    return f"event: message{eol}data: {json.dumps(answer)}{eol}{eol}".encode()


@tool()
async def cut_at(call):
    """The answer's event up to its AT-th byte (from the end, if below 0), then the stream's end."""
    call.stream.write(event_of(call)[: call.arguments["at"]])
    call.stream.cut()


@tool()
async def truncated(call):
    """An event whole in itself, whose text is the answer up to its AT-th byte."""
    answer = json.dumps({"jsonrpc": "2.0", "id": call.id, "result": {"content": []}})
    call.stream.event(answer[: call.arguments["at"]])


@tool()
async def one_byte_at_a_time(call):
    """The answer, a byte in a while, without end."""
    call.stream.write(b"event: message\r\ndata: ")
    while not call.stream.writer.is_closing():
        call.stream.write(b" ")
        await asyncio.sleep(0.02)


@tool()
async def two_in_one(call):
    """Two messages in one event, on two data lines."""
    answer = json.dumps({"jsonrpc": "2.0", "id": call.id, "result": {"content": []}})
    forged = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"content": ["forged"]}})
    call.stream.event(answer + "\n" + forged)


@tool()
async def progress_after(call):
    """The answer, then progress of the same call."""
    call.say("done")
    call.progress(1)
