# SPDX-License-Identifier: MIT
"""Loops and threads: who owns what, and that nothing outlives its loop."""

import asyncio
import contextvars
import gc
import os
import threading
import time
import warnings
import weakref

import pytest
import teplo
from harness import wait_until
from harness.places import SLOWNESS

CALLS = int(os.environ.get("TEPLO_PYTHON_CALLS", "1000"))  # of each loop and thread


def check(number, result):
    assert result.text.startswith(f"u={number} "), (number, result.text)


def in_threads(*actions):
    """Run them at once; the first failure is raised."""
    failures = []

    def guarded(action):
        try:
            action()
        except BaseException as failure:  # noqa: BLE001 - it is raised below
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=[action]) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_two_loops_and_four_threads(new_loop, connect, scripted_broker):
    """All answers are right, and none is another's."""
    pool = connect(scripted_broker)

    def in_loop(base):
        async def worker(first):
            for number in range(first, base + CALLS, 20):
                check(number, await pool.call_tool("t", {"u": number}))

        async def main():
            await asyncio.gather(*(worker(base + first) for first in range(20)))

        loop = new_loop()
        try:
            loop.run_until_complete(main())
        finally:
            loop.close()

    def in_thread(base):
        for number in range(base, base + CALLS):
            check(number, pool.call_tool_sync("t", {"u": number}))

    in_threads(
        *(lambda base=base: in_loop(base) for base in (100_000, 200_000)),
        *(lambda base=base: in_thread(base) for base in (300_000, 400_000, 500_000, 600_000)),
    )


class Heartbeat:
    """A task that wants to run each PAUSE; worst: by how much it was late, in seconds."""

    PAUSE = 0.005

    async def beat(self):
        self.worst = 0.0
        while True:
            start = time.perf_counter()
            await asyncio.sleep(self.PAUSE)
            self.worst = max(self.worst, time.perf_counter() - start - self.PAUSE)

    async def during(self, what):
        task = asyncio.ensure_future(self.beat())
        try:
            await what
        finally:
            task.cancel()
        return self.worst


def test_the_loop_runs_on(run, connect, scripted_broker):
    """
    Fifty calls at once, again and again, hold the loop up for at most 20 ms more than fifty
    sleeps do, which are measured beside them: another program may have the processor.
    """

    async def main():
        # In its debug mode a loop writes down the stack at each step: that would be measured.
        asyncio.get_running_loop().set_debug(False)
        pool = connect(scripted_broker)
        await pool.call_tool("t", {"u": 0})

        async def sleep(number):
            await asyncio.sleep(0.005)

        async def call(number):
            check(number, await pool.call_tool("t", {"u": number, "ms": 5}))

        async def fifty(action):
            for _ in range(10):
                await asyncio.gather(*(action(number) for number in range(50)))

        gaps = []
        while len(gaps) < 5 and not any(gap <= 0.020 * SLOWNESS for gap in gaps):
            idle = await Heartbeat().during(fifty(sleep))
            gaps.append(await Heartbeat().during(fifty(call)) - idle)
        assert min(gaps) <= 0.020 * SLOWNESS, gaps

    run(main)


def test_a_flood_of_answers_leaves_turns_for_others(run, connect, scripted_broker, monkeypatch):
    """So many completions are taken in one turn of the loop, and no more."""
    monkeypatch.setattr("teplo._async_client.AT_ONCE", 16)

    async def main():
        pool = connect(scripted_broker)
        client = pool._client()
        most, taken = 0, 0
        deliver, drain = client._deliver, client._drain

        def counting_deliver(*arguments):
            nonlocal taken
            taken += 1
            deliver(*arguments)

        def counting_drain():
            nonlocal most, taken
            taken = 0
            drain()
            most = max(most, taken)

        client._deliver, client._drain = counting_deliver, counting_drain
        calls = [asyncio.ensure_future(pool.call_tool("t", {"u": n})) for n in range(100)]
        await asyncio.sleep(0)
        # Meanwhile all of them are answered.
        wait_until(lambda: scripted_broker.pool()["ok_total"] == 100, "all are answered")
        await asyncio.gather(*calls)
        del client._deliver, client._drain
        assert most == 16

    run(main)


