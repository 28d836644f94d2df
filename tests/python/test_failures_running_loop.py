# SPDX-License-Identifier: MIT
"""
The first failure: "This event loop is already running".  Code that runs in a loop and is not
async cannot use the official SDK at all; teplo has a function for it.

Runs with the SDK 1.x and 2.x, whichever is in the environment: both behave alike here.
"""

import asyncio
import concurrent.futures
import threading

import pytest

from sdk_ways import messy, needs_sdk, sdk_names, sdk_session


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
        asyncio.run(main())


@needs_sdk
@messy
def test_sdk_run_until_complete_inside_a_loop_is_refused(url):
    async def main():
        return asyncio.get_running_loop().run_until_complete(sdk_names(url))

    with pytest.raises(RuntimeError, match="This event loop is already running"):
        asyncio.run(main())


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
        asyncio.run(main())


@needs_sdk
@messy
def test_sdk_a_session_of_another_loop_hangs(url):
    """The answer completes a future of the thread's loop, which nobody wakes."""

    async def call(session):
        return await asyncio.wait_for(session.call_tool("add", {"a": 1, "b": 2}), 1.0)

    def in_a_loop_of_its_own(session):
        return asyncio.run(call(session))

    async def main():
        async with sdk_session(url) as session:
            await session.list_tools()
            with pytest.raises(Exception) as failed:
                await asyncio.to_thread(in_a_loop_of_its_own, session)
            # The session itself is well: it is the other loop that is in the dark.
            answer = await session.call_tool("add", {"a": 1, "b": 2})
            assert answer.content[0].text == "3"
            return failed.value

    error = asyncio.run(main())
    assert isinstance(error, (TimeoutError, asyncio.TimeoutError, RuntimeError)), error
    assert threading.active_count() < 20
