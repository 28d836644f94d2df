# SPDX-License-Identifier: MIT
"""teplo.transport: the official SDKs (the installed one) and FastMCP on the broker's socket."""

import asyncio
import importlib.metadata
import os
import socket
import threading

import pytest

anyio = pytest.importorskip("anyio")
mcp = pytest.importorskip("mcp")

from harness import Broker, CountingServer, wait_until  # noqa: E402
from teplo import transport  # noqa: E402
from teplo._socket_path import default_socket_path  # noqa: E402
from teplo.testing import Drop, FakeBroker, Hold, Progress  # noqa: E402

SDK = int(importlib.metadata.version("mcp").split(".")[0])
McpError = mcp.McpError if SDK == 1 else mcp.MCPError
only_2 = pytest.mark.skipif(SDK < 2, reason="mcp.Client came with SDK 2")


def add(a: int, b: int = 1) -> int:
    return a + b


async def wait_long() -> str:
    await asyncio.Event().wait()
    return "never"


def steps(progress: Progress) -> str:
    progress(1, 2, "половина")
    return "done"


@pytest.fixture
def fake():
    with FakeBroker(tools=[add, wait_long, steps], instructions="вітаю") as broker:
        yield broker


def run(main, seconds=20):
    return asyncio.run(asyncio.wait_for(main(), seconds))


def is_error(result):
    return result.isError if SDK == 1 else result.is_error


def test_a_session_of_the_sdk_works(fake):
    async def main():
        async with transport.unix_transport(fake.path) as (read, write):
            async with mcp.ClientSession(read, write) as session:
                greeting = await session.initialize()
                assert greeting.instructions == "вітаю"
                tools = (await session.list_tools()).tools
                assert [tool.name for tool in tools] == ["add", "wait_long", "steps"]
                for number in range(20):
                    result = await session.call_tool("add", {"a": number})
                    assert result.content[0].text == str(number + 1)
                assert is_error(await session.call_tool("add", {"c": 1}))
                await session.send_ping()

    run(main)
    assert [call.arguments["a"] for call in fake.calls[:20]] == list(range(20))


def test_calls_at_once_and_large_ones(fake):
    fake.add(lambda text: text, name="echo")
    words = ["ї" * size for size in (1, 1000, 70_000, 1_000_000)]

    async def main():
        async with transport.unix_transport(fake.path) as (read, write):
            async with mcp.ClientSession(read, write) as session:
                await session.initialize()
                results = await asyncio.gather(
                    *(session.call_tool("echo", {"text": word}) for word in words)
                )
                assert [result.content[0].text for result in results] == words

    run(main)


def test_progress_arrives(fake):
    told = []

    async def on_progress(done, total, message):
        told.append((done, total, message))

    async def main():
        async with transport.unix_transport(fake.path) as (read, write):
            async with mcp.ClientSession(read, write) as session:
                await session.initialize()
                await session.call_tool("steps", {}, progress_callback=on_progress)
                await session.send_ping()

    run(main)
    assert told == [(1, 2, "половина")]


def test_a_lost_connection_ends_the_call(fake):
    fake.plan("add", Drop())

    async def main():
        async with transport.unix_transport(fake.path) as (read, write):
            async with mcp.ClientSession(read, write) as session:
                await session.initialize()
                with pytest.raises(McpError, match="[Cc]losed"):
                    await session.call_tool("add", {"a": 1})

    run(main)


def test_the_pool_is_chosen_by_name():
    with FakeBroker(tools=[add], pools=["one", "two"]) as broker:

        async def main(pool):
            async with transport.unix_transport(broker.path, pool=pool) as (read, write):
                async with mcp.ClientSession(read, write) as session:
                    await session.initialize()
                    await session.call_tool("add", {"a": 1})

        run(lambda: main("two"))
        assert broker.calls[0].pool == "two"
        with pytest.raises(BaseException) as caught:
            run(lambda: main(None))
        assert 'the pools: "one", "two"' in str(innermost(caught.value))


def innermost(error):
    while isinstance(error, BaseException) and getattr(error, "exceptions", None):
        error = error.exceptions[0]
    return error


def test_a_missing_broker_is_named(tmp_path):
    async def main():
        async with transport.unix_transport(tmp_path / "none.sock"):
            raise AssertionError("entered")

    with pytest.raises(FileNotFoundError, match="no broker at .*none.sock"):
        run(main)


def test_nothing_stays_behind(fake):
    async def cycle():
        async with transport.unix_transport(fake.path) as (read, write):
            async with mcp.ClientSession(read, write) as session:
                await session.initialize()

    async def main():
        await cycle()
        before = len(asyncio.all_tasks())
        for _ in range(20):
            await cycle()
        assert len(asyncio.all_tasks()) <= before

    files = len(os.listdir("/proc/self/fd"))
    run(main)
    # The fake broker's ends are in this process too, and go a moment later.
    wait_until(lambda: len(os.listdir("/proc/self/fd")) <= files, "all descriptors are closed")


