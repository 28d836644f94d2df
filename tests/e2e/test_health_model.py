# SPDX-License-Identifier: MIT
"""The health of pools: hard facts count at once, tools' errors never, and each change is told once.

What takes its time (holds, steps back to healthy) is tested on a clock of its own in
tests/unit/test_health_model.c; here only with TEPLO_LONG_HEALTH=1, which takes five minutes.
"""

import os
import time

import pytest

from harness import wait_until
from harness.places import SLOWNESS

PREFIX = "teplo:{main}:v1:"
OK, WARNING, CRITICAL, UNKNOWN = range(4)
QUICK = {"breaker_open": "150ms", "backoff_min": "1ms", "connect_timeout": "300ms"}
is_long = pytest.mark.skipif("TEPLO_LONG_HEALTH" not in os.environ, reason="TEPLO_LONG_HEALTH")


def health(broker):
    return broker.admin("teplo/health")


def pool(broker):
    """The row of the only pool, by both ways."""
    (row,) = health(broker)["pools"]
    shown = broker.pool()
    if shown["health"] == row["health"]:
        assert shown["health_reason"] == (",".join(row["reasons"]) or "-")
        assert shown["health_code"] == row["health_code"]
    return row


def wait_health(broker, state, reasons=None, seconds=None):
    def is_so():
        row = pool(broker)
        return row["health"] == state and reasons in (None, row["reasons"]) and row

    return wait_until(is_so, f"{state} {reasons}", seconds)


def changes(broker):
    return [(line["from"], line["to"]) for line in broker.log("health")]


def check(broker, status, *words):
    ended = broker.ctl("health")
    assert ended.returncode == status, ended
    assert all(word in ended.stdout for word in words), ended.stdout
    return ended.stdout


@pytest.mark.valgrind
def test_unknown_at_the_start_and_healthy_with_the_first_session(broker):
    row = pool(broker)
    assert (row["health"], row["health_code"], row["reasons"]) == ("unknown", 5, ["unused"])
    assert row["sentence"] == "nobody has called yet"
    # A pool that nobody has used yet says nothing against the broker.
    whole = health(broker)
    assert (whole["health"], whole["health_code"], whole["reason"]) == ("healthy", 0, "-")
    assert (whole["live"], whole["ready"], whole["ready_reasons"]) == (True, True, [])
    check(broker, OK, "broker\thealthy\t-\ttrue\t-\n", "pool\traw\tunknown\tunused\t")
    broker.client().call("echo")
    row = wait_health(broker, "healthy", [])
    assert (row["breaker"], row["sentence"], row["last_error"]) == ("closed", "all is well", "-")
    assert 0 <= row["age_ms"] < 60_000 * SLOWNESS
    assert abs(row["since_ms"] + row["age_ms"] - time.time() * 1000) < 5000 * SLOWNESS
    assert changes(broker) == [("unknown", "healthy")]


def test_errors_of_tools_never_count(broker):
    client = broker.client()
    for _ in range(60):
        assert client.call("is_error")["isError"]
        client.call_error("error")
    # Two looks and more later.
    wait_until(lambda: pool(broker)["age_ms"] > 2500, "time to look", 10 * SLOWNESS)
    assert pool(broker)["health"] == "healthy"
    assert broker.pool()["tool_err_total"] == 60
    assert changes(broker) == [("unknown", "healthy")]


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_of_a_call_count_at_once(start_broker, raw, status):
    broker = start_broker({"raw": raw.url}, options={"ready_require": "all"})
    client = broker.client()
    client.call("echo")
    assert health(broker)["ready"]
    raw.set(post_status=status, post_body="no", post_methods=["tools/call"])
    client.call_error("echo")
    row = wait_health(broker, "unhealthy", ["auth"])
    assert (row["breaker"], broker.pool()["s_total"]) == ("closed", 1)
    whole = health(broker)
    assert (whole["health"], whole["reason"]) == ("unhealthy", "raw")
    assert (whole["live"], whole["ready"], whole["ready_reasons"]) == (True, False, ["pools"])
    check(broker, CRITICAL, "\tfalse\tpools\n", "pool\traw\tunhealthy\tauth\t", "refuses our credentials")
    raw.set(post_status=202)
    client.call("echo")
    # It is over, but better only a level at a time, half a minute each.
    wait_health(broker, "unhealthy", ["recovering"])
    assert changes(broker) == [("unknown", "healthy"), ("healthy", "unhealthy")]


