# SPDX-License-Identifier: MIT
"""teplo/calls: each way a request can end is seen there, with its moments in order, and no secret."""

import json
import signal
import uuid

import pytest

from harness import RpcError, wait_until
from harness.scripted import ScriptedServer

FIELDS = [
    "at_ms", "age_ms", "call", "pool", "client", "session", "method", "tool", "outcome", "class",
    "reason", "rpc_code", "attempts", "wait_ms", "sent_ms", "accepted_ms", "first_ms", "total_ms",
    "trace",
]  # fmt: skip
RECENT = FAILED = 256
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
ONE_AT_A_TIME = {"pool_size": 1, "max_inflight_per_session": 1}


def calls(broker, **params):
    rows = broker.admin("teplo/calls", params or None)["calls"]
    for row in rows:
        assert list(row) == FIELDS
        assert_in_order(row)
    return rows


def assert_in_order(row):
    """What did not happen is 0; what did is no later than what comes after it."""
    way = [row["wait_ms"], row["sent_ms"], row["first_ms"], row["total_ms"]]
    happened = [moment for moment in way if moment]
    assert happened == sorted(happened), row
    assert row["accepted_ms"] == 0 or row["sent_ms"] <= row["accepted_ms"] <= row["total_ms"], row
    assert row["age_ms"] >= 0 and row["total_ms"] >= 0
    assert (row["session"] == "-") == (row["attempts"] == 0)


def last(broker, **params):
    return calls(broker, limit=1, **params)[0]


def shown(row):
    return row["outcome"], row["class"], row["reason"]


@pytest.fixture
def client(broker):
    return broker.client()


@pytest.fixture
def scripted(cleanup):
    return cleanup.maker(ScriptedServer)()


# Which way it ended.


def test_a_good_call(broker, client):
    token = str(uuid.uuid4())
    client.call("echo", {"n": 1}, meta={"dev.teplo/call": token})
    row = last(broker)
    assert shown(row) == ("ok", "-", "-")
    assert (row["pool"], row["method"], row["tool"]) == ("raw", "tools/call", "echo")
    assert (row["call"], row["attempts"], row["rpc_code"], row["trace"]) == (token, 1, 0, "-")
    assert row["session"] == "raw/1"
    assert row["client"] == broker.admin("teplo/clients")["clients"][0]["client"]
    assert 0 < row["wait_ms"] <= row["sent_ms"] <= row["first_ms"] <= row["total_ms"]
    assert row["accepted_ms"] > 0
    assert calls(broker, failed=True) == []


# tool, arguments, what is shown, which of accepted and first there are
ENDS = [
    ("is_error", {}, ("tool_error", "-", "-"), "af"),
    ("error", {"code": -32099, "message": "ні"}, ("rpc_error", "-", "-"), "af"),
    ("status", {"status": 400}, ("not_executed", "http4xx", "refused"), "a"),
    ("status", {"status": 500}, ("unknown", "http5xx", "upstream_5xx"), "a"),
    ("no_status", {}, ("unknown", "ambiguous", "conn_lost"), ""),
    ("cut", {}, ("unknown", "ambiguous", "session_lost_midcall"), "a"),
    ("malformed_answer", {}, ("result_lost", "proto", "malformed"), "af"),
]


@pytest.mark.parametrize("tool, arguments, told, moments", ENDS)
def test_a_call_that_the_server_fails(broker, client, tool, arguments, told, moments):
    client.wait_line(client.start_call(tool, arguments))
    row = last(broker, failed=True)
    assert (row["tool"], shown(row)) == (tool, told)
    assert row["sent_ms"] > 0 and row["attempts"] == 1
    assert (row["accepted_ms"] > 0) == ("a" in moments)
    assert (row["first_ms"] > 0) == ("f" in moments)
    assert row["rpc_code"] == arguments.get("code", 0)
    assert row == {**last(broker), "age_ms": row["age_ms"]}


