# SPDX-License-Identifier: MIT
"""What the publisher writes beside its rows: configurations, histograms, the table of sessions."""

import re
import shlex

import pytest

from harness import wait_until
from redis_driver import PREFIX, Driver, hold
from redis_schema import check_lifetimes, check_values, columns, fields, key_named
from resp import Connection


@pytest.fixture
def redis(start_redis):
    return start_redis()


@pytest.fixture
def connect(cleanup):
    return cleanup.maker(Connection)


@pytest.fixture
def start_driver(cleanup):
    return cleanup.maker(Driver)


def writes_of(monitor):
    """The commands that the server executes, one after the other."""
    while True:
        yield shlex.split(monitor.read().split("] ", 1)[1])


def watch(connect, redis):
    monitor = connect(redis.port)
    monitor("MONITOR")
    return writes_of(monitor)


@pytest.mark.valgrind
def test_every_key_that_a_broker_writes_is_of_the_schema(redis, start_driver):
    driver = start_driver(redis.url, pools=2)
    driver.ask("sessions 3")
    driver.ask("event start info - - 1 serving")
    assert driver.flush()
    wait_until(lambda: redis.events(PREFIX + "ev"), "the event")
    seen = check_lifetimes(redis, PREFIX)
    ours = {"META", "INST", "INSTANCE", "POOLS", "CONFIG", "POOL", "HISTOGRAMS", "TABLE_SESS", "EV"}
    assert ours <= set(seen)
    assert len(seen["CONFIG"]) == len(seen["POOL"]) == len(seen["HISTOGRAMS"]) == 2


def test_meta_says_how_to_read_the_rest(redis, start_driver):
    driver = start_driver(redis.url, tick_ms=1000)
    assert driver.flush()
    meta = redis.row(PREFIX + "meta")
    assert {name: meta[name] for name in ("schema", "minor", "tick_ms", "dead_ms", "hb_ttl_ms", "hist")} == {
        "schema": "1",
        "minor": "1",
        "tick_ms": "1000",
        "dead_ms": "2300",
        "hb_ttl_ms": "30000",
        "hist": "s3",
    }


# Configurations.


def test_a_configuration_is_written_at_the_start_and_when_it_changes(redis, start_driver, connect):
    driver = start_driver(redis.url, tick_ms=50)
    driver.ask("config abc")
    assert driver.flush()
    row = redis.row(PREFIX + "cfg:pool0")
    check_values(row, fields("config"))
    assert (row["cfg_hash"], row["cap"], row["writer"]) == ("abc", "8", driver.instance)
    assert row["upstream"] == "http://127.0.0.1:1/sse"
    wait_until(lambda: redis("PTTL", PREFIX + "cfg:pool0") > 0, "its TTL")
    commands = watch(connect, redis)
    # Ticks go by without it.
    for command in commands:
        assert "cfg:" not in str(command)
        if command[0] == "EXEC" and int(redis.row(driver.key("i"))["seq"]) > 10:
            break
    driver.ask("config def")
    wait_until(lambda: redis.row(PREFIX + "cfg:pool0")["cfg_hash"] == "def", "the new one")


def test_somebody_elses_configuration_is_left_alone(redis, start_driver):
    redis("SET", PREFIX + "cfg:pool0", "mine")
    driver = start_driver(redis.url)
    driver.wait_log("redis_key_refused", key="cfg:pool0")
    assert driver.flush() and driver.flush()
    assert (redis("GET", PREFIX + "cfg:pool0"), redis("TTL", PREFIX + "cfg:pool0")) == ("mine", -1)
    assert len(driver.log("redis_key_refused")) == 1


# Histograms.

HISTOGRAM = r"n=\d+ sum_ms=[\d.]+ max_ms=[\d.]+( \d+:\d+)*"


def test_histograms_are_written_with_a_flush(redis, start_driver):
    driver = start_driver(redis.url, tick_ms=60000)
    assert driver.flush()
    text = redis("GET", driver.key("h", "pool0"))
    assert re.fullmatch(rf"s3;w=60;lat {HISTOGRAM};wait {HISTOGRAM};create {HISTOGRAM}", text), text
    lat, wait, create = text.split(";")[2:]
    assert lat.startswith("lat n=2 sum_ms=52.5 max_ms=40 ")
    assert sum(int(bucket.split(":")[1]) for bucket in lat.split()[4:]) == 2
    assert wait.startswith("wait n=1 sum_ms=0.25 max_ms=0.25 ")
    assert create == "create n=0 sum_ms=0 max_ms=0"