def test_leaving_while_a_call_is_under_way_ends_at_once(fake):
    async def main():
        with anyio.CancelScope() as scope:
            cut = asyncio.ensure_future(cut_when_called(scope))
            async with transport.unix_transport(fake.path) as (read, write):
                async with mcp.ClientSession(read, write) as session:
                    await session.initialize()
                    await session.call_tool("wait_long", {})
        assert scope.cancelled_caught
        await cut

    async def cut_when_called(scope):
        await asyncio.to_thread(fake.wait_calls)
        scope.cancel()

    run(main)


@pytest.mark.skipif(SDK < 2, reason="SDK 1 tells nobody that a call was cancelled")
def test_a_cancelled_call_is_cancelled_at_the_broker(fake):
    async def main():
        async with transport.unix_transport(fake.path) as (read, write):
            async with mcp.ClientSession(read, write) as session:
                await session.initialize()
                call = asyncio.ensure_future(session.call_tool("wait_long", {}))
                await asyncio.to_thread(fake.wait_calls)
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                assert (await session.call_tool("add", {"a": 1})).content[0].text == "2"
        fake.wait_cancelled()

    run(main)


def test_a_line_beyond_the_maximum_ends_the_connection(tmp_path, monkeypatch):
    monkeypatch.setattr(transport, "MESSAGE_MAXIMUM", 1000)
    path = str(tmp_path / "s")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def play():
        peer, _ = listener.accept()
        with peer, peer.makefile("rb") as lines:
            lines.readline()
            peer.sendall(b"x" * 2000)
            lines.read()

    thread = threading.Thread(target=play)
    thread.start()

    async def main():
        async with transport.unix_transport(path) as (read, write):
            async with mcp.ClientSession(read, write) as session:
                with pytest.raises(McpError, match="[Cc]losed"):
                    await session.initialize()

    run(main)
    thread.join(10)
    assert not thread.is_alive()
    listener.close()


@only_2
def test_the_client_of_sdk_2_takes_it_as_a_transport(fake):
    async def main():
        async with mcp.Client(transport.unix_transport(fake.path, pool="fake")) as client:
            result = await client.call_tool("add", {"a": 4})
            assert result.content[0].text == "5"
            assert client.protocol_version == "2026-07-28"

    run(main)


def test_fastmcps_client_takes_it(fake):
    fastmcp = pytest.importorskip("fastmcp")

    async def main(mode):
        made = transport.fastmcp_transport(fake.path, pool="fake")
        assert fake.path in repr(made)
        async with fastmcp.Client(made, mode=mode) as client:
            assert [tool.name for tool in await client.list_tools()][0] == "add"
            assert (await client.call_tool("add", {"a": 4})).content[0].text == "5"

    run(lambda: main("auto"))
    run(lambda: main("legacy"))


def test_fastmcp_is_not_imported_unless_asked_for():
    import subprocess
    import sys

    code = "import sys, teplo.transport; assert not {'fastmcp', 'mcp', 'anyio'} & set(sys.modules)"
    path = os.pathsep.join(word for word in sys.path if word)
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": path})


def test_a_real_broker_answers_the_sdk():
    server = CountingServer()
    broker = Broker({"graph": server.url})

    async def main():
        async with transport.unix_transport(broker.socket_path()) as (read, write):
            async with mcp.ClientSession(read, write) as session:
                await session.initialize()
                sums = [await session.call_tool("add", {"a": n, "b": n}) for n in range(10)]
                assert [result.content[0].text for result in sums] == [str(2 * n) for n in range(10)]

    try:
        run(main)
        assert broker.pool("graph")["name"] == "graph"
    finally:
        broker.done()
        server.done()


# Where the socket is.


def test_the_socket_is_found_as_libteplo_does(monkeypatch, tmp_path):
    for name in ("TEPLO_SOCKET", "TEPLO_RUNTIME_DIR", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr("teplo._socket_path.SYSTEM_DIRECTORY", tmp_path / "run")
    assert default_socket_path() == f"/tmp/teplo-{os.getuid()}/teplo.sock"
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
    assert default_socket_path() == "/run/user/1/teplo/teplo.sock"
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "teplo.sock").touch()
    assert default_socket_path() == str(tmp_path / "run" / "teplo.sock")
    monkeypatch.setenv("TEPLO_RUNTIME_DIR", "/somewhere")
    assert default_socket_path() == "/somewhere/teplo.sock"
    monkeypatch.setenv("TEPLO_SOCKET", "/else/where")
    assert default_socket_path() == "/else/where"


def test_held_calls_of_two_sessions_do_not_mix(fake):
    fake.plan("add", Hold(), None)

    async def main():
        async with transport.unix_transport(fake.path) as one, transport.unix_transport(fake.path) as two:
            async with mcp.ClientSession(*one) as first, mcp.ClientSession(*two) as second:
                await first.initialize()
                await second.initialize()
                held = asyncio.ensure_future(first.call_tool("add", {"a": 1}))
                await asyncio.to_thread(fake.wait_calls)
                assert (await second.call_tool("add", {"a": 10})).content[0].text == "11"
                fake.release()
                assert (await held).content[0].text == "2"

    run(main)
