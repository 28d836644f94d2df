# SPDX-License-Identifier: MIT
"""
The second failure: the provider's loop stands still.  Each way is shown with the official SDK, by
the longest gap of a heartbeat in the same loop, and then with teplo, by the same heartbeat.
"""

import asyncio
import concurrent.futures
import contextlib
import math
import os
import time

import pytest

from sdk_ways import GAP, SDK, Heartbeat, least_gap, messy, needs_sdk, run_sdk, sdk_session

MANY = 50
PAUSE = 0.3


@pytest.fixture(scope="module")
def url(shared_counting):
    return shared_counting.url


# The SDK.


async def gap_of_sdk_calls(url, count):
    """COUNT tasks: each connects, greets, and calls once, as the seed of this project did."""

    async def call(number):
        async with sdk_session(url) as session:
            answer = await session.call_tool("add", {"a": number, "b": 1})
            assert answer.content[0].text == str(number + 1)

    async with Heartbeat() as heart:
        await asyncio.gather(*(call(number) for number in range(count)))
    return heart.gap


@needs_sdk
@messy
def test_sdk_fifty_connections_at_once_stop_the_loop(url):
    gap = run_sdk(lambda: gap_of_sdk_calls(url, MANY))
    print(f"SDK {SDK}: longest gap {gap * 1000:.0f} ms at {MANY} calls")
    assert gap > 0.1


@contextlib.asynccontextmanager
async def served(tool):
    """A session to a server of this process, in this loop, with that one tool."""
    if SDK == 1:
        from mcp.server.fastmcp import FastMCP
        from mcp.shared.memory import create_connected_server_and_client_session

        server = FastMCP("t")
        server.tool()(tool)
        async with create_connected_server_and_client_session(server._mcp_server) as session:
            yield session
    else:
        from mcp import Client
        from mcp.server.mcpserver import MCPServer

        server = MCPServer("t")
        server.tool()(tool)
        async with Client(server) as client:
            yield client


async def gap_of_tool(tool):
    async with served(tool) as session:
        async with Heartbeat() as heart:
            answer = await session.call_tool(tool.__name__, {})
            assert answer.content[0].text == "done"
    return heart.gap


@needs_sdk
@messy
def test_sdk_a_blocking_call_in_an_async_tool_stops_all_others():
    async def ask_model() -> str:
        time.sleep(PAUSE)  # requests.post(...)
        return "done"

    assert run_sdk(lambda: gap_of_tool(ask_model)) > PAUSE * 0.9


@needs_sdk
@messy
def test_sdk_a_plain_tool_stops_the_loop_of_version_1_only():
    """Version 2 (and FastMCP from 3 on) runs `def` tools in worker threads."""

    def ask_model() -> str:
        time.sleep(PAUSE)
        return "done"

    gap = run_sdk(lambda: gap_of_tool(ask_model))
    if SDK == 1:
        assert gap > PAUSE * 0.9
    else:
        assert gap < PAUSE * 0.9


def test_the_default_executor_is_small():
    """Model calls in asyncio.to_thread queue behind each other; an executor of their own does not."""
    workers = min(32, (os.cpu_count() or 1) + 4)
    calls = 3 * workers

    async def timed(executor):
        loop = asyncio.get_running_loop()
        start = time.monotonic()
        await asyncio.gather(
            *(loop.run_in_executor(executor, time.sleep, 0.2) for _ in range(calls))
        )
        return time.monotonic() - start

    assert asyncio.run(timed(None)) > 0.2 * math.ceil(calls / workers) * 0.9
    with concurrent.futures.ThreadPoolExecutor(calls) as executor:
        assert asyncio.run(timed(executor)) < 0.2 * 2


# The same with teplo.


@pytest.fixture
def pool(counting_broker, connect):
    return connect(counting_broker)


async def gap_of_teplo_calls(pool, count):
    async def call(number):
        answer = await pool.call_tool("add", {"a": number, "b": 1})
        assert answer.text == str(number + 1)

    async with Heartbeat() as heart:
        await asyncio.gather(*(call(number) for number in range(count)))
    return heart.gap


def test_teplo_fifty_calls_at_once_do_not(pool):
    gap = least_gap(lambda: gap_of_teplo_calls(pool, MANY))
    print(f"teplo: longest gap {gap * 1000:.1f} ms at {MANY} calls")
    assert gap < GAP


@needs_sdk
@messy
def test_side_by_side(url, pool):
    """In one process, one after the other, with the same heartbeat."""
    theirs = run_sdk(lambda: gap_of_sdk_calls(url, MANY))
    ours = least_gap(lambda: gap_of_teplo_calls(pool, MANY))
    assert theirs > 5 * ours, (theirs, ours)


def test_teplo_blocking_calls_of_threads_beside_the_loop(pool):
    def calls(where):
        for number in range(50):
            assert pool.call_tool_sync("add", {"a": number, "b": where}).text == str(number + where)

    async def main():
        loop = asyncio.get_running_loop()
        with concurrent.futures.ThreadPoolExecutor(6) as executor:
            async with Heartbeat() as heart:
                await asyncio.gather(
                    *(loop.run_in_executor(executor, calls, where) for where in range(6))
                )
        return heart.gap

    assert least_gap(main) < GAP


@needs_sdk
@pytest.mark.skipif(SDK == 1, reason="SDK 1 runs plain tools on the loop's own thread")
@messy
def test_teplo_in_a_plain_tool_of_version_2(pool, counting):
    """The tool runs in a worker thread, and waits there; the loop beats on."""

    def held() -> str:
        pool.call_tool_sync("hold", {"key": "plain"})
        return "done"

    async def main():
        async with served(held) as session, Heartbeat() as heart:
            call = asyncio.create_task(session.call_tool("held", {}))
            await asyncio.to_thread(counting.wait_held, "plain")
            counting_gap = heart.gap
            await asyncio.to_thread(counting.release, "plain")
            assert (await call).content[0].text == "done"
            return counting_gap

    assert run_sdk(main) < 0.1


@needs_sdk
@messy
def test_teplo_in_an_async_tool(pool, counting):
    """The tool of a provider, in either version of the SDK: it awaits, and others are served."""

    async def held() -> str:
        await pool.call_tool("hold", {"key": "async"})
        return "done"

    async def main():
        async with served(held) as session:
            call = asyncio.create_task(session.call_tool("held", {}))
            await asyncio.to_thread(counting.wait_held, "async")
            for _ in range(3):
                await session.list_tools()
            assert not call.done()
            await asyncio.to_thread(counting.release, "async")
            assert (await call).content[0].text == "done"

    run_sdk(main)