def test_histograms_and_tables_are_written_every_ten_seconds(redis, start_driver, connect):
    driver = start_driver(redis.url, tick_ms=100)
    driver.ask("sessions 1")
    assert driver.flush()
    commands = watch(connect, redis)
    found = set()
    for command in commands:
        if command[0] == "EXEC":
            assert int(redis.row(driver.key("i"))["seq"]) < 130, "later than ten seconds"
        is_write = command[0] in ("SET", "UNLINK", "XADD", "PEXPIRE")
        if is_write and re.search("[}]:v1:(h|tbl:sess):", command[1]):
            seq = int(redis.row(driver.key("i"))["seq"])
            assert seq > 80, "earlier than ten seconds"
            found.add(command[0])
        if found == {"SET", "UNLINK", "XADD", "PEXPIRE"}:
            return


# Sessions.


def table(redis, driver):
    return redis.events(driver.key("tbl:sess"))


def test_the_table_is_rebuilt_by_a_flush_when_it_has_changed(redis, start_driver, connect):
    driver = start_driver(redis.url, tick_ms=60000)
    driver.ask("sessions 3")
    assert driver.flush()
    entries = table(redis, driver)
    assert [entry["sess"] for entry in entries] == ["pool0/0", "pool0/1", "pool0/2"]
    for entry in entries:
        check_values(entry, columns("sess"))
    first = redis("XRANGE", driver.key("tbl:sess"), "-", "+")
    assert driver.flush()
    assert redis("XRANGE", driver.key("tbl:sess"), "-", "+") == first
    driver.ask("set calls_total 4")
    assert driver.flush()
    assert [entry["calls_total"] for entry in table(redis, driver)] == ["4"] * 3
    driver.ask("sessions 0")
    assert driver.flush()
    assert redis("EXISTS", driver.key("tbl:sess")) == 0


def test_a_table_has_256_rows_at_most(redis, start_driver):
    driver = start_driver(redis.url, tick_ms=60000, pools=40)
    driver.ask("sessions 1000")
    assert driver.flush()
    assert redis("XLEN", driver.key("tbl:sess")) == 256
    assert driver.state() == "up"
    # Whole, whoever looks.
    driver.ask("sessions 200")
    for number in range(20):
        driver.ask(f"set calls_total {number}")
        driver.say("flush")
        rows = wait_until(lambda: table(redis, driver), "a table")
        assert len(rows) in (200, 256) and len({row["calls_total"] for row in rows}) == 1
        driver.flush()


def test_a_clean_end_takes_the_table_along(redis, start_driver):
    driver = start_driver(redis.url, tick_ms=60000)
    driver.ask("sessions 3")
    assert driver.flush()
    driver.ask("sessions 0")
    driver.ask("close", "closed")
    assert redis("EXISTS", driver.key("tbl:sess")) == 0


# Lost, and full.


def test_after_a_wipe_all_of_it_is_back_within_two_ticks(redis, start_driver):
    driver = start_driver(redis.url, tick_ms=200)
    driver.ask("sessions 2")
    assert driver.flush()
    ours = sorted(redis.keys(PREFIX + "*"))
    assert driver.key("tbl:sess") in ours and driver.key("h", "pool0") in ours
    for _ in range(5):
        redis("FLUSHALL")
        before = int(driver.ask("state")["seq"])
        wait_until(lambda: set(ours) <= set(redis.keys(PREFIX + "*")), "every key is back")
        assert int(redis.row(driver.key("i"))["seq"]) <= before + 3
        assert set(redis.row(PREFIX + "cfg:pool0")) == set(fields("config"))
    wait_until(lambda: all(redis("PTTL", key) > 0 for key in ours), "every key has its TTL")


def test_a_full_redis_gets_half_of_the_streams_back(redis, start_driver):
    driver = start_driver(redis.url)
    assert driver.flush()
    fill = "redis.call('DEL', KEYS[1]) for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], i .. '-0', 'x', 1) end"
    for key, count in (("ev", 2000), ("ts10s:_fleet", 360), ("ts10s:pool0", 360)):
        redis("EVAL", fill, 1, PREFIX + key, count)
    redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
    redis("CONFIG", "SET", "maxmemory", "1mb")
    driver.wait_log("redis_oom")
    wait_until(lambda: redis("XLEN", PREFIX + "ev") <= 1100, "half of the events")
    for name in ("_fleet", "pool0"):
        wait_until(lambda: redis("XLEN", PREFIX + f"ts10s:{name}") <= 280, "half of the samples")
    # It is not asked for more than that at once.
    hold(3, lambda: redis("XLEN", PREFIX + "ev") >= 900, "the other half")
    redis("CONFIG", "SET", "maxmemory", "0")
    driver.wait_log("redis_up", 10, since=driver.position() - 1)
    assert driver.flush()


def test_the_estimate_is_told_once(redis, start_driver):
    redis("ZADD", PREFIX + "inst", int(redis("TIME")[0]) * 1000, "i-other-00000000")
    driver = start_driver(redis.url, pools=20)
    assert driver.flush() and driver.flush()
    (line,) = driver.log("redis_estimate")
    assert (line["brokers"], line["pools"], line["series_pools"]) == ("2", "20", "20")
    assert 5_000_000 < int(line["bytes"]) < 10_000_000
    assert key_named("EV").ttl_s == 604800
