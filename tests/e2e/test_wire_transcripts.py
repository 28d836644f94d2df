# SPDX-License-Identifier: MIT
"""WIRE.md shows one real exchange for each reason of failures.def: made here, and compared.

TEPLO_WRITE_WIRE=1 writes them into WIRE.md anew.
"""

import json
import os
import pathlib
import re
import signal

import pytest

from harness import Client, make_config, wait_until

REPO = pathlib.Path(__file__).resolve().parents[2]
WIRE = REPO / "proto/WIRE.md"
FAILURE = re.compile(r'^FAILURE\(\w+, -\d+, \w+, "(\w+)"', re.MULTILINE)
BLOCK = re.compile(r"^\*\*(\w+)\*\*.*?\n```\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
CALL = "0197f1c4-0000-7000-8000-000000000001"
SCENARIOS = {}


def scenario(reason, **options):
    """The function gets a Stage, provokes REASON, and returns the lines of the exchange."""

    def add(function):
        SCENARIOS[reason] = (function, options)
        return function

    return add


class Stage:
    def __init__(self, start_broker, raw, pool=None, options=None, ready=True, server=None):
        self.raw = raw
        self.pool = pool or {}
        self.broker = start_broker(
            {"graph": {"url": server or raw.url, "teplo": self.pool}}, options=options
        )
        self.client = self.broker.client("legacy") if ready else None

    def call(self, tool, arguments=None, request_id=7, client=None):
        """The line that asks, and the line that answers."""
        return self.exchange(call_line(tool, arguments, request_id), request_id, client)

    def exchange(self, line, request_id=7, client=None):
        answer = (client or self.client).exchange_raw(line.encode(), request_id)
        return [f"> {line}", f"< {answer.decode()}"]

    def start(self, tool, arguments=None, request_id=7, client=None):
        line = call_line(tool, arguments, request_id)
        (client or self.client).send_raw(line.encode() + b"\n")
        return f"> {line}"

    def answer(self, request_id=7, client=None):
        return f"< {(client or self.client).wait_line(request_id).raw.decode()}"

    def hold_place(self):
        """One call that is under way for as long as the test lasts."""
        self.client.start_call("hold", {"key": "place"})
        self.raw.wait_requests(1, "tools/call")


def call_line(tool, arguments=None, request_id=7):
    params = {"name": tool, "arguments": arguments or {}}
    return json.dumps(
        {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params},
        separators=(",", ":"),
    )


ONE_PLACE = {"pool_size": 1, "max_inflight_per_session": 1}


@scenario("overloaded", pool={**ONE_PLACE, "queue_max": 0})
def overloaded(stage):
    stage.hold_place()
    return stage.call("add_node")


SMALL = {"outbuf_max": "12MiB", "max_response": "10MiB", "max_frame": "1MiB"}


@scenario("out_of_memory", options=SMALL, ready=False)
def out_of_memory(stage):
    """The server's words alone are more than the limit, once that has been lowered."""
    stage.raw.set(instructions="x" * (8 << 20))
    client = stage.broker.client("modern")
    assert client.text("echo") == "echo"
    servers = {"graph": {"url": stage.raw.url, "teplo": {}}}
    stage.broker.write_config(make_config(servers, {**SMALL, "mem_limit": "16MiB"}))
    stage.broker.admin("teplo/reload")
    stage.broker.wait_log("memory_tight", memory="spent")
    return [shown(client, client.start_call("add_node", {})), stage.answer(2, client)]


@scenario(
    "ledger_full",
    pool={"max_inflight_per_session": 512},
    options={"ledger_records": 256, "max_inflight_per_client": 512},
)
def ledger_full(stage):
    for _ in range(256):
        stage.client.start_call("hold", {"key": "place"})
    stage.raw.wait_requests(256, "tools/call")
    return stage.call("add_node", request_id=700)


@scenario("queue_timeout", pool={**ONE_PLACE, "queue_timeout": "50ms"})
def queue_timeout(stage):
    stage.hold_place()
    return stage.call("add_node")


@scenario("unavailable", server="http://127.0.0.1:1/sse", ready=False)
def unavailable(stage):
    modern = stage.broker.client("modern")
    return [shown(modern, modern.start_call("add_node", {})), stage.answer(1, modern)]


@scenario("refused")
def refused(stage):
    return stage.call("status", {"status": 401})


@scenario("session_gone", pool={"pool_mode": "session"})
def session_gone(stage):
    assert stage.client.text("echo") == "echo"
    stage.raw.set(post_status=404, post_methods=["tools/call"])
    return stage.call("add_node")


@scenario("draining")
def draining(stage):
    stage.broker.admin("teplo/drain")
    return stage.call("add_node")


@scenario("denied", pool={"deny": {"tools": ["drop_*"]}})
def denied(stage):
    return stage.call("drop_graph")


@scenario("max_clients", options={"max_clients": 1}, ready=False)
def max_clients(stage):
    # Who looked whether the broker serves may still count as one.
    wait_until(lambda: not stage.broker.admin("teplo/clients")["clients"], "nobody is connected")
    first = stage.broker.client("legacy")
    assert first.request("ping") == {}
    late = stage.broker.client("bare", read=True)
    return ["(connects)", f"< {late.lines.wait(lambda line: True, 'a refusal').raw.decode()}"]


@scenario("client_limit")
def client_limit(stage):
    client = stage.broker.client("modern")
    params = {"notifications": {"toolsListChanged": True}}
    for _ in range(64):
        client.start("subscriptions/listen", params)
    asked = shown(client, client.start("subscriptions/listen", params))
    return ["(64 of them are open)", asked, stage.answer(65, client)]


@scenario("hello_timeout", options={"client_hello_timeout": "100ms"}, ready=False)
def hello_timeout(stage):
    mute = stage.broker.client("bare")
    line = mute.lines.wait(lambda line: True, "a word before the end")
    return ["(connects, and sends nothing)", f"< {line.raw.decode()}"]


@scenario("frame_too_long", options={"max_frame": "1KiB"})
def frame_too_long(stage):
    stage.client.send_raw(b'{"jsonrpc":"2.0","id":7,"method":"tools/call"' + b" " * 1024 + b"}\n")
    line = stage.client.wait_line(7)
    return ['> {"jsonrpc":"2.0","id":7,"method":"tools/call" … }', f"< {line.raw.decode()}"]


@scenario("unsupported_in_mode")
def unsupported_in_mode(stage):
    line = (
        '{"jsonrpc":"2.0","id":7,"method":"resources/subscribe","params":{"uri":"graph://nodes"}}'
    )
    return stage.exchange(line)


@scenario("conn_lost")
def conn_lost(stage):
    return stage.call("no_status")


@scenario("timeout", pool={"call_timeout": "100ms"})
def timeout(stage):
    return stage.call("silent")


@scenario("upstream_5xx")
def upstream_5xx(stage):
    return stage.call("status", {"status": 502})


@scenario("session_lost_midcall")
def session_lost_midcall(stage):
    return stage.call("cut")


@scenario("drain_deadline", options={"drain_timeout": "100ms"})
def drain_deadline(stage):
    asked = stage.start("silent")
    stage.raw.wait_requests(1, "tools/call")
    stage.broker.signal(signal.SIGTERM)
    return [asked, stage.answer()]


@scenario("broker_restart", ready=False)
def broker_restart(stage):
    client = stage.broker.client("modern")
    request = client.start_call("silent", {}, meta={"dev.teplo/call": CALL})
    stage.raw.wait_requests(1, "tools/call")
    stage.broker.kill9()
    stage.broker.start()
    with Client(stage.broker.socket_path(), "bare") as again:
        asked = f'{{"jsonrpc":"2.0","id":8,"method":"teplo/outcome","params":{{"call":"{CALL}"}}}}'
        return [
            shown(client, request),
            "(the broker is killed, and another one started)",
            f"> {asked}",
            f"< {again.exchange_raw(asked.encode(), 8).decode()}",
        ]


@scenario("too_large", options={"max_response": "1KiB"})
def too_large(stage):
    return stage.call("huge", {"bytes": 4096})


@scenario("malformed")
def malformed(stage):
    return stage.call("malformed_answer")


def shown(client, request_id):
    """The line with that id, as a modern client sent it."""
    assert json.loads(client.last_sent)["id"] == request_id
    return f"> {client.last_sent.decode()}"


def normal(lines):
    text = "\n".join(lines)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8000", text)
    text = re.sub(r'"(waited_ms|elapsed_ms|retry_after_ms)":\d+', r'"\1":0', text)
    return re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", CALL, text)


def reasons():
    return FAILURE.findall((REPO / "proto/failures.def").read_text())


def in_wire():
    return dict(BLOCK.findall(WIRE.read_text()))


def write(reason, text):
    wire = WIRE.read_text()
    found = re.search(rf"^\*\*{reason}\*\*.*?\n```\n(.*?)\n```$", wire, re.MULTILINE | re.DOTALL)
    block = f"**{reason}**\n```\n{text}\n```"
    wire = wire.replace(found[0], block) if found else wire.replace("<!-- end -->", f"{block}\n\n<!-- end -->")
    WIRE.write_text(wire)


@pytest.mark.parametrize("reason", reasons())
def test_the_transcript_in_wire_is_what_happens(reason, start_broker, raw):
    assert reason in SCENARIOS, f"no scenario for {reason}"
    function, options = SCENARIOS[reason]
    text = normal(function(Stage(start_broker, raw, **options)))
    assert f'"reason":"{reason}"' in text, text
    if os.environ.get("TEPLO_WRITE_WIRE"):
        write(reason, text)
    assert in_wire().get(reason) == text


def test_wire_has_a_transcript_for_each_and_no_other():
    assert set(in_wire()) == set(reasons())

