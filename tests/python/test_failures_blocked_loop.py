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

from sdk_ways import SDK, Heartbeat, messy, needs_sdk, sdk_session

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
    gap = asyncio.run(gap_of_sdk_calls(url, MANY))
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

    assert asyncio.run(gap_of_tool(ask_model)) > PAUSE * 0.9


@needs_sdk
@messy
def test_sdk_a_plain_tool_stops_the_loop_of_version_1_only():
    """Version 2 (and FastMCP from 3 on) runs `def` tools in worker threads."""

    def ask_model() -> str:
        time.sleep(PAUSE)
        return "done"

    gap = asyncio.run(gap_of_tool(ask_model))
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
