# SPDX-License-Identifier: MIT
"""
The example provider over HTTP, as it is, with two tools more: start_heartbeat, and longest_gap,
which says in seconds for how long its main loop was away since.

provider_under_test.py --port 0 --ready-fd N --until-stdin-closes
"""

import argparse
import asyncio
import pathlib
import sys
import time

REPO = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(REPO / "tests" / "upstream"))
sys.path.insert(0, str(REPO / "client-lib" / "python" / "src"))
sys.path.insert(0, str(REPO / "client-lib" / "python" / "examples" / "provider"))

import server  # noqa: E402
import serving  # noqa: E402

BEAT = 0.005


class Heart:
    task = None
    gap = 0.0

    async def beat(self):
        while True:
            before = time.perf_counter()
            await asyncio.sleep(BEAT)
            self.gap = max(self.gap, time.perf_counter() - before - BEAT)


heart = Heart()


@server.mcp.tool()
async def start_heartbeat() -> str:
    heart.task = heart.task or asyncio.create_task(heart.beat())
    heart.gap = 0.0
    return ""


@server.mcp.tool()
async def longest_gap() -> float:
    return heart.gap


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    serving.add_arguments(parser)
    serving.serve_asgi(server.mcp.http_app(), parser.parse_args())


if __name__ == "__main__":
    main()