def test_context_variables_are_the_tasks_own(run, connect, counting_broker):
    current = contextvars.ContextVar("current")

    async def main():
        pool = connect(counting_broker)
        current.set("first use")
        await pool.list_tools()  # the reader is registered in this context

        async def one(name):
            current.set(name)
            seen = []
            await pool.call_tool(
                "slow_progress", {"steps": 2}, progress=lambda *_: seen.append(current.get())
            )
            assert current.get() == name and set(seen) == {name}

        await asyncio.gather(*(one(f"task {number}") for number in range(5)))
        assert current.get() == "first use"

    run(main)


def test_opened_in_one_task_used_in_another_left_in_a_third(run, connect, counting_broker):
    async def main():
        pool = connect(counting_broker)
        await asyncio.create_task(pool.__aenter__())
        task = asyncio.create_task(pool.call_tool("add", {"a": 1, "b": 1}))
        assert (await task).text == "2"
        await asyncio.create_task(pool.__aexit__(None, None, None))

    run(main)


def test_async_with_lets_go_when_the_last_has_left(run, connect, counting_broker, open_files):
    async def main():
        pool = connect(counting_broker)
        await pool.list_tools()
        await pool.__aenter__()
        await pool.__aexit__(None, None, None)
        before = open_files()
        async with pool:
            async with pool:
                await pool.list_tools()
            assert open_files() > before
        assert open_files() == before
        assert (await pool.call_tool("add", {"a": 1, "b": 1})).text == "2"  # and it may be used on

    run(main)


def test_an_abandoned_generator(run, connect, counting_broker):
    async def main():
        async def pools():
            async with connect(counting_broker) as pool:
                yield pool

        async for pool in pools():
            assert (await pool.call_tool("add", {"a": 1, "b": 1})).text == "2"
            break
        assert (await pool.call_tool("add", {"a": 1, "b": 1})).text == "2"

    run(main)


def test_no_task_of_ours(run, connect, counting_broker, counting):
    async def main():
        pool = connect(counting_broker)
        await pool.list_tools()
        assert len(asyncio.all_tasks()) == 1

    run(main)


def test_many_loops_one_after_another(new_loop, connect, scripted_broker, open_files):
    """As asyncio.run() in a program without a loop of its own: nothing is left of each."""
    pool = connect(scripted_broker)

    def once(number):
        async def main():
            check(number, await pool.call_tool("t", {"u": number}))

        loop = new_loop()
        try:
            loop.run_until_complete(main())
        finally:
            loop.close()

    once(0)
    gc.collect()
    before = open_files()
    for number in range(CALLS):
        once(number)
    gc.collect()
    assert open_files() <= before
    assert len(pool._clients) <= 1


def test_a_loop_closed_with_calls_under_way(
    new_loop, connect, counting_broker, counting, open_files
):
    pool = connect(counting_broker)
    before = open_files()
    loop = new_loop()
    task = loop.create_task(pool.call_tool("hold", {"key": "under way"}))
    loop.run_until_complete(asyncio.wait([task], timeout=0.01))
    counting.wait_held("under way")
    loop.close()
    task._log_destroy_pending = False  # that a task was left pending is the test's own doing
    reference = weakref.ref(loop)
    del loop, task
    gc.collect()
    assert reference() is None
    assert open_files() == before


def test_a_closed_loop_that_is_kept_is_let_go_of(
    new_loop, connect, counting_broker, counting, open_files
):
    """Its task is kept too, and with it the call: the next loop's first call closes it."""
    pool = connect(counting_broker)
    before = open_files()
    old = new_loop()
    task = old.create_task(pool.call_tool("hold", {"key": "kept"}))
    old.run_until_complete(asyncio.wait([task], timeout=0.01))
    counting.wait_held("kept")
    old.close()

    async def main():
        assert (await pool.call_tool("add", {"a": 1, "b": 1})).text == "2"

    new = new_loop()
    new.run_until_complete(main())
    new.close()
    assert open_files() == before
    task._log_destroy_pending = False


