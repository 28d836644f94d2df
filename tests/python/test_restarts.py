# SPDX-License-Identifier: MIT
"""The broker is killed, restarted, replaced: what did not run is sent again, the rest is told."""

import asyncio
import os
import signal
import threading
import time

import pytest
import teplo
from harness import wait_until
from harness.places import SLOWNESS

UPGRADES = int(os.environ.get("TEPLO_UPGRADES", "3"))


def restart(broker):
    broker.start()
    broker.expects_clean_end = True


def test_killed_in_the_middle_of_a_call(run, connect, counting_broker, counting):
    async def main():
        pool = connect(counting_broker)
        await pool.list_tools()
        task = asyncio.ensure_future(pool.call_tool("hold", {"key": "killed"}))
        await asyncio.to_thread(counting.wait_held, "killed")
        start = time.monotonic()
        counting_broker.kill9()
        with pytest.raises(teplo.ConnectionLost) as caught:
            await task
        assert time.monotonic() - start < 1 * SLOWNESS
        assert caught.value.outcome == "unknown" and not caught.value.safe_to_retry
        assert "UNKNOWN" in str(caught.value).upper() or "may have run" in str(caught.value)
        restart(counting_broker)
        assert (await pool.outcome(caught.value.call)).outcome == "unknown"
        assert (await pool.call_tool("add", {"a": 1, "b": 1})).text == "2"

    run(main)


def test_killed_in_the_middle_of_a_blocking_call(connect, counting_broker, counting):
    pool = connect(counting_broker)

    def kill():
        counting.wait_held("killed")
        counting_broker.kill9()

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(teplo.ConnectionLost) as caught:
        pool.call_tool_sync("hold", {"key": "killed"})
    thread.join()
    assert caught.value.outcome == "unknown" and caught.value.call
    restart(counting_broker)
    assert pool.call_tool_sync("add", {"a": 1, "b": 1}).text == "2"


def test_calls_made_while_it_is_away_wait_for_it(run, connect, counting_broker):
    """Nobody notices: neither those that knew the old one nor those that come meanwhile."""

    async def main():
        pool = connect(counting_broker)
        await pool.list_tools()
        counting_broker.kill9()
        calls = [asyncio.ensure_future(pool.call_tool("add", {"a": n, "b": 1})) for n in range(20)]
        await asyncio.sleep(0)
        restart(counting_broker)
        assert [(await call).text for call in calls] == [str(n + 1) for n in range(20)]

    run(main)


def test_reads_under_way_are_asked_again(run, connect, start_broker, raw):
    """What only reads may be repeated: a broker that dies over it is not noticed."""
    broker = start_broker({"raw": raw.url})

    async def main():
        pool = connect(broker)
        await pool.call_tool("echo", {})
        broker.kill9()
        restart(broker)
        assert (await pool.list_tools()).names

    run(main)


def test_an_upgrade_under_calls_loses_none(run, connect, start_broker, scripted, cleanup):
    broker = start_broker({"scripted": scripted.url}, pool={"pool_size": 8})
    reign = cleanup.maker(Reign)(broker)

    async def main():
        pool = connect(broker)
        stop, answered = asyncio.Event(), 0

        async def worker(first):
            nonlocal answered
            number = first
            while not stop.is_set():
                answer = await pool.call_tool("t", {"u": number, "ms": 1})
                assert answer.text.startswith(f"u={number} ")
                number += 20
                answered += 1

        workers = [asyncio.ensure_future(worker(first)) for first in range(20)]
        for _ in range(UPGRADES):
            before = answered
            await asyncio.to_thread(reign.upgrade)
            await asyncio.to_thread(wait_until, lambda: answered > before + 100, "calls go on")
        stop.set()
        await asyncio.gather(*workers)

    run(main)


class Reign:
    """A broker, and those that have taken over from it."""

    def __init__(self, broker):
        self.broker = broker
        self.pid = broker.pid

    def upgrade(self):
        since = self.broker.log_position()
        os.kill(self.pid, signal.SIGUSR2)
        line = self.broker.wait_log("handing_over", since=since)
        self.pid = int(line["to"])

    def done(self):
        if self.pid != self.broker.pid:
            os.kill(self.pid, signal.SIGTERM)
            wait_until(lambda: not os.path.exists(f"/proc/{self.pid}"), "the last one ends")