def test_a_call_without_an_answer_in_time(broker, client):
    client.wait_error(client.start_call("silent", meta={"dev.teplo/deadlineMs": 100}))
    row = last(broker, failed=True)
    assert shown(row) == ("unknown", "timeout", "timeout")
    assert row["total_ms"] >= 98 and row["first_ms"] == 0


def test_a_call_that_is_cancelled(broker, raw, client):
    held = client.start_call("hold", {"key": "k"})
    raw.wait_requests(1, "tools/call")
    client.cancel(held)
    row = wait_until(lambda: (calls(broker, failed=True) or [None])[0], "the cancelled call")
    assert shown(row) == ("cancelled", "-", "-")
    assert row["sent_ms"] > 0 and row["first_ms"] == 0
    raw.release("k")


def test_a_call_whose_client_is_gone(broker, raw, client):
    client.start_call("hold", {"key": "k"})
    raw.wait_requests(1, "tools/call")
    client.close()
    row = wait_until(lambda: (calls(broker, failed=True) or [None])[0], "the orphan")
    assert shown(row) == ("client_gone", "-", "-")
    raw.release("k")


def test_calls_that_got_no_session(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={**ONE_AT_A_TIME, "queue_max": 1})
    client, other = broker.client(), broker.client()
    held = client.start_call("hold", {"key": "k"})
    raw.wait_requests(1, "tools/call")
    both = [other.start_call("echo", meta={"dev.teplo/deadlineMs": 500}), other.start_call("counter", {"key": "x"})]
    for call in both:
        other.wait_error(call)
    rows = {row["tool"]: row for row in calls(broker, failed=True)}
    assert shown(rows["counter"]) == ("not_executed", "queue_full", "overloaded")
    assert shown(rows["echo"]) == ("not_executed", "queue_timeout", "queue_timeout")
    assert rows["echo"]["wait_ms"] == rows["echo"]["sent_ms"] == 0 and rows["echo"]["total_ms"] >= 498
    raw.release("k")
    client.wait(held)
    broker.admin("teplo/drain")
    client.wait_error(client.start_call("echo"))
    assert shown(last(broker)) == ("not_executed", "draining", "draining")


def test_a_server_that_is_not_there(start_broker, start_raw):
    server = start_raw()
    pool = {"breaker_failures": 1, "breaker_open": "1h", "breaker_open_max": "1h"}
    broker = start_broker({"gone": server.url}, pool=pool)
    server.kill()
    client = broker.client()
    client.wait_error(client.start_call("echo"))
    assert shown(last(broker)) == ("not_executed", "connect", "unavailable")
    wait_until(lambda: broker.log("breaker_open"), "the breaker opens")
    client.wait_error(client.start_call("echo"))
    assert shown(last(broker)) == ("not_executed", "breaker", "unavailable"), "known before it came"
    client.wait_error(client.start("tools/list"))
    fetch, asked = sorted(calls(broker, limit=2), key=lambda row: row["client"])
    assert (fetch["client"], fetch["method"]) == (0, "tools/list")
    assert asked["client"] > 0
    assert (asked["method"], asked["outcome"]) == ("tools/list", "not_executed")


def test_what_the_rules_deny(start_broker, raw):
    broker = start_broker({"raw": {"url": raw.url, "teplo": {"deny": {"tools": ["counter"]}}}})
    client = broker.client()
    assert client.call_error("counter", {"key": "x"}).teplo["reason"] == "denied"
    row = last(broker, failed=True)
    assert (row["tool"], *shown(row)) == ("counter", "not_executed", "denied", "denied")
    assert broker.pool()["rps"] == 0, "the server had no part in it"


