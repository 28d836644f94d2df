# SPDX-License-Identifier: MIT
"""The last minute of a pool, as `show pools --json` tells it, against loads that are known."""

import json

import pytest

from harness import wait_until
from harness.scripted import ScriptedServer

ONE_AT_A_TIME = {"pool_size": 1, "max_inflight_per_session": 1}
OFF = 0.045  # a quantile is off by so much at most


@pytest.fixture
def scripted(cleanup):
    return cleanup.maker(ScriptedServer)()


def shown(broker):
    (row,) = json.loads(broker.ctl("show", "pools", "--json").stdout)["pools"]
    return row


def journal(broker):
    return broker.admin("teplo/calls")["calls"]


def assert_quantiles(row, prefix, times):
    """TIMES of each call, as the journal has them: the quantiles of exactly these."""
    times = sorted(times)
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        rank = max(1, -(-len(times) * share // 1))
        assert row[f"{prefix}_{name}_ms"] == pytest.approx(times[int(rank) - 1], rel=OFF, abs=0.07), name


def test_an_unused_pool_is_all_zero(broker):
    row = shown(broker)
    for name in ("lat_p50_ms", "lat_p95_ms", "lat_p99_ms", "lat_max_ms", "wait_p50_ms", "wait_p95_ms",
                 "wait_p99_ms", "create_p95_ms", "rps", "err_pct", "tool_err_pct", "util_pct"):  # fmt: skip
        assert row[name] == 0, name


def test_latency_is_that_of_the_server(start_broker, scripted):
    """Nine calls of 30 ms and one of 300 ms."""
    broker = start_broker({"s": scripted.url})
    client = broker.client()
    for number in range(9):
        client.call("effect", {"u": number, "ms": 30})
    client.call("effect", {"u": 9, "ms": 300})
    row, rows = shown(broker), journal(broker)
    assert_quantiles(row, "lat", [call["total_ms"] - call["sent_ms"] for call in rows])
    assert_quantiles(row, "wait", [call["wait_ms"] for call in rows])
    assert row["lat_p50_ms"] >= 30 * (1 - OFF) and row["lat_p95_ms"] >= 300 * (1 - OFF)
    assert row["lat_max_ms"] == pytest.approx(max(call["total_ms"] - call["sent_ms"] for call in rows), abs=0.01)
    assert row["lat_p50_ms"] < row["lat_p95_ms"] <= row["lat_p99_ms"] <= row["lat_max_ms"]


def test_a_wait_is_no_latency(start_broker, scripted):
    """Four at once, one at a time, 60 ms each: the last waits for three."""
    broker = start_broker({"s": scripted.url}, pool=ONE_AT_A_TIME)
    client = broker.client()
    client.call("effect", {"u": 0})
    several = [client.start_call("effect", {"u": n, "ms": 60}) for n in range(1, 5)]
    for call in several:
        client.wait(call)
    row, rows = shown(broker), journal(broker)
    assert_quantiles(row, "wait", [call["wait_ms"] for call in rows])
    assert_quantiles(row, "lat", [call["total_ms"] - call["sent_ms"] for call in rows])
    assert row["wait_p99_ms"] > row["wait_p50_ms"]


def test_shares_are_of_what_ended(broker, raw):
    client = broker.client()
    for _ in range(14):
        client.call("echo")
    for _ in range(3):
        client.wait_line(client.start_call("is_error"))
    client.wait_line(client.start_call("error", {"code": -32602, "message": "no"}))
    client.wait_line(client.start_call("status", {"status": 400}))
    client.wait_line(client.start_call("status", {"status": 500}))
    row = shown(broker)
    assert (row["err_pct"], row["tool_err_pct"]) == (100 / 20, 300 / 20), "the 500 alone is the server's"
    assert row["calls_total"] == 20
    seconds = 20 / row["rps"]
    assert 1 <= seconds <= 70
    assert row["ok_total"] + row["tool_err_total"] + row["rpc_err_total"] + 2 == 20


def test_the_rate_is_that_of_the_window(broker):
    client = broker.client()
    for _ in range(50):
        client.call("echo")
    # It began with the pool, and is never less than a second.
    assert 0 < shown(broker)["rps"] <= 50


def test_utilisation_is_weighted_by_time(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={"pool_size": 2})
    client = broker.client()
    client.call("echo")
    assert shown(broker)["util_pct"] < 50
    held = client.start_call("hold", {"key": "k"})
    raw.wait_requests(2, "tools/call")
    before = shown(broker)["util_pct"]
    higher = before + (50 - before) / 4
    wait_until(lambda: shown(broker)["util_pct"] > higher, "it grows while a call is out")
    raw.release("k")
    client.wait(held)
    peak = shown(broker)["util_pct"]
    assert peak <= 50, "one of two"
    wait_until(lambda: shown(broker)["util_pct"] < peak, "it falls while none is")


def test_sessions_take_time_to_open(start_broker, scripted):
    scripted.set(delay_ms=0)
    broker = start_broker({"s": scripted.url})
    broker.client().call("effect", {"u": 1})
    row = shown(broker)
    assert 0 <= row["create_p95_ms"] <= row["create_ms_sum"] * (1 + OFF) + 0.07


def test_the_loops_lag_is_told(broker):
    stats = broker.admin("teplo/stats")
    assert 0 <= stats["lag_p99_ms"] <= max(0.064, stats["lag_max_ms"])
    assert stats["redis_skipped_total"] == 0
