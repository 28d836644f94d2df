# SPDX-License-Identifier: MIT
"""
Several brokers and one Redis: one of them adds up what all write, whoever is killed, frozen, woken,
stopped or forbidden, and no call is missed or counted twice.
"""

import contextlib
import random
import re
import signal
import threading
import time

import pytest

from harness import LONG_PATIENCE, places, wait_until
from redis_driver import PREFIX, Driver, hold

COLUMN = re.compile(r"^COLUMN\((\w+), (\w+), (\w+)\)", re.MULTILINE)
SAMPLE = re.compile(r"^SAMPLE_\w+\((\w+),", re.MULTILINE)
# Killed and seen dead: two and a half ticks, or 2.5 s if that is longer, and a tick.
DEAD_S = 3 * places.SLOWNESS
# A lease of 3 s, and a tick.
TAKEN_OVER_S = 4 * places.SLOWNESS


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


def start_three(redis, start_driver, forget_ms):
    """Each has 100 calls more than the one before."""
    started = [start_driver(redis.url, forget_ms=forget_ms) for _ in range(3)]
    for number, driver in enumerate(started):
        assert driver.flush()
        driver.ask(f"set calls_total {100 + 100 * number}")
        assert driver.flush()
    wait_until(lambda: fleet(redis, "calls_total") == "600", "their sum")
    return started


def fleet(redis, field):
    return redis("HGET", PREFIX + "fleet", field)


def pool(redis, field, name="pool0"):
    return redis("HGET", PREFIX + f"f:{name}", field)


def leader_of(redis, drivers):
    holder = wait_until(lambda: redis("GET", PREFIX + "leader"), "somebody leads", LONG_PATIENCE)
    return next(driver for driver in drivers if driver.instance == holder)


def events(redis, kind):
    return [event for event in redis.events(PREFIX + "ev") if event["type"] == kind]


def redis_ms(redis):
    seconds, micros = redis("TIME")
    return int(seconds) * 1000 + int(micros) // 1000


@contextlib.contextmanager
def watched(redis, field="calls_total", most=None):
    """While this goes on no reader ever sees a total fall, or more than there can be."""
    seen = []
    failures = []
    is_over = threading.Event()

    def ask():
        # The test may cut all connections, this one among them.
        while True:
            with contextlib.suppress(OSError):
                return [int(value or 0) for value in (pool(redis, field), fleet(redis, field))]

    def watch():
        while not is_over.is_set():
            seen.extend(ask())
            if len(seen) >= 4 and (seen[-2] < seen[-4] or seen[-1] < seen[-3]):
                failures.append(seen[-4:])
            if most is not None and max(seen[-2:]) > most:
                failures.append(seen[-2:])
            time.sleep(0.005)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield seen
    is_over.set()
    thread.join()
    assert len(seen) > 100
    assert not failures, failures[:5]


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
        assert driver.flush()
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


# Who leads.


def test_a_killed_reporter_is_replaced(redis, drivers):
    old = leader_of(redis, drivers)
    left = [driver for driver in drivers if driver is not old]
    with watched(redis, most=600):
        old.program.kill()
        begun = time.monotonic()

        def age_s():
            return (redis_ms(redis) - int(fleet(redis, "updated_at_ms"))) / 1000

        new = wait_until(lambda: redis("GET", PREFIX + "leader") not in (None, old.instance), "another", TAKEN_OVER_S)
        wait_until(lambda: fleet(redis, "reporter") != old.instance, "its figures", TAKEN_OVER_S)
        assert time.monotonic() - begun < TAKEN_OVER_S + 1 and age_s() < 1 * places.SLOWNESS
        wait_until(lambda: events(redis, "leader"), "the event")
        wait_until(lambda: events(redis, "inst_lost"), "the event", DEAD_S)
        assert new and fleet(redis, "inst_dead") == "1"
        wait_until(lambda: fleet(redis, "inst_dead") == "0", "it is forgotten", LONG_PATIENCE)
    assert len(events(redis, "leader")) == 1 and len(events(redis, "inst_lost")) == 1
    assert events(redis, "leader")[0]["code"] == old.instance == events(redis, "inst_lost")[0]["code"]
    assert events(redis, "leader")[0]["inst"] == leader_of(redis, left).instance