def test_a_call_that_the_ledger_refuses(broker, raw, client):
    client.wait_error(client.start_call("echo", meta={"dev.teplo/call": "no uuid"}))
    row = last(broker, failed=True)
    assert (*shown(row), row["rpc_code"], row["call"]) == ("not_executed", "-", "-", -32602, "-")
    token = str(uuid.uuid4())
    held = client.start_call("hold", {"key": "k"}, meta={"dev.teplo/call": token})
    raw.wait_requests(1, "tools/call")
    client.wait_error(client.start_call("hold", {"key": "k"}, meta={"dev.teplo/call": token}))
    assert last(broker)["rpc_code"] == -32600
    raw.release("k")
    client.wait(held)
    assert (last(broker)["outcome"], last(broker)["call"]) == ("ok", token)


def test_lists_are_there_when_the_server_was_asked(broker, raw, client):
    for _ in range(3):
        client.request("tools/list")
    (fetch,) = calls(broker)
    assert (fetch["client"], fetch["method"], fetch["outcome"]) == (0, "tools/list", "ok")
    assert fetch["first_ms"] > 0 and fetch["call"] == "-"


def test_a_call_that_went_to_a_second_session(broker, raw, client):
    client.call("echo")
    raw.forget()
    client.call("echo")
    row = last(broker)
    assert (row["outcome"], row["attempts"], row["session"]) == ("ok", 2, "raw/2")
    assert calls(broker, failed=True) == []


# When.


def test_moments_are_those_of_the_server(start_broker, scripted):
    broker = start_broker({"s": scripted.url})
    client = broker.client()
    client.call("effect", {"u": 1})
    scripted.set(reply_delay_ms=60)
    client.call("effect", {"u": 2, "ms": 150})
    row = last(broker)
    assert row["accepted_ms"] >= row["sent_ms"] + 59 and row["first_ms"] >= row["sent_ms"] + 149
    scripted.set(reply_delay_ms=0)
    client.call("effect", {"u": 3, "fault": "drip:2"})
    row = last(broker)
    assert row["total_ms"] - row["first_ms"] > 100, "the first of some hundred bytes"
    client.call("effect", {"u": 4, "fault": "freeze:80"})
    assert last(broker)["first_ms"] >= 80
    client.call("effect", {"u": 5, "fault": "early"})
    assert last(broker)["first_ms"] > 0, "the answer overtook the reply"


def test_a_wait_for_the_first_session_is_seen(start_broker, scripted):
    broker = start_broker({"s": scripted.url}, pool=ONE_AT_A_TIME)
    client = broker.client()
    several = [client.start_call("effect", {"u": n, "ms": 50}) for n in range(4)]
    for call in several:
        client.wait(call)
    rows = calls(broker)[::-1]
    taken = sorted(row["at_ms"] + row["wait_ms"] for row in rows)
    assert all(later - sooner > 48 for sooner, later in zip(taken, taken[1:])), "one after the other"
    use_ms = sum(row["total_ms"] - row["sent_ms"] for row in rows)
    assert broker.pool()["use_ms_sum"] == pytest.approx(use_ms, abs=0.1), "from sending, not from arrival"


# What is kept.


def test_a_failed_call_survives_good_ones_and_all_is_bounded(broker, client):
    client.wait_line(client.start_call("is_error"))
    for _ in range(300):
        client.call("echo")
    rows = calls(broker)
    assert len(rows) == RECENT and {row["outcome"] for row in rows} == {"ok"}
    (failed,) = calls(broker, failed=True)
    assert failed["tool"] == "is_error"
    for _ in range(FAILED + 10):
        client.wait_line(client.start_call("is_error"))
    assert len(calls(broker, failed=True)) == FAILED
    assert len(calls(broker, limit=7)) == 7
    assert calls(broker, limit=0) == []
    ages = [row["age_ms"] for row in calls(broker)]
    assert ages == sorted(ages), "newest first"


