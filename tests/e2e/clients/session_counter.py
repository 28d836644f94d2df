# SPDX-License-Identifier: MIT
"""The official Python SDK 1.x as a client that counts up in its own session.

  session_counter.py TOOL COUNT     prints the values it got, as JSON

Environment: TEPLOCTL and TEPLO_RUNTIME_DIR (the bridge).
"""

import asyncio
import json
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

BRIDGE = StdioServerParameters(
    command=os.environ["TEPLOCTL"],
    args=["connect"],
    env={"TEPLO_RUNTIME_DIR": os.environ["TEPLO_RUNTIME_DIR"]},
)


async def main():
    tool, count = sys.argv[1], int(sys.argv[2])
    values = []
    async with stdio_client(BRIDGE) as streams, ClientSession(*streams) as session:
        await session.initialize()
        for _ in range(count):
            result = await session.call_tool(tool, {})
            values.append(int(result.content[0].text))
    print(json.dumps(values))


asyncio.run(main())
