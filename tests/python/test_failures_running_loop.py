# SPDX-License-Identifier: MIT
"""
The first failure: "This event loop is already running".  Code that runs in a loop and is not
async cannot use the official SDK at all; teplo has a function for it.

Runs with the SDK 1.x and 2.x, whichever is in the environment: both behave alike here.
"""

import asyncio
import concurrent.futures
import contextlib
import time

import pytest

import teplo
from sdk_ways import GAP, Heartbeat, least_gap, messy, needs_sdk, run_sdk, sdk_names, sdk_session


@pytest.fixture(scope="module")
def url(shared_counting):
    return shared_counting.url


# The SDK.


@needs_sdk
@messy
def test_sdk_asyncio_run_inside_a_loop_is_refused(url):
    async def main():
        return asyncio.run(sdk_names(url))

    with pytest.raises(RuntimeError, match="cannot be called from a running event loop"):
        run_sdk(main)


@needs_sdk
@messy
def test_sdk_run_until_complete_inside_a_loop_is_refused(url):
    async def main():
        return asyncio.get_running_loop().run_until_complete(sdk_names(url))

    with pytest.raises(RuntimeError, match="This event loop is already running"):
        run_sdk(main)


@needs_sdk
@messy
def test_sdk_waiting_for_the_own_loop_is_a_deadlock(url):
    """Without the time limit it would wait for ever: the loop that should answer is waiting."""

    async def main():
        future = asyncio.run_coroutine_threadsafe(sdk_names(url), asyncio.get_running_loop())
        try:
            future.result(0.5)
        finally:
            future.cancel()

    with pytest.raises((TimeoutError, concurrent.futures.TimeoutError)):
        run_sdk(main)


@needs_sdk
@messy
def test_sdk_a_session_of_another_loop_hangs(counting):
    """
    The answer comes, in the session's loop; the caller's loop is not woken.  It sleeps until
    something else happens there, which here is the time limit.
    """
    limit = 1.0

    async def call(session):
        start = time.monotonic()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(session.call_tool("hold", {"key": "other"}), limit)
        return time.monotonic() - start

    async def main():
        async with sdk_session(counting.url) as session:
            await session.list_tools()
            elsewhere = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(call(session))))
            await asyncio.to_thread(counting.wait_held, "other")
            await asyncio.to_thread(counting.release, "other")
            seconds = await elsewhere
            # The session itself is well: it is the other loop that is in the dark.
            answer = await session.call_tool("add", {"a": 1, "b": 2})
            assert answer.content[0].text == "3"
            return seconds

    assert run_sdk(main) > limit * 0.9


# The same with teplo.

LOOPS, THREADS, CALLS = 2, 4, 100


@pytest.fixture
def pool(counting_broker, connect):
    return connect(counting_broker)


def test_teplo_plain_code_inside_a_loop_gets_its_answer(pool, monkeypatch):
    """The loop stands still for the call, which the warning says; the answer comes."""
    monkeypatch.setenv("TEPLO_BLOCKING", "warn")

    def names():
        return pool.list_tools_sync().names

    async def main():
        with pytest.warns(teplo.BlockingCallWarning):
            return names()

    assert "query_graph" not in asyncio.run(main())
    assert "add" in asyncio.run(main())


def test_teplo_plain_code_in_a_thread_beside_the_loop(pool):
    async def main():
        async with Heartbeat() as heart:
            for _ in range(50):
                assert "add" in (await asyncio.to_thread(pool.list_tools_sync)).names
        return heart.gap

    assert least_gap(main) < GAP


def test_teplo_one_pool_for_two_loops_and_four_threads(pool):
    """Each call's answer carries its number: none is crossed, none is lost."""

    async def call(where, number):
        said = await pool.call_tool("echo", {"value": number, "tag": where})
        assert f'"value": {number}, "tag": "{where}"' in said.text

    async def calls_of_loop(where):
        await asyncio.gather(*(call(where, number) for number in range(CALLS)))

    def loop_of_its_own(where):
        asyncio.run(calls_of_loop(where))

    def calls_of_thread(where):
        for number in range(CALLS):
            said = pool.call_tool_sync("echo", {"value": number, "tag": where})
            assert f'"value": {number}, "tag": "{where}"' in said.text

    with concurrent.futures.ThreadPoolExecutor(LOOPS + THREADS) as executor:
        jobs = [executor.submit(loop_of_its_own, f"loop {n}") for n in range(LOOPS)]
        jobs += [executor.submit(calls_of_thread, f"thread {n}") for n in range(THREADS)]
        for job in jobs:
            job.result(30)