def test_those_of_one_pool(start_broker, start_raw):
    one, two = start_raw(), start_raw()
    broker = start_broker({"one": one.url, "two": two.url})
    for name in ("one", "two", "one"):
        broker.client(pool=name).call("echo")
    assert [row["pool"] for row in calls(broker)] == ["one", "two", "one"]
    assert [row["pool"] for row in calls(broker, pool="two")] == ["two"]
    assert [row["pool"] for row in calls(broker, pool="one", limit=1)] == ["one"]
    assert calls(broker, pool="three") == []
    shown_by = broker.ctl("-s", "two", "show", "calls", "--json")
    assert [row["pool"] for row in json.loads(shown_by.stdout)["calls"]] == ["two"]
    lines = broker.ctl("show", "calls").stdout.splitlines()
    assert len(lines) == 4 and set(lines[0].split("\t")) == set(FIELDS)
    assert broker.ctl("show", "calls", "--failed").stdout.count("\n") == 1


def test_a_reload_keeps_what_was(broker, raw, client):
    client.call("echo")
    broker.write_config({"mcpServers": {"raw": {"url": raw.url}, "more": {"url": raw.url}}})
    broker.signal(signal.SIGHUP)
    wait_until(lambda: len(broker.admin("teplo/pools")["pools"]) == 2, "the second pool")
    assert [row["tool"] for row in calls(broker)] == ["echo"]


@pytest.mark.parametrize("params", [{"failed": 1}, {"failed": "yes"}, {"pool": 5}, {"pool": "x" * 40},
                                    {"limit": -1}, {"limit": "7"}, {"limit": 1.5}])  # fmt: skip
def test_wrong_params_are_refused(broker, params):
    with pytest.raises(RpcError) as refused:
        broker.admin("teplo/calls", params)
    assert refused.value.code == -32602


def test_no_secret_is_in_it(broker, raw):
    secret = "x5ecre7"
    client = broker.client(name=f"client-{secret}")
    meta = {"com.example/token": secret, "tracestate": f"v={secret}", "baggage": f"k={secret}"}
    client.call("echo", {"password": secret}, meta=meta)
    client.call("result_text", {"text": f'{{"content":[{{"type":"text","text":"{secret}"}}]}}'})
    client.wait_error(client.start_call("error", {"code": -1, "message": secret, "data": secret}))
    client.wait_error(client.start_call("status", {"status": 500, "body": secret}))
    text = json.dumps([broker.admin("teplo/calls"), broker.admin("teplo/calls", {"failed": True})])
    assert len(calls(broker)) == 4 and secret not in text
    sessions = {request["http"].partition("session_id=")[2] for request in raw.report().of("tools/call")}
    assert sessions and all(session and session not in text for session in sessions)


# The caller's trace.


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_trace_passes_byte_for_byte_and_is_shown(broker, raw, era):
    client = broker.client(era)
    odd = ('"traceparent" : "%s", "tracestate":"a=\\u0031,b=t61rcWkgMzE", "baggage":"userId=al\\/ice"') % PARENT
    line = json.dumps({"jsonrpc": "2.0", "id": 77, "method": "tools/call",
                       "params": client.envelope({"name": "echo"}, {"here": 1})})  # fmt: skip
    client.exchange_raw(line.replace('"here": 1', odd).encode(), 77)
    (body,) = raw.report().bodies("tools/call")
    for member in odd.replace(" : ", ":").split(", "):
        name, _, value = member.partition(":")
        assert f"{value}" in body.decode() and name in body.decode()
    assert json.loads(body)["params"]["_meta"] == json.loads("{%s}" % odd)
    assert last(broker)["trace"] == TRACE


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_no_trace_is_made_up(broker, raw, era):
    client = broker.client(era)
    client.call("echo")
    client.call("echo", meta={"traceparent": "made up", "tracestate": "a=1"})
    without, odd = raw.report().bodies("tools/call")
    assert b"trace" not in without and b"baggage" not in without
    assert json.loads(odd)["params"]["_meta"] == {"traceparent": "made up", "tracestate": "a=1"}
    assert [row["trace"] for row in calls(broker)] == ["-", "-"]
