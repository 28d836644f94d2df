# SPDX-License-Identifier: MIT
"""What the tests of teplo.compat share: the SDK that is installed, a fake broker, a session."""

import gc
import importlib.util
import threading

import pytest

from teplo import compat
from teplo.compat import ClientSession, sse_client
from teplo.compat._sdk import installed
from teplo.testing import FakeBroker, Progress

URL = "http://grynya-mcp-server:8000/sse"
HAS_SDK = importlib.util.find_spec("mcp") is not None
IS_V2 = HAS_SDK and hasattr(installed().types, "jsonrpc_message_adapter")
needs_sdk = pytest.mark.skipif(not HAS_SDK, reason="the package mcp is not installed")

if HAS_SDK:
    import mcp

    McpError = mcp.MCPError if IS_V2 else mcp.McpError
else:
    from teplo.compat._views import McpError


def list_graphs() -> str:
    """Lists the graphs."""
    return '{"graphs": ["Grynya"]}'


async def add(a: int, b: int = 1) -> dict:
    return {"sum": a + b}


def nothing() -> None:
    pass


def broken() -> None:
    raise ValueError("no")


heard_one = threading.Semaphore(0)


def steps(progress: Progress) -> str:
    """One step after the other was heard: what is not read in time gives way to the newest."""
    for number in range(3):
        progress(number, 3, f"крок {number}")
        assert heard_one.acquire(timeout=10)
    return "done"


def last_word(progress: Progress) -> str:
    progress(3, 3, "край")
    return "done"


@pytest.fixture
def fake():
    tools = [list_graphs, add, nothing, broken, steps, last_word]
    with FakeBroker(tools=tools, instructions="вітаю", environ=True) as broker:
        yield broker


@pytest.fixture(scope="module", autouse=True)
def large_packages():
    """What is there once all is imported need not be looked at by each test's gc.collect()."""
    installed()
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.delenv("TEPLO_POOL", raising=False)
    compat.reset()
    yield
    compat.reset()


async def call_at(url, **keywords):
    async with sse_client(url, **keywords) as streams:
        async with ClientSession(*streams) as session:
            await session.initialize()
            await session.call_tool("nothing")


@pytest.fixture
def in_session(fake, run):
    """in_session(use): run use(session) in a session that is initialized."""

    def play(use, **keywords):
        async def main():
            async with sse_client(URL, headers={"Host": "localhost"}) as streams:
                async with ClientSession(streams[0], streams[1], **keywords) as session:
                    await session.initialize()
                    return await use(session)

        return run(main)

    return play


def spelled(thing, camel, snake):
    """The attribute as the installed SDK spells it; without one, both spellings are right."""
    if HAS_SDK:
        return getattr(thing, snake if IS_V2 else camel)
    assert getattr(thing, camel) == getattr(thing, snake)
    return getattr(thing, camel)