def test_a_frozen_reporter_is_replaced_and_steps_down(redis, drivers):
    old = leader_of(redis, drivers)
    old.program.signal(signal.SIGSTOP)
    wait_until(lambda: redis("GET", PREFIX + "leader") not in (None, old.instance), "another", TAKEN_OVER_S)
    new = fleet_reporter_is_not(redis, old)
    with watched(redis, most=600):
        old.program.signal(signal.SIGCONT)
        wait_until(lambda: old.flush(), "it is back", LONG_PATIENCE)
        hold(1, lambda: fleet(redis, "reporter") == new, "the new one stays")
    assert redis("GET", PREFIX + "leader") == new
    assert len(events(redis, "leader")) == 1
    wait_until(lambda: fleet(redis, "inst_live") == "3", "all three")


def fleet_reporter_is_not(redis, old):
    return wait_until(
        lambda: (name := fleet(redis, "reporter")) != old.instance and name, "the other's figures", TAKEN_OVER_S
    )


def test_two_reporters_at_once_do_no_harm(redis, drivers):
    with watched(redis, most=600):
        for _ in range(20):
            redis("DEL", PREFIX + "leader")
            time.sleep(0.15)
    for driver in drivers:
        assert driver.flush()
    ids = [moment for moment, _ in redis("XRANGE", PREFIX + "ts10s:pool0", "-", "+")]
    assert ids and len(set(ids)) == len(ids) and all(int(moment.split("-")[0]) % 10000 == 0 for moment in ids)
    assert sum(int(row["calls"]) for row in redis.events(PREFIX + "ts10s:pool0")) <= 600


def test_a_clean_end_hands_over_at_once(redis, drivers):
    old = leader_of(redis, drivers)
    with watched(redis, most=600):
        assert int(old.ask("close", "closed")["ms"]) < 500
        # It waits for no lease to run out.
        wait_until(lambda: redis("GET", PREFIX + "leader"), "another", 1 * places.SLOWNESS)
        wait_until(lambda: fleet(redis, "inst_live") == "2", "two are left")
        hold(0.5, lambda: fleet(redis, "calls_total") == "600", "the totals")
    assert redis.keys(f"{PREFIX}p:*:{old.instance}") == [] and redis("EXISTS", old.key("i")) == 0
    assert fleet(redis, "inst_dead") == "0" and events(redis, "inst_lost") == []
    wait_until(lambda: len(events(redis, "leader")) == 1, "one event")


# Who is gone.


def test_a_killed_broker_is_dead_then_forgotten(redis, start_driver):
    drivers = start_three(redis, start_driver, forget_ms=9000)
    leader = leader_of(redis, drivers)
    victim = next(driver for driver in drivers if driver is not leader)
    with watched(redis, most=600):
        victim.program.kill()
        wait_until(lambda: fleet(redis, "inst_dead") == "1", "dead", DEAD_S)
        assert (fleet(redis, "inst_live"), pool(redis, "inst_dead")) == ("2", "1")
        wait_until(lambda: [row["live"] for row in redis.events(PREFIX + "tbl:inst")] == ["1", "1", "0"], "the table",
                   LONG_PATIENCE)  # fmt: skip
        wait_until(lambda: fleet(redis, "inst_dead") == "0", "forgotten", LONG_PATIENCE)
        assert fleet(redis, "calls_total") == "600"
    assert redis("ZSCORE", PREFIX + "inst", victim.instance) is None
    assert redis.keys(f"{PREFIX}*:{victim.instance}") == [PREFIX + f"gone:pool0:{victim.instance}"]
    (event,) = events(redis, "inst_lost")
    assert (event["sev"], event["inst"], event["code"]) == ("error", leader.instance, victim.instance)


