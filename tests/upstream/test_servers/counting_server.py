# SPDX-License-Identifier: MIT
"""An MCP server of the official Python SDK, 1.x or 2.x, over HTTP+SSE, that counts all it hears.

  echo(value, tag)        the arguments as JSON text
  add(a, b)               their sum
  slow(seconds)           answers after a while
  hold(key)               answers when POST /__release {"key": ...} comes
  slow_progress(steps)    sends a progress notification for each step
  counter(key)            counts up and answers with the new value: shows a call made twice
  fail(message)           isError
  big(length)             a text of so many characters

GET /__stats tells what came over the wire (wire_stats.py); its "extra" holds the counters, and
the keys that hold() waits for.  POST /__wait_held {"key": ..., "count": 1} answers once so many
calls of hold() with that key run.
"""

import argparse
import asyncio
import collections
import json
import pathlib
import sys
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import serving  # noqa: E402
from wire_stats import WireStats  # noqa: E402

try:
    from mcp.server.fastmcp import Context, FastMCP as Server
    from mcp.server.fastmcp.exceptions import ToolError

    SDK_MAJOR = 1
except ImportError:
    from mcp.server.mcpserver import Context, MCPServer as Server
    from mcp.server.mcpserver.exceptions import ToolError

    SDK_MAJOR = 2


class State:
    def __init__(self):
        self.held = collections.Counter()
        self.changed = asyncio.Condition()
        self.reset()

    def reset(self):
        self.counters = collections.Counter()
        self.cancelled = collections.Counter()
        self.released = collections.defaultdict(asyncio.Event)

    def report(self):
        return {
            "sdk_major": SDK_MAJOR,
            "counters": dict(self.counters),
            "held": {key: count for key, count in self.held.items() if count},
            "cancelled_inside": dict(self.cancelled),
        }

    def release(self, key):
        self.released[key].set()
        return {}

    async def wait_held(self, key, count=1):
        async with self.changed:
            await self.changed.wait_for(lambda: self.held[key] >= count)
        return {}

    async def hold(self, key):
        self.held[key] += 1
        async with self.changed:
            self.changed.notify_all()
        try:
            await self.released[key].wait()
        except asyncio.CancelledError:
            self.cancelled[key] += 1
            raise
        finally:
            self.held[key] -= 1


def build(state, instructions):
    server = Server("counting", instructions=instructions, log_level="WARNING")
    add_quick_tools(server, state)
    add_slow_tools(server, state)

    @server.resource("counting://counters")
    async def counters() -> str:
        """All counters as JSON."""
        return json.dumps(state.counters)

    @server.prompt()
    async def greeting(name: str) -> str:
        """A greeting."""
        return f"Вітаю, {name}!"

    return server


def add_quick_tools(server, state):
    @server.tool()
    async def echo(value: Any = None, tag: Any = None) -> str:
        """Answers with its arguments as JSON text."""
        return json.dumps({"value": value, "tag": tag}, ensure_ascii=False)

    @server.tool()
    async def add(a: int, b: int) -> int:
        """Adds two numbers."""
        return a + b

    @server.tool()
    async def counter(key: str) -> int:
        """Counts up and answers with the new value."""
        state.counters[key] += 1
        return state.counters[key]

    @server.tool()
    async def fail(message: str = "навмисна помилка") -> str:
        """Always fails."""
        raise ToolError(message)

    @server.tool()
    async def big(length: int) -> str:
        """A long text."""
        return "ї" * length


def add_slow_tools(server, state):
    @server.tool()
    async def slow(seconds: float) -> str:
        """Answers after a while."""
        await asyncio.sleep(seconds)
        return f"slept {seconds}"

    @server.tool()
    async def hold(key: str) -> str:
        """Answers when it is released."""
        await state.hold(key)
        return f"released {key}"

    @server.tool()
    async def slow_progress(context: Context, steps: int, pause: float = 0.01) -> str:
        """Reports its progress, step by step."""
        for step in range(1, steps + 1):
            await context.report_progress(step, steps, f"крок {step}")
            await asyncio.sleep(pause)
        return f"{steps} steps"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    serving.add_arguments(parser)
    parser.add_argument("--instructions", default="Рахує все.")
    arguments = parser.parse_args()
    state = State()
    app = build(state, arguments.instructions).sse_app()
    controls = {"/__release": state.release, "/__wait_held": state.wait_held}
    serving.serve_asgi(WireStats(app, state.report, controls, state.reset), arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
