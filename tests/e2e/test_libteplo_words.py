# SPDX-License-Identifier: MIT
"""What libteplo makes of a real broker's refusals, limits, and of requests taken back half-way."""

import os
import signal

import pytest

from harness import wait_until
from harness.libteplo import (
    CANCELLED, CLOSED, DENIED, EXECUTED, NOT_EXECUTED, NO_POOL, OK, OVERLOAD, RECONNECT_MS, RPC,
    TIMEOUT, TIMEOUT_MS, TOOBIG, UNKNOWN, UNSUPPORTED, UPSTREAM, LibClient,
)  # fmt: skip
from harness.scripted import EXEC, ScriptedServer


@pytest.fixture
def scripted(cleanup):
    return cleanup.maker(ScriptedServer)()


@pytest.fixture
def open_client(cleanup):
    def make(broker, *arguments, **keywords):
        return cleanup.maker(LibClient)(broker.socket_path(), *arguments, **keywords)

    return make


def test_a_call_a_list_and_a_servers_own_error(start_broker, scripted, open_client):
    client = open_client(start_broker({"s": scripted.url}))
    answer = client.call("effect", {"u": 1, "і": "ї"})
    assert answer.end == (OK, EXECUTED, "")
    assert answer.text.startswith("u=1 ")
    assert answer.call
    assert client.call(None, method="tools/list").json["tools"]
    assert client.call(None, {"call": answer.call}, "teplo/outcome").json["outcome"] == "executed"
    assert client.call(None, method="no/such").end == (RPC, EXECUTED, "")


def test_refusals(start_broker, scripted, open_client):
    servers = {
        "open": scripted.url,
        "shut": {"url": scripted.url, "teplo": {"deny": {"tools": ["effect"]}}},
        "gone": "http://127.0.0.1:1/sse",
    }
    broker = start_broker(servers)
    assert open_client(broker).call("effect").end == (NO_POOL, NOT_EXECUTED, "no_pool")
    assert open_client(broker, pool="none").call("effect").end == (NO_POOL, NOT_EXECUTED, "no_pool")
    assert open_client(broker, pool="shut").call("effect").end == (DENIED, NOT_EXECUTED, "denied")
    answer = open_client(broker, pool="gone").call("effect")
    assert answer.end == (UPSTREAM, NOT_EXECUTED, "unavailable")
    assert answer.message.startswith("NOT EXECUTED: the server cannot be reached")
    answer = open_client(broker, pool="open").call(None, {"uri": "x"}, "resources/subscribe")
    assert answer.status in (UNSUPPORTED, RPC)


def test_deadlines(start_broker, scripted, open_client):
    client = open_client(start_broker({"s": scripted.url}), options={TIMEOUT_MS: 300})
    answer = client.call("effect", {"u": 1, "ms": 60000})
    assert answer.end == (TIMEOUT, UNKNOWN, "timeout")
    assert "OUTCOME UNKNOWN" in answer.message
    # The broker said so itself: the server was told.
    wait_until(lambda: scripted.stats()["cancels"] == 1, "the server is told")


def test_a_cancel_reaches_the_server(start_broker, scripted, open_client):
    client = open_client(start_broker({"s": scripted.url}))
    ticket = client.start("effect", {"u": 1, "ms": 60000})
    wait_until(lambda: scripted.stats()["calls"] == 1, "the server has the call")
    assert client.cancel(ticket) == OK
    answer = client.wait(ticket)
    assert answer.end == (CANCELLED, UNKNOWN, "cancelled")
    wait_until(lambda: scripted.stats()["cancels"] == 1, "the server is told")
    assert client.call("effect", {"u": 2}).status == OK


def test_a_message_longer_than_the_broker_takes(start_broker, scripted, open_client):
    client = open_client(start_broker({"s": scripted.url}, options={"max_frame": "64KiB"}))
    tickets = [client.start("effect", {"u": number}) for number in range(1, 4)]
    big = client.start("effect", {"u": 9, "filler": "x" * 1000000})
    tickets += [client.start("effect", {"u": number}) for number in range(4, 7)]
    assert client.wait(big).end == (TOOBIG, NOT_EXECUTED, "frame_too_long")
    assert [client.wait(ticket).status for ticket in tickets] == [OK] * 6
    assert scripted.ledger()[EXEC] == {number: 1 for number in range(1, 7)}


def test_half_a_call_is_taken_back(start_broker, scripted, open_client):
    """The broker is stopped with part of a line in its socket."""
    broker = start_broker({"s": scripted.url})
    client = open_client(broker)
    assert client.call("effect", {"u": 1}).status == OK
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        big = client.start("effect", {"u": 2, "filler": "x" * 3000000})
        small = client.start("effect", {"u": 3})
        assert client.cancel(big) == OK
        assert client.wait(big).end == (CANCELLED, NOT_EXECUTED, "cancelled")
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    assert client.wait(small).status == OK
    assert scripted.ledger()[EXEC] == {1: 1, 3: 1}


def test_one_client_too_many(start_broker, scripted, open_client):
    broker = start_broker({"s": scripted.url}, options={"max_clients": 1})
    first = open_client(broker)
    assert first.call("effect", {"u": 1}).status == OK
    second = open_client(broker, options={RECONNECT_MS: 200})
    assert second.call("effect", {"u": 2}).end == (OVERLOAD, NOT_EXECUTED, "max_clients")
    patient = open_client(broker, options={RECONNECT_MS: 60000})
    ticket = patient.start("effect", {"u": 3})
    first.close()
    assert patient.wait(ticket).status == OK
    assert scripted.ledger()[EXEC] == {1: 1, 3: 1}


def test_a_handle_that_said_nothing_for_long(start_broker, scripted, open_client):
    broker = start_broker({"s": scripted.url}, options={"client_hello_timeout": "100ms"})
    client = open_client(broker)
    broker.wait_log("client_closed", why="hello_timeout")
    assert client.call("effect", {"u": 1}).status == OK


def test_an_unknown_outcome_as_a_failed_tool(start_broker, scripted, open_client):
    pool = {"unknown_as": "tool_error", "call_timeout": "200ms"}
    client = open_client(start_broker({"s": scripted.url}, pool=pool))
    answer = client.call("effect", {"u": 1, "ms": 60000})
    assert answer.end == (TIMEOUT, UNKNOWN, "timeout")
    assert "OUTCOME UNKNOWN" in answer.text


def test_a_broker_that_goes_for_good(start_broker, scripted, open_client):
    broker = start_broker({"s": scripted.url})
    client = open_client(broker, options={RECONNECT_MS: 100})
    ticket = client.start("effect", {"u": 1, "ms": 60000})
    wait_until(lambda: scripted.executed(1), "the call runs")
    broker.expects_clean_end = False
    broker.program.kill()
    assert client.wait(ticket).end == (CLOSED, UNKNOWN, "connection_closed")
    answer = client.call("effect", {"u": 2})
    assert answer.outcome == NOT_EXECUTED
    assert str(broker.socket_path()) in answer.message