def test_refused_credentials_of_a_session_count_at_once(start_broker, raw):
    raw.set(bearer="right")
    broker = start_broker({"raw": {"url": raw.url, "headers": {"Authorization": "Bearer wrong"}}})
    broker.client().call_error("echo")
    row = wait_health(broker, "unhealthy", ["auth"])
    assert "HTTP 401" in row["last_error"]
    # Somebody has to mend it: nothing is gained by many attempts.
    assert raw.report().streams_total <= 2


def test_a_storm_of_429_opens_no_breaker(broker, raw):
    client = broker.client()
    client.call("echo")
    raw.set(post_status=429, post_body="slower", post_methods=["tools/call"])
    for _ in range(30):
        client.call_error("echo")
    row = broker.pool()
    assert (row["breaker"], row["breaker_opens_total"], row["sess_lost_total"]) == ("closed", 0, 0)
    assert row["health"] == "healthy", "it is held for ten seconds first"


def test_a_lost_session_is_no_fault(broker, raw):
    client = broker.client()
    client.call("echo")
    raw.forget()
    assert client.text("echo") == "echo"
    wait_until(lambda: pool(broker)["age_ms"] > 1500, "time to look", 10 * SLOWNESS)
    assert changes(broker) == [("unknown", "healthy")]


def test_draining_is_said_and_taken_back(broker):
    broker.client().call("echo")
    wait_health(broker, "healthy")
    broker.admin("teplo/drain")
    wait_health(broker, "draining", ["draining"])
    whole = health(broker)
    assert (whole["health"], whole["health_code"], whole["reason"]) == ("draining", 4, "draining")
    assert (whole["live"], whole["ready"], whole["ready_reasons"]) == (True, False, ["draining"])
    assert broker.admin("teplo/stats")["health"] == "draining"
    check(broker, WARNING, "broker\tdraining\tdraining\tfalse\tdraining\n")
    broker.admin("teplo/resume")
    wait_health(broker, "healthy", [])
    check(broker, OK)
    assert changes(broker) == [
        ("unknown", "healthy"),
        ("healthy", "draining"),
        ("draining", "healthy"),
    ]


def test_the_breaker_and_each_change_of_it_is_told_once(start_broker, start_redis, start_raw):
    redis, raw = start_redis(), start_raw()
    options = {"redis": {"url": redis.url, "tick": "100ms"}, "ready_require": "any"}
    raw.kill()
    broker = start_broker({"raw": raw.url}, options=options, pool=QUICK)
    client = broker.client()
    client.call_error("echo")
    wait_health(broker, "circuit_open", ["breaker", "no_session"])
    wait_until(lambda: client.call_error("echo") and refused(broker) > 0, "a call is refused by it")
    row = broker.pool()
    assert row["breaker"] in ("open", "half_open") and row["last_err_class"] == "connect"
    assert health(broker)["ready_reasons"] == ["pools"]
    check(broker, CRITICAL, "pool\traw\tcircuit_open\tbreaker,no_session\t", "the breaker is open")
    # Nobody calls: it is half open once its time is over, and says so.
    broker.wait_log("breaker", to="half_open")
    raw.start(raw.port)
    wait_until(lambda: "error" not in client.wait_line(client.start_call("echo")).message, "it is back")
    wait_health(broker, "unhealthy", ["recovering"])
    row = broker.pool()
    assert (row["breaker"], row["breaker_code"]) == ("closed", 0)
    assert row["breaker_opens_total"] == len(broker.log("breaker_open")) > 0
    assert_told_once(broker, redis)


