# SPDX-License-Identifier: MIT
"""What the tests of several brokers share: three drivers, and a reader who watches the totals."""

import contextlib
import threading
import time

from harness import LONG_PATIENCE, places, wait_until
from redis_driver import PREFIX

# Killed and seen dead: 2.3 ticks, or 2.3 s if that is longer, and a tick.
DEAD_S = 3 * places.SLOWNESS
# A lease of 3 s, and a tick.
TAKEN_OVER_S = 4 * places.SLOWNESS


def start_three(redis, start_driver, forget_ms):
    """Each has 100 calls more than the one before."""
    started = [start_driver(redis.url, forget_ms=forget_ms) for _ in range(3)]
    for number, driver in enumerate(started):
        driver.ask(f"set calls_total {100 + 100 * number}")
        wait_until(driver.flush, "its figures are there", LONG_PATIENCE)
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
        while not is_over.is_set():
            with contextlib.suppress(OSError):
                return [int(value or 0) for value in (pool(redis, field), fleet(redis, field))]
        return []

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
    try:
        yield seen
    finally:
        is_over.set()
    thread.join()
    assert len(seen) >= 20
    assert not failures, failures[:5]


__all__ = [
    "DEAD_S", "TAKEN_OVER_S", "events", "fleet", "leader_of", "pool", "redis_ms", "start_three", "watched",
]  # fmt: skip
