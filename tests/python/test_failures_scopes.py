# SPDX-License-Identifier: MIT
"""
The third failure: "Attempted to exit cancel scope in a different task than it was entered in", and
what is left behind, hangs, or stays dead.  First with the official SDK, then with teplo.
"""

import asyncio
import contextlib
import threading
import time

import pytest

import teplo
from sdk_ways import (
    SDK,
    messy,
    needs_sdk,
    open_files,
    other_tasks,
    run_sdk,
    run_with_handler,
    sdk_session,
)

SCOPE = "Attempted to exit cancel scope in a different task than it was entered in"


def all_texts(error):
    """Of an exception, its group and its causes."""
    texts = [str(error)]
    for inner in getattr(error, "exceptions", ()):
        texts += all_texts(inner)
    for cause in (error.__cause__, error.__context__):
        if cause is not None:
            texts += all_texts(cause)
    return texts


# The SDK.


@needs_sdk
@messy
def test_sdk_opened_in_one_task_and_closed_in_another(counting):
    async def main():
        stack = contextlib.AsyncExitStack()
        opener = asyncio.create_task(stack.enter_async_context(sdk_session(counting.url)))
        await opener
        with pytest.raises(BaseException) as failed:
            await stack.aclose()
        return failed.value

    (error, _) = run_with_handler(main)
    assert any(SCOPE in text for text in all_texts(error)), error


@needs_sdk
@messy
def test_sdk_a_generator_that_is_abandoned(counting):
    async def sessions():
        async with sdk_session(counting.url) as session:
            yield session

    async def main():
        async for session in sessions():
            await session.send_ping()
            break

    _, told = run_with_handler(main)
    errors = [context["exception"] for context in told if context.get("exception")]
    assert any(SCOPE in text for error in errors for text in all_texts(error)), told


@needs_sdk
@messy
def test_sdk_cancelling_a_call(counting):
    """Version 1 tells the server nothing, which works on; version 2 sends notifications/cancelled."""

    async def main():
        async with sdk_session(counting.url) as session:
            await session.list_tools()
            call = asyncio.create_task(session.call_tool("hold", {"key": "sdk"}))
            await asyncio.to_thread(counting.wait_held, "sdk")
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await session.send_ping()  # the server has heard all that was to be heard
            return counting.stats()

    stats = run_sdk(main)
    if SDK == 1:
        assert not stats["cancelled"]
        assert stats["extra"]["held"] == {"sdk": 1}, "it still runs"
    else:
        assert len(stats["cancelled"]) == 1


@needs_sdk
@messy
def test_sdk_a_call_after_the_end_of_the_session(counting):
    async def main():
        async with sdk_session(counting.url) as session:
            await session.list_tools()
        with pytest.raises(Exception) as failed:
            await asyncio.wait_for(session.call_tool("add", {"a": 1, "b": 2}), 2)
        return failed.value

    error = run_sdk(main)
    if SDK == 1:
        assert type(error).__name__ == "ClosedResourceError"
        assert str(error) == "", "it does not say what is wrong"
    else:
        assert "Connection closed" in str(error)


@needs_sdk
@messy
def test_sdk_a_post_that_is_refused_is_waited_for_in_vain(raw):
    """As after a restart of the server: the session is unknown, POSTs are answered with 404."""

    async def main():
        async with sdk_session(raw.url) as session:
            await session.list_tools()
            raw.forget()
            try:
                await asyncio.wait_for(session.call_tool("echo", {}), 1.5)
            except Exception as error:
                return error

    assert isinstance(run_sdk(main), (TimeoutError, asyncio.TimeoutError)), "it says nothing"


@needs_sdk
@messy
def test_sdk_a_server_that_dies_is_never_reached_again(start_counting):
    server = start_counting()

    async def main():
        async with sdk_session(server.url) as session:
            await session.list_tools()
            call = asyncio.create_task(session.call_tool("hold", {"key": "k"}))
            await asyncio.to_thread(server.wait_held, "k")
            server.kill()
            errors = [await failure(call)]
            server.start(server.port)
            errors.append(await failure(session.call_tool("add", {"a": 1, "b": 2})))
            return errors

    in_flight, afterwards = run_sdk(main)
    # Nothing says whether the call was made; and nobody connects again.
    assert "Connection closed" in str(in_flight)
    assert not hasattr(in_flight, "outcome")
    assert type(afterwards).__name__ == ("ClosedResourceError" if SDK == 1 else "MCPError")


async def failure(awaitable):
    with pytest.raises(Exception) as failed:
        await asyncio.wait_for(awaitable, 2)
    return failed.value


