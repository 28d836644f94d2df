# SPDX-License-Identifier: MIT
"""The server is killed and started again, over and over, under load: every outcome is honest.

TEPLO_RESTARTS says how often (20).
"""

import collections
import os
import pathlib
import random
import statistics
import threading
import time

import pytest

from harness import places
from harness.scripted import ScriptedServer
from load_clients import Caller, Load, check_honest

RESTARTS = int(os.environ.get("TEPLO_RESTARTS", "20"))
CALLERS, WINDOW = 8, 4
POOL = {"pool_size": 4, "queue_timeout": "10s", "call_timeout": "10s"}
LIBFAULT = pathlib.Path(places.TEPLOD).parents[1] / "tests/support/libfault.so"
PROVEN_SECONDS = 1.2
RECOVERY_SECONDS = 0.2  # from "it listens again" to the first result, by the median


@pytest.fixture
def scripted(cleanup):
    server = cleanup.maker(ScriptedServer)()
    server.set(delay_ms=2)
    return server


@pytest.fixture
def nemesis():
    """Pauses of its own; the seed is printed when the test fails."""
    seed = int(os.environ.get("TEPLO_SEED", time.time_ns() % 1_000_000))
    print(f"TEPLO_SEED={seed}")
    return random.Random(seed)


class Downtime:
    def __init__(self, server, load):
        self.server = server
        self.load = load
        self.recoveries = []
        self.sessions = 0

    def once(self, seconds):
        """Down for so long; then up until a call has a result again."""
        stats = self.server.stats()
        assert stats["initializes"] <= stats["sessions"], stats
        assert stats["sessions"] <= POOL["pool_size"], "more sessions than the pool may have"
        self.server.kill()
        threading.Event().wait(seconds)  # how long it is down is what is varied
        self.server.start(self.server.port)
        self.server.set(delay_ms=2)
        up = time.monotonic()
        self.recoveries.append(self.load.wait_result_after(up).answered - up)
        # A session that lives so long counts as good: a server that dies sooner, again and again, is
        # rightly left alone for a while.
        self.load.wait_result_after(up + PROVEN_SECONDS)


@pytest.mark.slow
def test_restarts_under_load_lose_nothing_and_double_nothing(start_broker, scripted, nemesis):
    broker = start_broker({"scripted": scripted.url}, pool=POOL)
    load = Load([Caller(broker.socket_path(), WINDOW) for _ in range(CALLERS)])
    load.wait_result_after(0)
    downtime = Downtime(scripted, load)
    for _ in range(RESTARTS):
        downtime.once(nemesis.choice((0, 0.02, 0.1, 0.3, 0.7)))
    told = load.finish()
    outcomes = check_honest(told, scripted.ledger())
    worst, median = max(downtime.recoveries), statistics.median(downtime.recoveries)
    print(f"{RESTARTS} restarts: {dict(outcomes)}, recovery {median * 1000:.0f} ms, {worst * 1000:.0f} ms at worst")
    # A restart costs at most what was out on its sessions, and nobody who waited.
    assert outcomes["unknown"] <= RESTARTS * CALLERS * WINDOW
    refused = collections.Counter(one.reason for one in told if one.outcome == "not_executed")
    # A call in the queue outlives a restart. One that met two sessions which the new process does not
    # know, before their streams were seen to end, is sent a third time if the retry budget allows.
    assert refused.keys() <= {"session_gone"}, refused
    assert sum(refused.values()) <= 2 * RESTARTS, refused
    assert outcomes["result"] > RESTARTS
    assert median <= RECOVERY_SECONDS * places.SLOWNESS and worst <= 1.0 * places.SLOWNESS


def test_recovery_is_a_matter_of_moments(start_broker, scripted, nemesis):
    """From "it listens again" to the first result, when a client waits."""
    broker = start_broker({"scripted": scripted.url}, pool=POOL)
    load = Load([Caller(broker.socket_path(), 1)])
    load.wait_result_after(0)
    downtime = Downtime(scripted, load)
    for _ in range(5):
        downtime.once(nemesis.uniform(0.2, 0.6))
    check_honest(load.finish(), scripted.ledger())
    print("recovery:", [f"{seconds * 1000:.0f} ms" for seconds in downtime.recoveries])
    assert statistics.median(downtime.recoveries) <= RECOVERY_SECONDS * places.SLOWNESS


def test_each_session_is_initialized_once(start_broker, scripted):
    """Also when all calls come at once after a restart: no herd."""
    broker = start_broker({"scripted": scripted.url}, pool=POOL)
    for _ in range(3):
        load = Load([Caller(broker.socket_path(), WINDOW, total=25) for _ in range(CALLERS)])
        outcomes = check_honest(load.wait(), scripted.ledger())
        assert outcomes["result"] == 25 * CALLERS
        stats = scripted.stats()
        assert stats["initializes"] == stats["sessions"] <= POOL["pool_size"]
        scripted.restart()
        broker.wait_sessions("scripted", 0)


@pytest.mark.skipif(not LIBFAULT.exists(), reason="libfault.so is not built")
def test_a_server_that_is_down_is_not_pestered(start_broker, scripted):
    """Two attempts to connect a second at most, however many wait; one more at once."""
    counts = scripted.ledger_path.parent / "counts"
    environment = {
        "LD_PRELOAD": str(LIBFAULT),
        "TEPLO_FAULT_COUNTS": str(counts),
        "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=1:exitcode=99",
    }
    scripted.kill()
    pool = {**POOL, "queue_timeout": "3s", "breaker_failures": 1000}
    broker = start_broker({"scripted": scripted.url}, pool=pool, env=environment)
    began = time.monotonic()
    load = Load([Caller(broker.socket_path(), 8, total=8) for _ in range(CALLERS)])
    told = load.wait()
    passed = time.monotonic() - began
    assert {one.outcome for one in told} == {"not_executed"}
    broker.stop()
    connects = dict(line.split() for line in counts.read_text().splitlines())["connect"]
    print(f"{connects} attempts to connect in {passed:.1f} s")
    assert 1 <= int(connects) <= 2 * passed + 2
