# SPDX-License-Identifier: MIT
"""How the Python test servers start: the port comes from bind(0), readiness is an event.

A server prints nothing until it accepts connections; then it writes one JSON line,
{"port": N, "url": "http://127.0.0.1:N/sse"}, to the file descriptor given by --ready-fd or
to the file given by --port-file (complete when it appears).  With --until-stdin-closes it
ends when the process that started it does, however that one ends.
"""

import argparse
import asyncio
import json
import os
import socket
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--port-file", help="write the JSON line with the port to this file")
    parser.add_argument("--ready-fd", type=int, help="write it to this descriptor, then close it")
    parser.add_argument("--until-stdin-closes", action="store_true")


def listen(arguments: argparse.Namespace) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((arguments.host, arguments.port))
    listener.listen(1024)
    return listener


def announce(arguments: argparse.Namespace, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    line = json.dumps({"port": port, "url": f"http://127.0.0.1:{port}/sse"}) + "\n"
    if arguments.port_file:
        partial = arguments.port_file + ".partial"
        with open(partial, "w", encoding="utf-8") as file:
            file.write(line)
        os.rename(partial, arguments.port_file)
    if arguments.ready_fd is not None:
        os.write(arguments.ready_fd, line.encode())
        os.close(arguments.ready_fd)
    if not arguments.port_file and arguments.ready_fd is None:
        print(line, end="", flush=True)


async def end_with_stdin() -> None:
    """End this process when stdin closes: at once, since nobody is left to be polite to."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(4096):
        pass
    os._exit(0)


def serve_asgi(app, arguments: argparse.Namespace) -> None:
    """Run an ASGI application with uvicorn until SIGTERM (or until stdin closes)."""
    import uvicorn

    listener = listen(arguments)

    class AnnouncingServer(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            announce(arguments, listener)
            if arguments.until_stdin_closes:
                self.watch = asyncio.create_task(end_with_stdin())

    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=2, access_log=False, lifespan="on"
    )
    AnnouncingServer(config).run(sockets=[listener])
