# SPDX-License-Identifier: MIT
"""What the publisher writes into a healthy Redis: rows, lifetimes, events, flushes, the end."""

import shlex
import time

import pytest

from harness import RedisServer, places, wait_until
from redis_driver import PREFIX, Driver, hold
from redis_schema import check_values, fields
from resp import Connection

STATES = ("connecting", "idle", "active", "testing", "draining", "broken")


@pytest.fixture
def redis(start_redis):
    return start_redis()


@pytest.fixture
def connect(cleanup):
    return cleanup.maker(Connection)


@pytest.fixture
def start_driver(cleanup):
    return cleanup.maker(Driver)


@pytest.mark.valgrind
def test_keys_types_lifetimes_and_fields(redis, start_driver):
    driver = start_driver(redis.url, pools=2)
    assert driver.flush()
    expected = {
        PREFIX + "meta": ("hash", 604800),
        PREFIX + "inst": ("zset", 86400),
        PREFIX + "pools": ("zset", 604800),
        driver.key("i"): ("hash", 30),
        driver.key("p", "pool0"): ("hash", 900),
        driver.key("p", "pool1"): ("hash", 900),
        driver.key("h", "pool0"): ("string", 120),
        driver.key("h", "pool1"): ("string", 120),
        PREFIX + "cfg:pool0": ("hash", 172800),
        PREFIX + "cfg:pool1": ("hash", 172800),
        PREFIX + "leader": ("string", 3),
        PREFIX + "fleet": ("hash", 60),
        PREFIX + "f:pool0": ("hash", 60),
        PREFIX + "f:pool1": ("hash", 60),
        PREFIX + "tbl:pools": ("stream", 60),
        PREFIX + "tbl:inst": ("stream", 60),
        **{PREFIX + f"ts10s:{name}": ("stream", 7200) for name in ("_fleet", "pool0", "pool1")},
        **{PREFIX + f"sampled:{name}": ("hash", 172800) for name in ("_fleet", "pool0", "pool1")},
    }
    wait_until(lambda: all(redis("TTL", key) > 0 for key in expected), "every key has its TTL")
    minutes = redis.keys(PREFIX + "ts1m:*")
    assert redis.keys() == sorted([*expected, *minutes])
    for key, (kind, ttl) in expected.items():
        assert redis("TYPE", key) == kind
        assert ttl - 20 <= redis("TTL", key) <= ttl, key
    check_values(redis.row(driver.key("i")), fields("instance"))
    check_values(redis.row(driver.key("p", "pool0")), fields("pool"))
    assert sorted(redis("ZRANGE", PREFIX + "pools", 0, -1)) == ["pool0", "pool1"]
    assert redis("ZRANGE", PREFIX + "inst", 0, -1) == [driver.instance]
    meta = redis.row(PREFIX + "meta")
    classes = [f"e_{name}_total" for name in meta["err_classes"].split()]
    assert classes == [name for name in fields("pool") if name.startswith("e_")]


