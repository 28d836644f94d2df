# SPDX-License-Identifier: MIT
"""A Redis that forgets, refuses, is full, or has in it what is not ours: the fleet's figures get by."""

import re
import time

import pytest

from harness import LONG_PATIENCE, places, wait_until
from redis_driver import PREFIX, Driver, hold
from redis_fleet import events, fleet, leader_of, pool, redis_ms, start_three, watched


@pytest.fixture
def redis(start_redis):
    return start_redis()


@pytest.fixture
def start_driver(cleanup):
    return cleanup.maker(Driver)


@pytest.fixture
def drivers(redis, start_driver):
    return start_three(redis, start_driver, forget_ms=4000)


def table(name):
    return (places.REPO / "proto" / "redis" / name).read_text()


def test_wiped(redis, drivers):
    wait_until(lambda: redis("EXISTS", PREFIX + "tbl:pools", PREFIX + "ts10s:_fleet") == 2, "all kinds of keys")
    redis("FLUSHALL")
    begun = redis_ms(redis)
    wait_until(lambda: fleet(redis, "calls_total") == "600", "the sums are back")
    wait_until(lambda: fleet(redis, "inst_live") == "3", "all three")
    wait_until(lambda: redis("EXISTS", PREFIX + "tbl:pools", PREFIX + "ts10s:_fleet") == 2, "what is written rarely")
    assert redis_ms(redis) - begun < 2000 * places.SLOWNESS


def test_forgotten_scripts_are_sent_again(redis, drivers):
    leader = leader_of(redis, drivers)
    victim = next(driver for driver in drivers if driver is not leader)
    redis("SCRIPT", "FLUSH")
    assert all(driver.flush() for driver in drivers)
    redis("SCRIPT", "FLUSH")
    victim.ask("close", "closed")
    wait_until(lambda: fleet(redis, "inst_live") == "2", "it has left")
    assert fleet(redis, "calls_total") == "600" and events(redis, "config_error") == []
    assert redis.keys(f"{PREFIX}p:*:{victim.instance}") == []


@pytest.mark.parametrize("rule", ["-eval -evalsha", "-hgetall", "-unlink"])
def test_without_the_rights_of_a_reporter(redis, start_driver, rule):
    redis("ACL", "SETUSER", "teplo", "on", ">x", "+@all", *rule.split(), "~*")
    driver = start_driver(f"redis://teplo:x@127.0.0.1:{redis.port}", tick_ms=50)
    (event,) = wait_until(lambda: events(redis, "config_error"), "the event")
    assert event["code"] == "NOPERM"
    driver.ask("set calls_total 7")
    wait_until(lambda: driver.flush(), "its own rows go on")
    assert redis("HGET", driver.key("p", "pool0"), "calls_total") == "7" and driver.state() == "up"
    hold(0.5, lambda: len(driver.log("redis_reporter")) <= 2, "said once")
    driver.ask("close", "closed")
    assert redis("ZCARD", PREFIX + "inst") == 0
    assert len(events(redis, "config_error")) == 1


def test_without_scripts_at_all(start_redis, start_driver):
    redis = start_redis("--rename-command", "EVAL", "", "--rename-command", "EVALSHA", "")
    driver = start_driver(redis.url, tick_ms=50)
    (event,) = wait_until(lambda: events(redis, "config_error"), "the event")
    assert "unknown command" in event["msg"] and driver.flush() and driver.state() == "up"
    assert redis("EXISTS", PREFIX + "leader") == 0


def test_rights_that_come_later_are_used(redis, start_driver):
    redis("ACL", "SETUSER", "teplo", "on", ">x", "+@all", "-evalsha", "~*")
    driver = start_driver(f"redis://teplo:x@127.0.0.1:{redis.port}", tick_ms=50)
    wait_until(lambda: events(redis, "config_error"), "the event")
    redis("ACL", "SETUSER", "teplo", "+evalsha")
    redis("CLIENT", "KILL", "TYPE", "normal")
    wait_until(lambda: fleet(redis, "reporter") == driver.instance, "it reports", LONG_PATIENCE)


def test_a_full_redis_stops_no_tick(redis, drivers):
    redis("CONFIG", "SET", "maxmemory", "1mb")
    drivers[0].wait_log("redis_oom")
    redis("CONFIG", "SET", "maxmemory", "0")
    wait_until(lambda: all(driver.flush() for driver in drivers), "all of them", LONG_PATIENCE)
    wait_until(lambda: fleet(redis, "calls_total") == "600", "the sums")
    assert events(redis, "config_error") == []


