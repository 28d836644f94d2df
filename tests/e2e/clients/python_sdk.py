# SPDX-License-Identifier: MIT
"""The official Python SDK, 1.x or 2.x, as a client of the broker.  The last line printed is JSON.

  python_sdk.py legacy|auto|2026-07-28      the last two with 2.x only

Environment: TEPLOCTL and TEPLO_RUNTIME_DIR (the bridge), WAIT_HELD (a URL of the counting server).
"""

import asyncio
import contextlib
import json
import os
import sys
import urllib.request

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

try:
    from mcp import Client  # 2.x
except ImportError:
    Client = None

BRIDGE = StdioServerParameters(
    command=os.environ["TEPLOCTL"],
    args=["connect"],
    env={"TEPLO_RUNTIME_DIR": os.environ["TEPLO_RUNTIME_DIR"]},
)


@contextlib.asynccontextmanager
async def connected(mode):
    if Client is None:
        async with stdio_client(BRIDGE) as streams, ClientSession(*streams) as session:
            greeting = await session.initialize()
            session.negotiated = greeting.protocolVersion
            session.name = greeting.serverInfo.name
            yield session
    else:
        async with Client(BRIDGE, mode=mode) as client:
            client.negotiated = client.protocol_version
            client.name = client.server_info.name if client.server_info else None
            yield client


def plain(model):
    return model.model_dump(by_alias=True, mode="json", exclude_none=True)


def wait_held(key):
    body = json.dumps({"key": key}).encode()
    urllib.request.urlopen(os.environ["WAIT_HELD"], body, timeout=60).read()


async def play(client):
    said = {"version": client.negotiated, "server": client.name}
    said["tools"] = [tool.name for tool in (await client.list_tools()).tools]
    said["echo"] = plain(await client.call_tool("echo", {"value": "Привіт 🌞", "tag": [1, None]}))
    said["fail"] = plain(await client.call_tool("fail", {}))
    said["prompt"] = plain(await client.get_prompt("greeting", {"name": "Юрко"}))
    said["resource"] = plain(await client.read_resource("counting://counters"))
    said["sums"] = await asyncio.gather(*[add(client, number) for number in range(100)])
    said["progress"] = await see_progress(client)
    if Client is not None:  # 1.x does not tell the server that a call was cancelled
        said["cancelled"] = await cancel_a_call(client)
    said["after"] = await add(client, 2)
    return said


async def add(client, number):
    result = await client.call_tool("add", {"a": number, "b": number})
    return int(result.content[0].text)


async def see_progress(client):
    steps = []

    async def on_progress(progress, total, message):
        steps.append([progress, total, message])

    await client.call_tool("slow_progress", {"steps": 3}, progress_callback=on_progress)
    return steps


async def cancel_a_call(client):
    call = asyncio.create_task(client.call_tool("hold", {"key": "python"}))
    await asyncio.to_thread(wait_held, "python")
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call
    return call.cancelled()


async def main():
    async with connected(sys.argv[1]) as client:
        said = await play(client)
    print(json.dumps(said, ensure_ascii=False))


asyncio.run(main())