@messy
def test_a_task_cancelled_from_another_thread_goes_on():
    """
    What a `def` tool does that runs in a worker thread: nobody wakes the loop, and the task ends
    when something else happens to.
    """

    async def seconds_of(cancel):
        task = asyncio.create_task(asyncio.sleep(0.6))
        await asyncio.sleep(0)
        start = time.monotonic()
        threading.Timer(0.05, cancel, [task, asyncio.get_running_loop()]).start()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - start

    wrong = seconds_of(lambda task, loop: task.cancel())
    right = seconds_of(lambda task, loop: loop.call_soon_threadsafe(task.cancel))
    assert asyncio.run(wrong) > 0.55
    assert asyncio.run(right) < 0.5


# The same with teplo.


@pytest.fixture
def pool(counting_broker, connect):
    return connect(counting_broker, reconnect=10)


def sessions_opened(counting):
    return counting.stats()["rpc"].get("initialize", 0)


def test_teplo_opened_in_one_task_used_in_another_closed_in_a_third(pool):
    async def opener(stack):
        return await stack.enter_async_context(pool)

    async def user(opened):
        return (await opened.call_tool("add", {"a": 1, "b": 2})).text

    async def main():
        stack = contextlib.AsyncExitStack()
        opened = await asyncio.create_task(opener(stack))
        assert await asyncio.create_task(user(opened)) == "3"
        await asyncio.create_task(stack.aclose())
        assert not other_tasks()

    asyncio.run(main())  # warm: the first use of anything opens files
    before = open_files()
    for _ in range(5):
        asyncio.run(main())
    assert open_files() == before


def test_teplo_in_a_generator_that_is_abandoned(pool):
    async def pools():
        async with pool as opened:
            yield opened

    async def main():
        async for opened in pools():
            assert (await opened.call_tool("add", {"a": 1, "b": 2})).text == "3"
            break
        return (await pool.call_tool("add", {"a": 2, "b": 2})).text

    answer, told = run_with_handler(main)
    assert (answer, told) == ("4", [])


def test_teplo_cancelling_a_call_reaches_the_server(pool, counting):
    """Within 200 ms the handler is cancelled, and its session is used on."""

    async def main():
        await pool.call_tool("add", {"a": 1, "b": 2})
        opened = sessions_opened(counting)
        call = asyncio.create_task(pool.call_tool("hold", {"key": "teplo"}))
        await asyncio.to_thread(counting.wait_held, "teplo")
        start = time.monotonic()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.to_thread(
            counting.wait_stats,
            lambda stats: stats["extra"]["cancelled_inside"] == {"teplo": 1},
            "the handler is cancelled",
        )
        seconds = time.monotonic() - start
        assert (await pool.call_tool("add", {"a": 1, "b": 2})).text == "3"
        assert sessions_opened(counting) == opened, "the same session as before"
        assert not other_tasks()
        return seconds

    assert min(asyncio_run_some(main, counting)) < 0.2


def asyncio_run_some(main, counting, times=3):
    """Seconds of each run; the counting server begins anew for each."""
    for _ in range(times):
        seconds = asyncio.run(main())
        counting.http("/__reset", {})
        yield seconds
        if seconds < 0.2:
            return


def test_teplo_says_what_is_wrong_with_a_closed_pool(pool):
    pool.close()
    with pytest.raises(teplo.Closed, match="closed") as failed:
        pool.call_tool_sync("add", {"a": 1, "b": 2})
    assert failed.value.outcome == "not_executed"


def test_teplo_a_session_that_the_server_forgot(start_broker, raw, connect):
    """The POST is answered with 404: not executed, so it is made again on a new session."""
    pool = connect(start_broker({"raw": raw.url}))

    async def main():
        await pool.call_tool("echo", {"text": "a"})
        raw.forget()
        return await asyncio.wait_for(pool.call_tool("echo", {"text": "b"}), 10)

    assert not asyncio.run(main()).is_error


def test_teplo_a_server_that_dies_and_comes_back(start_broker, start_counting, connect):
    """The call in flight fails honestly; the next one needs nothing of the client."""
    server = start_counting()
    pool = connect(start_broker({"counting": server.url}))

    async def main():
        call = asyncio.create_task(pool.call_tool("hold", {"key": "k"}))
        await asyncio.to_thread(server.wait_held, "k")
        server.kill()
        with pytest.raises(teplo.Error) as failed:
            await call
        assert failed.value.outcome == "unknown"
        server.start(server.port)
        assert (await pool.call_tool("add", {"a": 1, "b": 2})).text == "3"

    asyncio.run(main())


def test_teplo_a_task_cancelled_from_another_thread(pool, counting):
    """The right way to do it; the server hears of it, too."""

    async def main():
        loop = asyncio.get_running_loop()
        call = asyncio.create_task(pool.call_tool("hold", {"key": "thread"}))
        await asyncio.to_thread(counting.wait_held, "thread")
        threading.Thread(target=loop.call_soon_threadsafe, args=(call.cancel,)).start()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(main())
    counting.wait_stats(lambda stats: stats["extra"]["cancelled_inside"], "the handler is cancelled")
