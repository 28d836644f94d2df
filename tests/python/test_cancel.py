# SPDX-License-Identifier: MIT
"""A call that is no longer wanted is cancelled at the server, and its session serves on."""

import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import teplo
from conftest import PACKAGE
from harness import PATIENCE, wait_until
from harness.places import SLOWNESS

TOLD_WITHIN = 0.2 * SLOWNESS  # seconds from the cancel to the server's handler


async def start_held(pool, counting, key, **options):
    task = asyncio.ensure_future(pool.call_tool("hold", {"key": key}, **options))
    await asyncio.to_thread(counting.wait_held, key)
    return task


async def until_cancelled(counting, key):
    """Seconds until the server's handler was cancelled."""
    start = time.monotonic()
    await asyncio.to_thread(
        counting.wait_stats,
        lambda stats: stats["extra"]["cancelled_inside"].get(key) == 1,
        f"{key} is cancelled inside the server",
    )
    return time.monotonic() - start


def test_a_cancelled_task_reaches_the_handler(run, connect, start_broker, counting):
    broker = start_broker({"counting": counting.url}, pool={"pool_size": 1})

    async def main():
        pool = connect(broker)
        await pool.call_tool("echo")
        streams = counting.stats()["streams_total"]
        delays = []
        while len(delays) < 3 and not any(delay < TOLD_WITHIN for delay in delays):
            key = f"task {len(delays)}"  # another program may have had the processor
            task = await start_held(pool, counting, key)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            delays.append(await until_cancelled(counting, key))
        assert min(delays) < TOLD_WITHIN, delays
        assert (await pool.call_tool("add", {"a": 1, "b": 1})).text == "2"
        assert counting.stats()["streams_total"] == streams  # the same session

    run(main)


async def by_wait_for(call):
    await asyncio.wait_for(call, 0.05)


async def by_timeout(call):
    async with asyncio.timeout(0.05):
        await call


async def by_anyio(call):
    anyio = pytest.importorskip("anyio")
    with anyio.fail_after(0.05):
        await call


async def by_anyio_scope(call):
    anyio = pytest.importorskip("anyio")
    with anyio.move_on_after(0.05):
        await call
    raise TimeoutError


@pytest.mark.parametrize("way", [by_wait_for, by_timeout, by_anyio, by_anyio_scope])
def test_others_timeouts_need_nothing_extra(run, connect, counting_broker, counting, way):
    if way is by_timeout and not hasattr(asyncio, "timeout"):
        pytest.skip("this Python has no asyncio.timeout")

    async def main():
        pool = connect(counting_broker)
        await pool.list_tools()
        with pytest.raises((TimeoutError, asyncio.TimeoutError)):  # two classes before 3.11
            await way(pool.call_tool("slow", {"seconds": 600}))
        await asyncio.to_thread(
            counting.wait_stats, lambda stats: len(stats["cancelled"]) == 1, "the server is told"
        )
        assert (await pool.call_tool("add", {"a": 1, "b": 1})).text == "2"

    run(main)


def test_an_answer_that_is_here_is_dropped_and_nothing_is_cancelled(
    run, connect, counting_broker, counting
):
    async def main():
        pool = connect(counting_broker)
        task = await start_held(pool, counting, "here")
        client = pool._client()
        counting.release("here")
        deliver = client._deliver

        def deliver_and_cancel(*arguments):
            deliver(*arguments)
            task.cancel()

        client._deliver = deliver_and_cancel
        with pytest.raises(asyncio.CancelledError):
            await task
        del client._deliver
        assert client.in_flight == 0
        await pool.call_tool("echo")
        assert counting.stats()["cancelled"] == []

    run(main)


def test_an_answer_between_cancel_and_task_is_dropped(run, connect, counting_broker, counting):
    """task.cancel(), and the answer comes in the same turn of the loop."""

    async def main():
        pool = connect(counting_broker)
        task = await start_held(pool, counting, "between")
        client = pool._client()
        counting.release("between")
        on_ready = client._on_ready
        loop = asyncio.get_running_loop()

        def cancel_and_read():
            task.cancel()
            on_ready()

        loop.add_reader(client._handle.fileno(), cancel_and_read)
        with pytest.raises(asyncio.CancelledError):
            await task
        loop.add_reader(client._handle.fileno(), on_ready)
        assert client.in_flight == 0
        assert (await pool.call_tool("add", {"a": 1, "b": 1})).text == "2"

    run(main)


def test_before_it_was_ever_awaited(run, connect, counting_broker, counting):
    async def main():
        pool = connect(counting_broker)
        await pool.list_tools()
        task = asyncio.ensure_future(pool.call_tool("counter", {"key": "never"}))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await pool.call_tool("echo")
        assert "never" not in counting.stats()["extra"]["counters"]

    run(main)


def test_cancelled_at_once_after_it_was_sent(run, connect, counting_broker, counting):
    async def main():
        pool = connect(counting_broker)
        await pool.list_tools()
        for _ in range(50):
            task = asyncio.ensure_future(pool.call_tool("hold", {"key": "at once"}))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert pool._client().in_flight == 0
        # What left is taken back, each call by a notice of its own.  (The SDK may pass over one that
        # comes before it has begun with the call.)
        await asyncio.to_thread(
            counting.wait_stats,
            lambda stats: len(stats["cancelled"]) == stats["rpc"].get("tools/call", 0),
            "the server is told of each",
        )
        assert (await pool.call_tool("add", {"a": 1, "b": 1})).text == "2"

    run(main)


