# SPDX-License-Identifier: MIT
"""Several brokers and one Redis: one of them adds up what all write, and nobody waits for it."""

import re

import pytest

from harness import LONG_PATIENCE, places, wait_until
from redis_driver import PREFIX, Driver, hold
from redis_fleet import TAKEN_OVER_S, events, fleet, leader_of, pool, start_three

COLUMN = re.compile(r"^COLUMN\((\w+), (\w+), (\w+)\)", re.MULTILINE)
SAMPLE = re.compile(r"^SAMPLE_\w+\((\w+),", re.MULTILINE)


def table(name):
    return (places.REPO / "proto" / "redis" / name).read_text()


@pytest.fixture
def redis(start_redis):
    return start_redis()


@pytest.fixture
def start_driver(cleanup):
    return cleanup.maker(Driver)


@pytest.fixture
def drivers(redis, start_driver):
    return start_three(redis, start_driver, forget_ms=4000)


# Sums.


def test_three_brokers_are_added_up(start_broker, redis, raw):
    options = {"redis": {"url": redis.url, "tick": "200ms"}}
    brokers = [start_broker({"raw": raw.url}, options=options) for _ in range(3)]
    for number, broker in enumerate(brokers):
        client = broker.client()
        for _ in range(number + 1):
            client.call("echo")
        client.call("is_error")
    wait_until(lambda: pool(redis, "calls_total", "raw") == "9", "the sum")
    row = redis.row(PREFIX + "f:raw")
    assert (row["ok_total"], row["tool_err_total"], row["inst_live"], row["inst_dead"]) == ("6", "3", "3", "0")
    assert row["s_total"] == "3" and row["upstream"] == raw.url and row["cap"] == str(3 * int(pool_cap(redis)))
    wait_until(lambda: redis("XLEN", PREFIX + "tbl:inst") == 3, "three rows", LONG_PATIENCE)
    whole = redis.row(PREFIX + "fleet")
    assert (whole["inst_live"], whole["inst_dead"], whole["pools"], whole["calls_total"]) == ("3", "0", "1", "9")
    assert whole["providers"] == "3" and whole["reporter"] == redis("GET", PREFIX + "leader")
    for broker in brokers:
        broker.admin("teplo/flush")
    assert len({row["inst"] for row in redis.events(PREFIX + "tbl:inst")}) == 3


def pool_cap(redis):
    return redis("HGET", redis.keys(PREFIX + "p:raw:*")[0], "cap")


def test_gauges_are_sums_too(redis, start_driver):
    drivers = [start_driver(redis.url) for _ in range(2)]
    for number, driver in enumerate(drivers):
        driver.ask(f"set waiting {number + 3}")
        assert driver.flush()
    wait_until(lambda: (pool(redis, "waiting"), fleet(redis, "waiting")) == ("7", "7"), "the sums")
    for _ in range(20):
        row = redis.row(PREFIX + "f:pool0")
        states = ("connecting", "idle", "active", "testing", "draining", "broken")
        assert sum(int(row[f"s_{state}"]) for state in states) == int(row["s_total"]), row


def test_a_flush_of_the_reporter_includes_the_sums(redis, start_driver):
    driver = start_driver(redis.url, tick_ms=60000, pools=70)
    assert driver.flush()
    wait_until(lambda: driver.flush() and pool(redis, "calls_total"), "it reports")
    for number in range(50):
        driver.ask(f"set calls_total {number}")
        wait_until(driver.flush, "flushed; within 3 s, or it says that it is not")
        assert (pool(redis, "calls_total", "pool69"), fleet(redis, "calls_total")) == (str(number), str(70 * number))


def test_a_flush_in_the_middle_of_a_round(redis, start_driver):
    driver = start_driver(redis.url, tick_ms=10, pools=100)
    assert driver.flush()
    wait_until(lambda: pool(redis, "calls_total"), "it reports")
    for number in range(30):
        driver.ask(f"set calls_total {number}")
        assert driver.flush()
        assert int(pool(redis, "calls_total", "pool99")) == number


def test_quantiles_are_of_all_calls(redis, drivers):
    quick, slow = "s3;w=60;lat n=90 sum_ms=90 max_ms=1 32:90", "s3;w=60;lat n=10 sum_ms=9000 max_ms=900 111:10"
    for driver, text in zip(drivers, (quick, slow, "nonsense")):
        redis("SET", driver.key("h", "pool0"), text)
    wait_until(lambda: float(pool(redis, "lat_p99_ms")) > 500, "the slow ones")
    row = redis.row(PREFIX + "f:pool0")
    assert float(row["lat_p50_ms"]) <= 1 and float(row["lat_p95_ms"]) > 500
    assert float(fleet(redis, "lat_p99_ms")) > 500