def test_a_loop_that_runs_in_one_thread_and_then_in_another(new_loop, connect, counting_broker):
    pool = connect(counting_broker)
    loop = new_loop()

    async def main():
        return (await pool.call_tool("add", {"a": 1, "b": 1})).text

    try:
        assert loop.run_until_complete(main()) == "2"
        in_threads(lambda: loop.run_until_complete(main()))
        assert loop.run_until_complete(main()) == "2"
    finally:
        loop.close()


def test_a_pool_dropped_with_its_loop(new_loop, counting_broker, open_files):
    before = open_files()
    loop = new_loop()

    async def main():
        await teplo.connect(counting_broker.socket_path()).list_tools()

    loop.run_until_complete(main())
    loop.close()
    del loop
    gc.collect()
    assert open_files() == before


def test_a_client_of_another_thread_is_refused(connect, counting_broker):
    client = teplo.SyncClient(connect(counting_broker).settings)
    with pytest.raises(RuntimeError) as caught:
        in_threads(lambda: client._handle.dispatch())
    assert str(threading.get_ident()) in str(caught.value)
    assert "was used in thread" in str(caught.value)
    client.close()


def test_threads_take_their_clients_with_them(connect, scripted_broker, open_files):
    pool = connect(scripted_broker)
    before = open_files()
    for _ in range(20):
        in_threads(lambda: check(1, pool.call_tool_sync("t", {"u": 1})))
    gc.collect()
    wait_until(lambda: open_files() == before, "all are closed")


def test_with_lets_go_of_the_threads_client(connect, scripted_broker, open_files):
    pool = connect(scripted_broker)
    before = open_files()
    with pool:
        check(1, pool.call_tool_sync("t", {"u": 1}))
        assert open_files() > before
    assert open_files() == before
    check(2, pool.call_tool_sync("t", {"u": 2}))


# Blocking calls where a loop runs.


def test_a_blocking_call_in_a_loop_warns_once_for_each_place(
    run, connect, counting_broker, monkeypatch
):
    monkeypatch.setenv("TEPLO_BLOCKING", "warn")

    async def main():
        pool = connect(counting_broker)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            for _ in range(3):
                assert pool.call_tool_sync("add", {"a": 1, "b": 1}).text == "2"
            pool.list_tools_sync()
        assert [warning.category for warning in caught] == [teplo.BlockingCallWarning] * 2
        assert {warning.filename for warning in caught} == {__file__}
        text = str(caught[0].message)
        assert "await" in text and "asyncio.to_thread" in text

    run(main)


def test_it_can_be_an_error_or_allowed(run, connect, counting_broker, monkeypatch):
    async def main():
        pool = connect(counting_broker)
        monkeypatch.setenv("TEPLO_BLOCKING", "raise")
        with pytest.raises(RuntimeError, match="asyncio.to_thread"):
            pool.call_tool_sync("add", {"a": 1, "b": 1})
        assert (await asyncio.to_thread(pool.call_tool_sync, "add", {"a": 1, "b": 1})).text == "2"
        monkeypatch.setenv("TEPLO_BLOCKING", "allow")
        assert pool.call_tool_sync("add", {"a": 1, "b": 1}).text == "2"

    run(main)


def test_a_loop_without_readers_is_told_so(connect, counting_broker, open_files):
    class Proactor(asyncio.SelectorEventLoop):
        def add_reader(self, *_):
            raise NotImplementedError

    before = open_files()
    pool = connect(counting_broker)
    loop = Proactor()
    try:
        with pytest.raises(RuntimeError, match="Proactor has no add_reader"):
            loop.run_until_complete(pool.list_tools())
    finally:
        loop.close()
    assert open_files() == before


def test_a_client_of_another_loop_is_refused(new_loop, connect, counting_broker):
    pool = connect(counting_broker)
    loops = [new_loop(), new_loop()]

    async def own():
        await pool.list_tools()
        return pool._client()

    async def others(client):
        with pytest.raises(RuntimeError, match="belongs to .* was used in"):
            await client.run(None)

    try:
        loops[1].run_until_complete(others(loops[0].run_until_complete(own())))
    finally:
        for loop in loops:
            loop.close()
