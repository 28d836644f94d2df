# SPDX-License-Identifier: MIT
"""Opened, called, cancelled, closed, and again: nothing grows.  TEPLO_PYTHON_CYCLES: how often."""

import asyncio
import gc
import os
import pathlib

import teplo

CYCLES = int(os.environ.get("TEPLO_PYTHON_CYCLES", "1000"))  # the long form is 10000
WARM_UP = 200
GROWTH_BYTES = 4 << 20


def rss_bytes():
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def held():
    gc.collect()
    return len(os.listdir("/proc/self/fd")), rss_bytes()


async def cycle(path, number):
    pool = teplo.connect(path)
    answer = await pool.call_tool("t", {"u": number, "bytes": 10_000})
    assert answer.text.startswith(f"u={number} ")
    task = asyncio.ensure_future(pool.call_tool("t", {"u": number, "ms": 5}))
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    if number % 2:
        pool.close()


def test_cycles_in_a_loop(run, scripted_broker):
    path = scripted_broker.socket_path()

    async def main():
        for number in range(WARM_UP):
            await cycle(path, number)
        files, rss = held()
        for number in range(CYCLES):
            await cycle(path, number)
            assert len(asyncio.all_tasks()) == 1
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        files_after, rss_after = held()
        assert files_after <= files and rss_after - rss < GROWTH_BYTES, (rss, rss_after)

    run(main)


def test_cycles_in_a_thread(scripted_broker):
    path = scripted_broker.socket_path()

    def cycle(number):
        with teplo.connect(path) as pool:
            answer = pool.call_tool_sync("t", {"u": number, "bytes": 10_000})
            assert answer.text.startswith(f"u={number} ")
            try:
                pool.call_tool_sync("t", {"fault": "error"})
            except teplo.RpcError:
                pass

    for number in range(WARM_UP):
        cycle(number)
    files, rss = held()
    for number in range(CYCLES):
        cycle(number)
    files_after, rss_after = held()
    assert files_after <= files and rss_after - rss < GROWTH_BYTES, (rss, rss_after)
