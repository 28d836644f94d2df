# SPDX-License-Identifier: MIT
"""
The brokers of a fleet are killed, frozen, woken, stopped and forgotten: somebody reports all the
time, and no call is missed or counted twice.
"""

import random
import signal
import time

import pytest

from harness import LONG_PATIENCE, places, wait_until
from redis_driver import PREFIX, Driver, hold
from redis_fleet import DEAD_S, TAKEN_OVER_S, events, fleet, leader_of, pool, redis_ms, start_three, watched


@pytest.fixture
def redis(start_redis):
    return start_redis()


@pytest.fixture
def start_driver(cleanup):
    return cleanup.maker(Driver)


@pytest.fixture
def drivers(redis, start_driver):
    return start_three(redis, start_driver, forget_ms=4000)


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
            # Its totals are its own again, so that it may live as long as it likes.
            gone = PREFIX + f"gone:pool0:{frozen.instance}"
            wait_until(lambda: redis("EXISTS", gone) == 0, "they are given back", LONG_PATIENCE)
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