def test_moments_are_on_the_clock_of_redis(redis, start_driver):
    driver = start_driver(redis.url)
    before = redis("TIME")
    assert driver.flush()
    after = redis("TIME")
    row = redis.row(driver.key("i"))
    ms = [int(seconds) * 1000 + int(micros) // 1000 for seconds, micros in (before, after)]
    score = int(redis("ZSCORE", PREFIX + "inst", driver.instance))
    for moment in (int(row["hb_at_ms"]), score, int(redis.row(driver.key("p", "pool0"))["updated_at_ms"])):
        assert ms[0] - 20 <= moment <= ms[1] + 20
    assert float(row["redis_offset_ms"]) < 100
    # `never` is 0 on every clock.
    assert redis.row(driver.key("p", "pool0"))["last_ok_at_ms"] == "0"


def test_the_longest_texts_keep_the_compact_encoding(redis, start_driver):
    driver = start_driver(redis.url)
    for field, kind in fields("pool").items():
        if kind == "TEXT":
            driver.ask(f"set {field} " + "x" * 200)
        elif kind == "COUNT" and not field.startswith("s_"):
            driver.ask(f"set {field} 18446744073709551615")
    assert driver.flush()
    assert redis.row(driver.key("p", "pool0"))["upstream"] == "x" * 64
    for key in (driver.key("p", "pool0"), driver.key("i")):
        assert redis("OBJECT", "ENCODING", key) in ("listpack", "ziplist")


@pytest.mark.parametrize("text", ["12e4", "0x1p2", "inf", "NaN", "1_000", "-5"])
def test_no_text_looks_like_a_number(redis, start_driver, text):
    driver = start_driver(redis.url)
    driver.ask(f"set era {text}")
    driver.ask(f"event {text} info {text} {text} 1 {text}")
    assert driver.flush()
    assert redis.row(driver.key("p", "pool0"))["era"] == "~" + text
    (event,) = wait_until(lambda: redis.events(PREFIX + "ev"), "the event")
    assert [event[name] for name in ("type", "pool", "code", "msg")] == ["~" + text] * 4


def test_a_tick_writes_what_changed_and_now_and_then_all(redis, start_driver, connect):
    driver = start_driver(redis.url, tick_ms=50)
    assert driver.flush()
    monitor = connect(redis.port)
    monitor("MONITOR")
    driver.ask("set calls_total 12345")
    lengths = []
    names = set()
    while len(lengths) < 20:
        words = shlex.split(monitor.read().split("] ", 1)[1])
        if words[0] == "HSET" and ":p:" in words[1]:
            lengths.append(len(words))
            names.update(words[2::2])
    # seq, updated_at_ms, what is random in the driver, and the one that was set.
    assert max(lengths) <= 2 + 2 * 9, lengths
    assert {"seq", "updated_at_ms", "calls_total"} <= names
    assert redis.row(driver.key("p", "pool0"))["calls_total"] == "12345"


def test_the_sum_of_states_holds_in_every_snapshot(redis, start_driver):
    driver = start_driver(redis.url, tick_ms=5)
    assert driver.flush()
    seen = set()
    for _ in range(1000):
        row = redis.row(driver.key("p", "pool0"))
        assert sum(int(row[f"s_{state}"]) for state in STATES) == int(row["s_total"]), row
        seen.add(row["seq"])
    assert len(seen) >= 20


def test_over_a_unix_socket_in_another_database_and_namespace(cleanup, start_driver, connect):
    redis = cleanup.maker(RedisServer)("--unixsocket", "redis.sock")
    path = redis.directory / "redis.sock"
    driver = start_driver(f"unix://{path}?db=3", namespace="fleet-2")
    assert driver.flush()
    assert redis.keys() == []
    row = connect(path, database=3).row(driver.key("i"))
    assert driver.key("i").startswith("teplo:{fleet-2}:v1:") and row["state"] == "serving"
    driver = start_driver(f"redis://127.0.0.1:{redis.port}/5")
    assert driver.flush()
    names = [client["name"] for client in clients_of(connect(path))]
    assert f"teplo:{driver.instance}" in names
    assert driver.key("i") in connect(path, database=5).keys()


def clients_of(connection):
    return [
        dict(word.partition("=")[::2] for word in line.split()) for line in connection("CLIENT", "LIST").splitlines()
    ]


def test_many_pools_take_several_transactions(redis, start_driver):
    driver = start_driver(redis.url, tick_ms=60000, pools=300)
    driver.ask("set calls_total 7")
    assert driver.flush()
    rows = [redis.row(driver.key("p", f"pool{number}")) for number in range(300)]
    assert {row["calls_total"] for row in rows} == {"7"}
    assert len({row["seq"] for row in rows}) == 1
    assert redis("ZCARD", PREFIX + "pools") == 300
    # A reload takes most of them away: their rows go, their totals stay.
    driver.ask("pools 2")
    assert driver.flush()
    wait_until(lambda: len(redis.keys(PREFIX + "p:*")) == 2, "two rows are left")
    assert redis("HGET", PREFIX + "base:pool299", "calls_total") == "7"
    # When they come back they begin anew.
    driver.ask("set calls_total 1")
    driver.ask("pools 300")
    assert driver.flush()
    wait_until(lambda: redis("HGET", PREFIX + "f:pool299", "calls_total") == "8", "their sum")
    assert redis.row(driver.key("p", "pool299"))["calls_total"] == "1"


def test_members_that_are_long_gone_are_removed(redis, start_driver):
    now = int(redis("TIME")[0]) * 1000
    redis("ZADD", PREFIX + "inst", now - 1100000, "i-dead-00000000", now - 900000, "i-late-00000000")
    redis("ZADD", PREFIX + "pools", now - 90000000, "gone", now - 80000000, "rare")
    driver = start_driver(redis.url)
    assert driver.flush()
    # The one that reports for the fleet has taken both for gone, for they were silent for more than a minute.
    wait_until(lambda: redis("ZRANGE", PREFIX + "inst", 0, -1) == [driver.instance], "only the live one")
    assert redis("ZRANGE", PREFIX + "pools", 0, -1) == ["rare", "pool0"]


# Flushes.


def test_a_flush_ends_when_its_figures_are_readable(redis, start_driver):
    driver = start_driver(redis.url, tick_ms=60000)
    for number in range(100):
        driver.ask(f"set calls_total {number}")
        answer = driver.ask("flush", "flushed")
        row = redis.row(driver.key("p", "pool0"))
        assert (answer["ok"], row["calls_total"], row["seq"]) == ("1", str(number), answer["seq"])


def test_flushes_at_once_are_bounded_and_each_ends_once(redis, start_driver):
    driver = start_driver(redis.url)
    assert driver.flush()
    since = driver.position()
    assert driver.ask("flushes 100", "flushes=")["flushes"] == "64"
    wait_until(lambda: len(flushed(driver, since)) == 64, "every flush ends")
    assert driver.flush()
    assert [line["ok"] for line in flushed(driver, since)] == ["1"] * 65


def flushed(driver, since):
    return [line for line in driver.program.lines.items[since:] if str(line).startswith("flushed")]


# Events.


def test_events_have_all_fields_in_order(redis, start_driver):
    driver = start_driver(redis.url)
    driver.ask("event session_lost warn pool0 reset 1 the stream ended: \x01 \u0457")
    (event,) = wait_until(lambda: redis.events(PREFIX + "ev"), "the event")
    assert list(event) == ["type", "sev", "inst", "pool", "sess", "code", "n", "msg"]
    assert event["inst"] == driver.instance
    assert (event["sess"], event["n"], event["msg"]) == ("-", "1", "the stream ended: ? ?")
    wait_until(lambda: 604700 < redis("TTL", PREFIX + "ev") <= 604800, "its TTL")


def test_equal_events_are_counted_and_a_flood_is_bounded(redis, start_driver):
    driver = start_driver(redis.url)
    assert driver.flush()
    begun = time.monotonic()
    driver.ask("event health warn pool0 - 10000 same")
    driver.ask("event health warn pool0 - 10000 other {}", seconds=60)
    total = 20000

    def accounted():
        written = redis.events(PREFIX + "ev")
        allowed = 20 + 5 * (time.monotonic() - begun) + 1
        assert len(written) <= allowed, (len(written), allowed)
        return sum(int(event["n"]) for event in written) + int(driver.ask("state")["drops"])

    wait_until(lambda: accounted() >= total - 256 + 30, "a second burst")
    assert accounted() <= total
    assert int(driver.ask("state")["drops"]) > 9000


# The end.


@pytest.mark.valgrind
def test_a_clean_end(redis, start_driver):
    driver = start_driver(redis.url, tick_ms=60000)
    assert driver.flush()
    driver.ask("set calls_total 99")
    driver.ask("event health warn pool0 - 1 the last but one")
    closed = driver.ask("close", "closed")
    assert int(closed["ms"]) < 500
    assert redis("EXISTS", driver.key("i"), PREFIX + "inst") == 0
    assert redis("EXISTS", driver.key("p", "pool0"), PREFIX + "leader") == 0
    assert redis("HGET", PREFIX + "base:pool0", "calls_total") == "99"
    assert [event["type"] for event in redis.events(PREFIX + "ev")] == ["health", "stop"]
    # Closed is closed: nothing is written, and a flush ends.
    assert not driver.flush()
    assert redis("EXISTS", driver.key("i")) == 0


def test_the_row_says_stopping_before_it_goes(redis, start_driver, connect):
    driver = start_driver(redis.url, tick_ms=60000)
    assert driver.flush()
    monitor = connect(redis.port)
    monitor("MONITOR")
    driver.say("close")
    words = []
    while not words or words[0] != "DEL":
        words = shlex.split(monitor.read().split("] ", 1)[1])
        if words[0] == "HSET" and words[1] == driver.key("i"):
            row = dict(zip(words[2::2], words[3::2]))
    assert row["state"] == "stopping"


def test_a_stop_event_is_not_doubled(redis, start_driver):
    driver = start_driver(redis.url)
    assert driver.flush()
    driver.ask("event stop info - - 1 stopped by the operator")
    driver.ask("close", "closed")
    assert [event["msg"] for event in redis.events(PREFIX + "ev")] == ["stopped by the operator"]


def test_a_full_ring_is_emptied_at_the_end(start_driver, redis):
    driver = start_driver(redis.url)
    assert driver.flush()
    driver.ask("event health warn pool0 - 256 {}")
    driver.ask("close", "closed")
    events = redis.events(PREFIX + "ev")
    assert sum(int(event["n"]) for event in events) + int(driver.ask("state")["drops"]) == 257
    assert events[-1]["type"] == "stop"


def test_the_figures_of_the_process(redis, start_driver):
    driver = start_driver(redis.url, tick_ms=250)
    assert driver.flush()
    row = redis.row(driver.key("i"))
    assert row["pid"] == str(driver.program.pid) or places.WRAPPER
    assert int(row["rss_bytes"]) > 1000000
    assert 5 < int(row["fds"]) < int(row["fds_max"])
    assert row["redis_state"] in ("up", "down")  # as it was when the tick began
    wait_until(lambda: redis.row(driver.key("i"))["redis_state"] == "up", "the state")
    hold(0.6, lambda: float(redis.row(driver.key("i"))["cpu_pct"]) <= 100, "a percentage")