def refused(broker):
    return broker.pool()["e_breaker_total"]


def assert_told_once(broker, redis):
    """The events are those of the log, and each change goes on from the last one."""
    told = [(line["from"], line["to"]) for line in broker.log("breaker")]
    assert told[0] == ("closed", "open") and told[-1][1] == "closed"
    for course in (told, changes(broker)):
        assert all(before[1] == after[0] for before, after in zip(course, course[1:]))
    assert changes(broker) == [("unknown", "circuit_open"), ("circuit_open", "unhealthy")] or changes(
        broker
    ) == [("unknown", "unhealthy"), ("unhealthy", "circuit_open"), ("circuit_open", "unhealthy")]
    broker.admin("teplo/flush")

    def texts(kind):
        # Equal events within ten seconds are one entry.
        found = [event for event in redis.events(f"{PREFIX}ev") if event["type"] == kind]
        return sum(int(event["n"]) for event in found), {event["msg"] for event in found}

    wait_until(lambda: texts("breaker")[0] >= len(told), "all events are written")
    assert texts("breaker") == (len(told), {to for _, to in told})
    assert texts("health") == (len(changes(broker)), {to for _, to in changes(broker)})


def test_the_worst_pool_first(start_broker, start_raw):
    good, bad = start_raw(), start_raw(get_status=500)
    broker = start_broker({"a-good": good.url, "b-unused": good.url, "c-bad": bad.url}, pool=QUICK)
    with broker.client(meta_pool="a-good") as client:
        client.call("echo")
    with broker.client(meta_pool="c-bad") as client:
        client.call_error("echo")
    wait_until(lambda: health(broker)["health"] in ("unhealthy", "circuit_open"), "it is told")
    whole = health(broker)
    assert [row["name"] for row in whole["pools"]] == ["c-bad", "a-good", "b-unused"]
    assert whole["reason"] == "c-bad"
    lines = check(broker, CRITICAL).splitlines()
    assert [line.split("\t")[1] for line in lines[1:]] == ["c-bad", "a-good", "b-unused"]
    assert broker.admin("teplo/stats")["health_reason"] == "c-bad"


def test_without_a_broker_nothing_is_known(broker):
    broker.stop()
    ended = broker.ctl("health", "--timeout", "1s")
    assert ended.returncode == UNKNOWN and ended.stdout == "" and "teploctl: " in ended.stderr


# With time: what the holds are for.


@is_long
@pytest.mark.slow
def test_errors_make_it_unhealthy_and_it_comes_back_level_by_level(broker, raw):
    client = broker.client()
    client.call("echo")
    raw.set(post_status=500, post_body="broken", post_methods=["tools/call"])

    def is_unhealthy():
        client.call_error("echo")
        return pool(broker)["health"] == "unhealthy"

    wait_until(is_unhealthy, "unhealthy", 60)
    assert pool(broker)["reasons"] == ["err_pct"]
    raw.set(post_status=202)
    begun = time.monotonic()

    def is_degraded():
        client.call("echo")
        return pool(broker)["health"] == "degraded"

    wait_until(is_degraded, "degraded", 180)
    assert time.monotonic() - begun > 30
    wait_health(broker, "healthy", [], 120)
    assert changes(broker)[-2:] == [("unhealthy", "degraded"), ("degraded", "healthy")]


@is_long
@pytest.mark.slow
def test_a_storm_of_429_degrades_for_as_long_as_it_lasts(broker, raw):
    client = broker.client()
    client.call("echo")
    raw.set(post_status=429, post_body="slower", post_methods=["tools/call"])
    for _ in range(10):
        client.call_error("echo")
    wait_health(broker, "degraded", ["ratelimited"], 20)
    raw.set(post_status=202)
    wait_health(broker, "healthy", [], 150)
