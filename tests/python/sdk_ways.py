# SPDX-License-Identifier: MIT
"""What the tests of the three failures have in common: the official SDK's way, and a heartbeat."""

import asyncio
import contextlib
import functools
import gc
import importlib.metadata
import importlib.util
import os
import time

import pytest

SDK = int(importlib.metadata.version("mcp").split(".")[0]) if importlib.util.find_spec("mcp") else 0
needs_sdk = pytest.mark.skipif(not SDK, reason="the mcp package is not in this environment")


@contextlib.asynccontextmanager
async def sdk_session(url, greet=True):
    """As the documentation of both versions says."""
    from mcp.client.session import ClientSession
    from mcp.client.sse import sse_client

    async with sse_client(url) as streams:
        async with ClientSession(streams[0], streams[1]) as session:
            if greet:
                await session.initialize()
            yield session


async def sdk_names(url):
    async with sdk_session(url) as session:
        return [tool.name for tool in (await session.list_tools()).tools]


class Heartbeat:
    """How long the loop was away: the longest overshoot of a 5 ms sleep, in seconds."""

    BEAT = 0.005

    async def __aenter__(self):
        self.gap = 0.0
        self.task = asyncio.create_task(self.beat())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_):
        await asyncio.sleep(self.BEAT)  # a gap that lasts until now is seen, too
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    async def beat(self):
        while True:
            before = time.perf_counter()
            await asyncio.sleep(self.BEAT)
            self.gap = max(self.gap, time.perf_counter() - before - self.BEAT)


def open_files():
    return len(os.listdir("/proc/self/fd"))


def other_tasks():
    return asyncio.all_tasks() - {asyncio.current_task()}


def messy(test):
    """The test leaves behind what it shows to be left behind: swept up before the next one."""

    @pytest.mark.filterwarnings("ignore")
    @functools.wraps(test)
    def swept(*arguments, **keywords):
        try:
            return test(*arguments, **keywords)
        finally:
            gc.collect()

    return swept


def run_sdk(main):
    """asyncio.run(main()), whatever mess it leaves."""
    return run_with_handler(main)[0]


def run_with_handler(main):
    """asyncio.run(main()); also what the loop's exception handler was told."""
    told = []

    async def run():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
        return await main()

    with asyncio.Runner() as runner:
        result = runner.run(run())
    gc.collect()
    return result, told


GAP = 0.020  # seconds for which a provider's loop may be away


def least_gap(measure, times=5):
    """
    The least of some gaps, each of asyncio.run(measure()): on a shared machine anyone may be away
    for a while, but what stops the loop stops it every time.
    """
    gap = float("inf")
    for _ in range(times):
        gap = min(gap, asyncio.run(measure()))
        if gap < GAP:
            break
    return gap