def test_a_coroutine_that_is_dropped_cancels(run, connect, counting_broker, counting):
    async def main():
        pool = connect(counting_broker)
        await pool.list_tools()
        call = pool.call_tool("hold", {"key": "dropped"})
        future = call.send(None)  # as a loop of its own would
        assert not future.done()
        await asyncio.to_thread(counting.wait_held, "dropped")
        call.close()
        await until_cancelled(counting, "dropped")

    run(main)


def test_a_coroutine_that_another_thread_collects(run, connect, counting_broker, counting):
    async def main():
        pool = connect(counting_broker)
        await pool.list_tools()
        calls = [pool.call_tool("hold", {"key": "collected"})]
        calls[0].send(None)
        await asyncio.to_thread(counting.wait_held, "collected")
        thread = threading.Thread(target=calls.clear)
        thread.start()
        thread.join()
        await until_cancelled(counting, "collected")

    run(main)


def test_others_in_a_task_group_are_cancelled_too(run, connect, counting_broker, counting):
    if not hasattr(asyncio, "TaskGroup"):
        pytest.skip("this Python has no task groups")

    async def main():
        pool = connect(counting_broker)
        await pool.list_tools()
        with contextlib.suppress(BaseExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(pool.call_tool("hold", {"key": "group"}))
                await asyncio.to_thread(counting.wait_held, "group")
                raise LookupError("of the group's own")
        await asyncio.to_thread(
            counting.wait_stats, lambda stats: not stats["extra"]["held"], "none is held"
        )

    run(main)


def test_what_progress_raises_is_the_loops_business(run, connect, counting_broker):
    async def main():
        seen = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, about: seen.append(about))
        pool = connect(counting_broker)

        def progress(*_):
            raise LookupError("mine")

        result = await pool.call_tool("slow_progress", {"steps": 2}, progress=progress)
        assert result.text == "2 steps"
        assert {about["message"] for about in seen} == {"a callback of a teplo call failed"}
        assert {about["exception"].args for about in seen} == {("mine",)}

    run(main)


def test_what_progress_raises_ends_a_blocking_call(connect, counting_broker, counting):
    pool = connect(counting_broker)

    def progress(*_):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        pool.call_tool_sync("slow_progress", {"steps": 500, "pause": 1}, progress=progress)
    counting.wait_stats(lambda stats: len(stats["cancelled"]) == 1, "the server is told")
    assert pool.call_tool_sync("add", {"a": 1, "b": 1}).text == "2"


def test_a_call_inside_a_progress_callback(connect, counting_broker):
    """The answer to the outer call comes while the inner one waits."""
    pool = connect(counting_broker)
    pool.list_tools_sync()
    inner = []
    result = pool.call_tool_sync(
        "slow_progress",
        {"steps": 1, "pause": 0},
        progress=lambda *_: inner.append(pool.call_tool_sync("slow", {"seconds": 0.2}).text),
        timeout=5,
    )
    assert result.text == "1 steps" and inner == ["slept 0.2"]


INTERRUPTED = """
import sys, teplo
pool = teplo.connect()
pool.list_tools_sync()
print("ready", flush=True)
try:
    pool.call_tool_sync("hold", {"key": "interrupted"})
except KeyboardInterrupt:
    print("interrupted", pool.call_tool_sync("add", {"a": 1, "b": 1}).text, flush=True)
    sys.stdin.read()
"""


def test_ctrl_c_ends_a_blocking_call(counting_broker, counting):
    child = subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", INTERRUPTED],
        env={**os.environ, "PYTHONPATH": str(PACKAGE), "TEPLO_SOCKET": str(counting_broker.socket_path())},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout.readline() == "ready\n"
        counting.wait_held("interrupted")
        start = time.monotonic()
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "interrupted 2\n"
        assert time.monotonic() - start < 0.5 * SLOWNESS
        counting.wait_stats(
            lambda stats: stats["extra"]["cancelled_inside"].get("interrupted") == 1, "cancelled"
        )
        child.stdin.close()
        assert child.wait(PATIENCE) == 0


def test_a_signal_handler_may_call(connect, counting_broker, counting):
    """In the middle of a call of the same thread: it has a connection of its own."""
    pool = connect(counting_broker)
    pool.list_tools_sync()
    answers = []

    def handler(*_):
        answers.append(pool.call_tool_sync("add", {"a": 1, "b": 1}).text)
        counting.release("handler")

    def interrupt():
        counting.wait_held("handler")
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handler)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        assert pool.call_tool_sync("hold", {"key": "handler"}).text == "released handler"
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, before)
    assert answers == ["2"]


def test_close_ends_what_is_under_way(run, connect, counting_broker, counting):
    async def main():
        pool = connect(counting_broker)
        task = await start_held(pool, counting, "closed")
        await asyncio.create_task(asyncio.to_thread(lambda: None))
        pool.close()
        with pytest.raises(teplo.Cancelled, match="the pool was closed") as caught:
            await task
        assert caught.value.outcome == "unknown"
        await until_cancelled(counting, "closed")

    run(main)


def test_close_from_another_thread(run, connect, counting_broker, counting):
    async def main():
        pool = connect(counting_broker)
        task = await start_held(pool, counting, "elsewhere")
        await asyncio.to_thread(pool.close)
        with pytest.raises(teplo.Cancelled):
            await task

    run(main)


def test_a_pool_that_is_collected_ends_its_calls_first(
    run, counting_broker, counting, open_files
):
    """A coroutine keeps its pool; the connection goes with the last of them."""

    async def main():
        pool = teplo.connect(counting_broker.socket_path())
        before = open_files()
        task = await start_held(pool, counting, "kept")
        del pool
        gc.collect()
        assert not task.done() and open_files() > before
        counting.release("kept")
        assert (await task).text == "released kept"
        del task
        gc.collect()
        await asyncio.to_thread(wait_until, lambda: open_files() <= before, "it is closed")

    run(main)