def test_a_frozen_broker_that_was_forgotten_comes_back(redis, drivers):
    leader = leader_of(redis, drivers)
    frozen = next(driver for driver in drivers if driver is not leader)
    own = int(redis("HGET", frozen.key("p", "pool0"), "calls_total"))
    with watched(redis, most=700):
        for more in (50, 100):
            frozen.program.signal(signal.SIGSTOP)
            wait_until(lambda: redis("ZSCORE", PREFIX + "inst", frozen.instance) is None, "forgotten", LONG_PATIENCE)
            assert int(pool(redis, "calls_total")) == 600 + more - 50
            frozen.program.signal(signal.SIGCONT)
            frozen.ask(f"set calls_total {own + more}")
            wait_until(lambda: frozen.flush(), "it is back", LONG_PATIENCE)
            wait_until(lambda: pool(redis, "calls_total") == str(600 + more), "its calls, once")
            wait_until(lambda: fleet(redis, "inst_live") == "3", "it lives")
        frozen.ask("close", "closed")
        wait_until(lambda: fleet(redis, "inst_live") == "2", "it has left")
        hold(0.5, lambda: fleet(redis, "calls_total") == "700", "every call once")
    assert len(events(redis, "inst_lost")) == 2


def test_totals_never_fall_whoever_is_killed(redis, start_driver):
    chance = random.Random(7)
    calls = 0
    with watched(redis) as seen:
        running = [start_driver(redis.url, forget_ms=3000, tick_ms=50) for _ in range(3)]
        for _ in range(20):
            victim = chance.choice(running)
            more = chance.randrange(1, 1000)
            victim.ask(f"set calls_total {more}")
            wait_until(lambda: victim.flush(), "its figures are there")
            calls += more
            victim.ask("close", "closed") if chance.random() < 0.3 else victim.program.kill()
            running.remove(victim)
            running.append(start_driver(redis.url, forget_ms=3000, tick_ms=50))
        wait_until(lambda: fleet(redis, "calls_total") == str(calls), "every call", LONG_PATIENCE)
        wait_until(lambda: redis("ZCARD", PREFIX + "inst") == 3, "only the living", LONG_PATIENCE)
        hold(0.5, lambda: pool(redis, "calls_total") == str(calls), "every call once")
    assert max(seen) == calls == int(redis("HGET", PREFIX + "base:pool0", "calls_total"))


def test_who_fell_silent_long_ago_is_forgotten_wholly(redis, drivers):
    now = redis_ms(redis)
    for number in range(70):
        redis("ZADD", PREFIX + "lost", now - 100000 + number, f"i-old-{number:08x}")
        redis("HSET", PREFIX + f"gone:pool0:i-old-{number:08x}", "calls_total", 1)
    wait_until(lambda: redis("ZCARD", PREFIX + "lost") <= 64, "the newest are kept")
    wait_until(lambda: len(redis.keys(PREFIX + "gone:*")) == redis("ZCARD", PREFIX + "lost"), "and no others")
    assert redis("ZSCORE", PREFIX + "lost", f"i-old-{69:08x}") is not None


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


# A Redis that forgets, refuses, or has what is not ours.


def test_wiped(redis, drivers):
    redis("FLUSHALL")
    wait_until(lambda: fleet(redis, "calls_total") == "600", "the sums are back")
    wait_until(lambda: fleet(redis, "inst_live") == "3", "all three")


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


@pytest.mark.valgrind
def test_connections_that_are_cut_in_the_middle(redis, drivers):
    with watched(redis, most=600):
        for _ in range(15):
            redis("CLIENT", "KILL", "TYPE", "normal")
            time.sleep(0.07)
    wait_until(lambda: all(driver.flush() for driver in drivers), "all are back", LONG_PATIENCE)
    wait_until(lambda: fleet(redis, "inst_live") == "3", "all three", LONG_PATIENCE)
    assert fleet(redis, "calls_total") == "600"


@pytest.mark.valgrind
@pytest.mark.parametrize("every", [1, 2, 3])
def test_without_memory(redis, start_driver, every):
    driver = start_driver(redis.url, tick_ms=20, pools=10)
    driver.ask(f"starve {every}")
    hold(0.3, lambda: driver.state() in ("up", "down"), "it goes on")
    driver.ask("starve 0")
    driver.ask("set calls_total 3")
    wait_until(driver.flush, "a flush", LONG_PATIENCE)
    wait_until(lambda: fleet(redis, "calls_total") == "30", "the sums", LONG_PATIENCE)


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
