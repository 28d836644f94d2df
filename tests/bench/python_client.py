#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a call costs a Python program: teplo beside the official SDK, in one run, to one server.

  PYTHONPATH=client-lib/python/src TEPLO_LIBRARY=build/release/client-lib/lib/libteplo.so.1 \\
  TEPLOD=$PWD/build/release/broker/teplod build/venvs/mcp1/bin/python tests/bench/python_client.py [--calls 2000]

The server is the scripted one in C, so that the client is what is measured.  Prints a Markdown
table: microseconds of wall clock (median and 99th percentile; where calls overlap: the time of
all of them, divided) and of this process's processor time, a call.
"""

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import statistics
import sys
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tests" / "e2e"))

import anyio  # noqa: E402
import mcp.types  # noqa: E402
import teplo  # noqa: E402
from harness import Broker  # noqa: E402
from harness.scripted import ScriptedServer  # noqa: E402
from mcp import ClientSession  # noqa: E402
from mcp.client.sse import sse_client  # noqa: E402
from mcp.shared.message import SessionMessage  # noqa: E402

ARGUMENTS = {"u": 7, "query": "MATCH (n) RETURN n LIMIT 10", "graphs": ["Grynya"]}
IN_FLIGHT = 100


class Row:
    def __init__(self, name, wall, each, cpu):
        self.name, self.wall, self.each, self.cpu = name, wall, sorted(each), cpu

    def cells(self, basis):
        p99 = f"{self.each[int(len(self.each) * 0.99)]:,.0f}" if self.each else ""
        ratio = self.cpu / basis.cpu
        return [self.name, f"{self.wall:,.0f}", p99, f"{self.cpu:,.0f}", f"{ratio:.1f}"]


class Clock:
    """Of one series of calls."""

    def __init__(self):
        self.each = []
        self.cpu, self.start = time.process_time(), time.perf_counter()

    def row(self, name, calls):
        cpu = (time.process_time() - self.cpu) / calls * 1e6
        wall = (time.perf_counter() - self.start) / calls * 1e6
        return Row(name, statistics.median(self.each) if self.each else wall, self.each, cpu)


async def one_by_one(name, call, calls):
    for _ in range(min(50, calls)):
        await call()
    clock = Clock()
    for _ in range(calls):
        start = time.perf_counter()
        await call()
        clock.each.append((time.perf_counter() - start) * 1e6)
    return clock.row(name, calls)


async def at_once(name, call, calls):
    await asyncio.gather(*(call() for _ in range(IN_FLIGHT)))

    async def worker(count):
        for _ in range(count):
            await call()

    clock = Clock()
    await asyncio.gather(*(worker(calls // IN_FLIGHT) for _ in range(IN_FLIGHT)))
    return clock.row(name, calls // IN_FLIGHT * IN_FLIGHT)


def blocking(name, pool, calls):
    for _ in range(50):
        pool.call_tool_sync("effect", ARGUMENTS)
    clock = Clock()
    for _ in range(calls):
        start = time.perf_counter()
        pool.call_tool_sync("effect", ARGUMENTS)
        clock.each.append((time.perf_counter() - start) * 1e6)
    return clock.row(name, calls)


@contextlib.asynccontextmanager
async def socket_client(path):
    """The SDK's streams over the broker's socket: its stdio framing."""
    reader, writer = await asyncio.open_unix_connection(path, limit=1 << 24)
    from_socket, incoming = anyio.create_memory_object_stream(0)
    outgoing, to_socket = anyio.create_memory_object_stream(0)

    async def read():
        async with from_socket:
            while line := await reader.readline():
                message = mcp.types.JSONRPCMessage.model_validate_json(line)
                await from_socket.send(SessionMessage(message))

    async def write():
        async for message in to_socket:
            text = message.message.model_dump_json(by_alias=True, exclude_none=True)
            writer.write(text.encode() + b"\n")

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        group.start_soon(write)
        try:
            yield incoming, outgoing
        finally:
            group.cancel_scope.cancel()
            writer.close()


@contextlib.asynccontextmanager
async def sdk_session(streams):
    async with streams as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        await session.list_tools()
        yield session


async def sdk_rows(url, path, calls):
    for where, streams in (
        ("SDK, warm session, straight to the server (SSE)", sse_client(url)),
        ("SDK, warm session, on the broker's socket", socket_client(path)),
    ):
        async with sdk_session(streams) as session:

            async def call(session=session):
                await session.call_tool("effect", ARGUMENTS)

            yield await one_by_one(where, call, calls)
            yield await at_once(f"{where}, {IN_FLIGHT} at once", call, calls)


async def connecting_row(url, calls):
    async def call():
        async with sse_client(url) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            await session.call_tool("effect", ARGUMENTS)

    return await one_by_one("SDK, a session for each call", call, calls)


async def measure(url, path, calls):
    pool = teplo.connect(path)

    async def call():
        await pool.call_tool("effect", ARGUMENTS)

    rows = [await one_by_one("teplo, await", call, calls)]
    rows.append(await at_once(f"teplo, await, {IN_FLIGHT} at once", call, calls * 5))
    rows.append(await asyncio.to_thread(blocking, "teplo, blocking", pool, calls))
    async for row in sdk_rows(url, path, calls):
        rows.append(row)
    rows.append(await connecting_row(url, max(20, calls // 50)))
    pool.close()
    return rows


def print_table(rows):
    print("| | wall, median us | p99 us | client CPU us | CPU, ratio |")
    print("|---|---:|---:|---:|---:|")
    for row in rows:
        print("| " + " | ".join(row.cells(rows[0])) + " |")
    print(f"\nPython {sys.version.split()[0]}, {os.cpu_count()} processors, all on one machine")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    scripted = ScriptedServer()
    try:
        broker = Broker({"scripted": scripted.url}, pool={"pool_size": 16})
        try:
            rows = asyncio.run(measure(scripted.url, str(broker.socket_path()), arguments.calls))
        finally:
            broker.done()
    finally:
        scripted.done()
    if arguments.json:
        print(json.dumps([[row.name, row.wall, row.cpu] for row in rows]))
    else:
        print_table(rows)


if __name__ == "__main__":
    main()