GARBAGE = ["", "x", "-1", "1e99", "inf", "nan", "9" * 60, "\u0457" * 40, "a\r\nb", "0x10"]


def test_rows_that_are_none_of_ours_do_no_harm(redis, drivers):
    now = redis_ms(redis)
    names = re.findall(r"^POOL_\w+\((\w+)", table("pool_fields.def"), re.MULTILINE)
    redis("ZADD", PREFIX + "pools", now, "Evil", now, "x" * 300, now, "a b", "inf", "bad", 5, "inf", now, "odd", now, "")
    members = ["Evil", "../../x", "i-odd-00000001", "i-odd-00000002", "y" * 5000, "i-odd-00000003"]
    redis("ZADD", PREFIX + "inst", *(word for member in members for word in (now + 60000, member)))
    redis("ZADD", PREFIX + "inst", "-inf", "i-odd-00000004", "inf", "i-odd-00000005", "1e300", "i-odd-00000006")
    redis("SET", PREFIX + "p:pool0:i-odd-00000001", "a string")
    for number, text in enumerate(GARBAGE):
        fields = [word for name in names for word in (name, text)]
        redis("HSET", PREFIX + "p:odd:i-odd-00000002", *fields, *fields)
        redis("HSET", PREFIX + f"p:pool0:i-odd-0000000{number}", *fields) if number > 2 else None
        redis("HSET", PREFIX + "i:i-odd-00000003", "health_code", text, "providers", text)
        redis("SET", PREFIX + "h:pool0:i-odd-00000002", f"s3;w=60;lat n={text} sum_ms={text} 40:{text};wait {text}")
        time.sleep(0.05)
        for driver in drivers:
            assert driver.flush()
    redis("HSET", PREFIX + "p:odd:i-odd-00000001", *(word for i in range(120) for word in (f"f{i}", "v")))
    wait_until(lambda: pool(redis, "calls_total", "odd") == "0", "a pool of nothing")
    assert pool(redis, "calls_total") == "600" and fleet(redis, "reporter")
    hold(0.5, lambda: fleet(redis, "calls_total") == "600", "the sums")
    assert redis("EXISTS", PREFIX + "f:Evil", PREFIX + "f:a b") == 0


@pytest.mark.parametrize("key", ["fleet", "f:pool0", "base:pool0", "tbl:pools", "ts10s:pool0", "lost", "sampled:pool0"])
def test_keys_that_are_somebody_elses_are_left_alone(redis, start_driver, key):
    redis("SET", PREFIX + key, "mine")
    driver = start_driver(redis.url, forget_ms=1000)
    driver.ask("set calls_total 7")
    wait_until(lambda: events(redis, "config_error"), "the event")
    assert driver.flush() and driver.state() == "up"
    if key not in ("fleet", "f:pool0"):
        wait_until(lambda: (pool(redis, "calls_total"), fleet(redis, "calls_total")) == ("7", "7"), "the rest goes on")
    driver.ask("close", "closed")
    assert (redis("GET", PREFIX + key), redis("TTL", PREFIX + key)) == ("mine", -1)
    assert len(events(redis, "config_error")) == 1


@pytest.mark.parametrize("key", ["leader", "pools", "inst"])
def test_lists_that_are_somebody_elses(redis, start_driver, key):
    redis("HSET", PREFIX + key, "a", "b")
    driver = start_driver(redis.url)
    wait_until(lambda: events(redis, "config_error"), "the event")
    wait_until(lambda: driver.flush(), "its own rows go on")
    driver.ask("close", "closed")
    assert redis.row(PREFIX + key) == {"a": "b"}


def test_connections_that_are_cut_in_the_middle(redis, drivers):
    with watched(redis, most=600):
        for _ in range(15):
            redis("CLIENT", "KILL", "TYPE", "normal")
            time.sleep(0.07)
    wait_until(lambda: all(driver.flush() for driver in drivers), "all are back", LONG_PATIENCE)
    wait_until(lambda: fleet(redis, "inst_live") == "3", "all three", LONG_PATIENCE)
    assert fleet(redis, "calls_total") == "600"


@pytest.mark.parametrize("every", [1, pytest.param(2, marks=pytest.mark.valgrind), 3])
def test_without_memory(redis, start_driver, every):
    driver = start_driver(redis.url, tick_ms=20, pools=10)
    driver.ask(f"starve {every}")
    hold(0.3, lambda: driver.state() in ("up", "down"), "it goes on")
    driver.ask("starve 0")
    driver.ask("set calls_total 3")
    wait_until(driver.flush, "a flush", LONG_PATIENCE)
    wait_until(lambda: fleet(redis, "calls_total") == "30", "the sums", LONG_PATIENCE)