def test_tables_are_whole_and_in_order(redis, start_driver):
    first = start_driver(redis.url, pools=3)
    other = start_driver(redis.url, pools=1)
    first.ask("set health_code 2")
    first.ask("set health_reason auth")
    for driver in (first, other):
        assert driver.flush()
    columns = {}
    for name, column, kind in COLUMN.findall(table("table_columns.def")):
        columns.setdefault(name, []).append(column)

    def rows(name):
        return redis.events(PREFIX + f"tbl:{name}")

    def worst():
        return [(row["pool"], row["health"]) for row in rows("pools")]

    # Half of the first pool's brokers are well.
    expected = [(f"pool{number}", "unhealthy") for number in range(3)]
    wait_until(lambda: worst() == expected and len(rows("inst")) == 2, "the tables", LONG_PATIENCE)
    for name in ("pools", "inst"):
        assert [list(row) for row in rows(name)] == [columns[name]] * len(rows(name))
    assert rows("pools")[1]["health_reason"] == "auth" and rows("pools")[0]["inst_live"] == "2"
    first.ask("set health_code 0")
    other.ask("pools 2")
    other.ask("set health_code 1")
    expected = [("pool0", "degraded"), ("pool1", "degraded"), ("pool2", "healthy")]
    wait_until(lambda: worst() == expected, "the worst first", LONG_PATIENCE)
    assert 0 < redis("TTL", PREFIX + "tbl:pools") <= 60


def test_more_pools_than_are_added_up(redis, start_driver):
    driver = start_driver(redis.url, pools=300, tick_ms=200)
    driver.ask("set calls_total 2")
    assert driver.flush()
    wait_until(lambda: fleet(redis, "pools") == "250", "as many as there may be", LONG_PATIENCE)
    wait_until(lambda: "left out" in str(events(redis, "config_error")), "said so")
    assert fleet(redis, "calls_total") == "500" and driver.flush()
    assert len(events(redis, "config_error")) == 1
    # As many series as fit, and no more than 32 pools.
    wait_until(lambda: len(redis.keys(PREFIX + "ts10s:*")) == 33, "the samples")
    assert PREFIX + "ts10s:_fleet" in redis.keys(PREFIX + "ts10s:*")
    # Ticks and rounds at once are never more than may be unanswered.
    for _ in range(20):
        assert driver.ask("flushes 2", "flushes=") and driver.flush()
    assert driver.ask("state")["reconnects"] == "0"


# Samples.


def test_no_call_is_missed_by_samples_when_the_reporter_changes(redis, drivers):
    names = SAMPLE.findall(table("sample_fields.def"))

    def calls(key):
        return sum(int(row["calls"]) for row in redis.events(key))

    wait_until(lambda: redis("XLEN", PREFIX + "ts10s:pool0") > 0, "the first sample")
    before = int(redis("HGET", PREFIX + "sampled:pool0", "calls")) - calls(PREFIX + "ts10s:pool0")
    old = leader_of(redis, drivers)
    other = next(driver for driver in drivers if driver is not old)
    other.ask("set calls_total 5000")
    assert other.flush()
    old.program.kill()
    wait_until(lambda: fleet(redis, "reporter") != old.instance, "another", TAKEN_OVER_S)
    other.ask("set calls_total 7000")
    assert other.flush()
    wait_until(lambda: int(pool(redis, "calls_total")) >= 7000, "its sum")
    total = int(pool(redis, "calls_total"))
    for key in ("ts10s:pool0", "ts10s:_fleet"):
        wait_until(lambda: before + calls(PREFIX + key) == total, "the sample after", 15 * places.SLOWNESS)
        entries = redis.events(PREFIX + key)
        assert [list(entry) for entry in entries] == [names] * len(entries)
    moments = [int(moment.split("-")[0]) for moment, _ in redis("XRANGE", PREFIX + "ts10s:_fleet", "-", "+")]
    assert all(later - earlier <= 20000 for earlier, later in zip(moments, moments[1:]))


def test_the_loop_is_never_held_up(redis, start_driver):
    drivers = [start_driver(redis.url, pools=60, tick_ms=100) for _ in range(2)]
    assert all(driver.flush() for driver in drivers)
    for driver in drivers:
        driver.reset_gap()
    redis("CLIENT", "PAUSE", 1500)
    hold(2.5, lambda: all(driver.state() in ("up", "slow") for driver in drivers), "up or slow")
    for driver in drivers:
        driver.check_gap()
    wait_until(lambda: fleet(redis, "inst_live") == "2", "both")
