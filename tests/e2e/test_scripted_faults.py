# SPDX-License-Identifier: MIT
"""One call for each way in which a server can fail it: the outcome told, and what was executed."""

import json
import socket

import pytest

from harness import Broker, RpcError
from harness.scripted import EXEC, ScriptedServer
from harness.waiting import PATIENCE

POOL = {"call_timeout": "1s", "cancel_grace": "100ms", "backoff_max": "200ms"}
ANSWERED, UNKNOWN, LOST, NEVER = "answered", "unknown", "result_lost", "not_executed"

# fault, outcome, executions
FAULTS = [
    ("", ANSWERED, 1),
    ("close_head", UNKNOWN, 0),
    ("close", UNKNOWN, 0),
    ("rst", UNKNOWN, 0),
    ("exec_close", UNKNOWN, 1),
    ("exec_rst", UNKNOWN, 1),
    ("http:302", NEVER, 0),
    ("http:400", NEVER, 0),
    ("http:401", NEVER, 0),
    ("http:404", NEVER, 0),
    ("http:409", UNKNOWN, 0),
    ("http:429", NEVER, 0),
    ("http:500", UNKNOWN, 0),
    ("http:503", UNKNOWN, 0),
    ("http_exec:500", UNKNOWN, 1),
    ("http_exec:502", UNKNOWN, 1),
    ("http_late:30", UNKNOWN, 1),
    ("lost", NEVER, 0),
    ("post_cut:0", UNKNOWN, 1),
    ("post_cut:12", UNKNOWN, 1),
    ("early", ANSWERED, 1),
    ("no_reply", ANSWERED, 1),
    ("hang", UNKNOWN, 1),
    ("mute", UNKNOWN, 1),
    ("idle", UNKNOWN, 0),
    ("exec_late:30", UNKNOWN, 1),
    ("close_late:30", UNKNOWN, 1),
    ("stream_cut", UNKNOWN, 1),
    ("stream_cut_idle", UNKNOWN, 0),
    ("stream_rst", UNKNOWN, 1),
    ("duplicate", ANSWERED, 1),
    ("unknown_id", ANSWERED, 1),
    ("wrong_id", UNKNOWN, 1),
    ("malformed", LOST, 1),
    ("big", LOST, 1),
    ("progress:5", ANSWERED, 1),
    ("drip:1", ANSWERED, 1),
    ("flood:64", ANSWERED, 1),
    ("freeze:50", ANSWERED, 1),
]


@pytest.fixture(scope="module")
def scripted():
    server = ScriptedServer()
    yield server
    server.done()


@pytest.fixture(scope="module")
def client(scripted):
    broker = Broker({"s": scripted.url}, pool=POOL)
    yield broker.client()
    broker.done()


def outcome_of(client, number, fault, **more):
    arguments = {"u": number, "fault": fault, **more}
    try:
        result = client.request("tools/call", {"name": "effect", "arguments": arguments})
    except RpcError as error:
        return error.outcome
    assert result["content"][0]["text"].startswith(f"u={number} ")
    return ANSWERED


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=[row[0] or "none" for row in FAULTS])
def test_fault(client, scripted, number, request):
    fault, outcome, executions = FAULTS[number]
    assert outcome_of(client, number, fault) == outcome
    if executions:
        scripted.wait_executed(number)
    # A second call has gone all the way: whatever the first left behind would have come by now.
    assert outcome_of(client, 1000 + number, "", ms=50) == ANSWERED
    assert scripted.executed(number) == executions


def test_an_answer_cut_anywhere_is_never_given(client, scripted):
    """The answer's event is some 120 bytes; cut behind its last one, it is whole."""
    for at in range(0, 100, 9):
        assert outcome_of(client, 2000 + at, f"cut:{at}") == UNKNOWN
        assert scripted.executed(2000 + at) == 1
    assert outcome_of(client, 2999, "cut:4096") == ANSWERED
    assert max(scripted.ledger()[EXEC].values()) == 1


def test_a_call_before_initialize_is_refused_as_the_sdk_does(scripted):
    """The broker never sends one, so by hand."""
    before = scripted.ledger()[EXEC][4000]
    with socket.create_connection(("127.0.0.1", scripted.port), PATIENCE) as stream:
        lines = stream.makefile("r", encoding="utf-8", newline="")
        stream.sendall(b"GET /sse HTTP/1.1\r\nHost: h\r\n\r\n")
        target = next(line for line in lines if line.startswith("data: "))[6:].strip()
        scripted.http(target, {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {
            "name": "effect", "arguments": {"u": 4000}}})  # fmt: skip
        answer = json.loads(next(line for line in lines if line.startswith("data: "))[6:])
    assert answer["id"] == 7
    assert answer["error"]["message"] == "Invalid request parameters"
    assert scripted.ledger()[EXEC][4000] == before == 0


def test_what_is_said_meanwhile_waits_behind_a_dripping_answer(client):
    slow = client.start_call("effect", {"u": 5000, "fault": "drip:1"})
    others = [client.start_call("effect", {"u": 5001 + i, "ms": i}) for i in range(20)]
    for number, call in enumerate([slow] + others):
        assert client.wait(call)["content"][0]["text"].startswith(f"u={5000 + number} ")


def test_settings_hold_for_the_whole_server(client, scripted):
    scripted.set(close_after_reply=1)
    for number in range(3000, 3020):
        assert outcome_of(client, number, "") == ANSWERED
    before = scripted.stats()["connections"]
    scripted.set(close_after_reply=0, fault="http:503", fault_every=2)
    outcomes = [outcome_of(client, number, None) for number in range(3100, 3110)]
    assert sorted(outcomes) == [ANSWERED] * 5 + [UNKNOWN] * 5
    scripted.set(fault="")
    assert before > 15
