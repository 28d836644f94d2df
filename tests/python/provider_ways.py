# SPDX-License-Identifier: MIT
"""The example provider as a process, and its MCP client."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess

from harness import LONG_PATIENCE, Program, places

SCRIPT = pathlib.Path(__file__).parent / "programs" / "provider_under_test.py"
EXAMPLE = places.REPO / "client-lib" / "python" / "examples" / "provider"
# For a child that gets no environment but what it is given.
LIBRARY = {
    "TEPLO_LIBRARY": os.environ["TEPLO_LIBRARY"],
    "PYTHONPATH": str(places.REPO / "client-lib" / "python" / "src"),
}


def provider_environment(broker, gemini, openai):
    return {
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TEPLO_SOCKET": str(broker.socket_path()),
        "GEMINI_BASE_URL": gemini.url,
        "GEMINI_API_KEY": "k",
        "OPENAI_BASE_URL": openai.base_url,
        "OPENAI_API_KEY": "k",
        "NO_PROXY": "127.0.0.1",
    }


class Provider:
    def __init__(self, broker, gemini, openai, **env):
        ready, theirs = os.pipe()
        self.program = Program(
            [places.python("fastmcp"), SCRIPT, "--ready-fd", theirs, "--until-stdin-closes"],
            stdin=subprocess.PIPE,
            pass_fds=[theirs],
            env={**provider_environment(broker, gemini, openai), **env},
        )
        os.close(theirs)
        self.ready = ready

    def wait_ready(self):
        """Apart from the start, so that several may start at once."""
        with os.fdopen(self.ready) as pipe:
            line = pipe.readline()
        assert line, f"the provider did not start:\n{self.program.output()}"
        self.url = f"http://127.0.0.1:{json.loads(line)['port']}/mcp"
        return self

    def done(self):
        self.program.kill()

    @contextlib.asynccontextmanager
    async def client(self):
        from fastmcp import Client

        async with Client(self.url, timeout=LONG_PATIENCE) as client:
            yield Caller(client)


class Caller:
    """call("check_task_status", task_id=...): the text of the answer; parsed, if it is an object."""

    def __init__(self, client):
        self.client = client

    async def __call__(self, tool, **arguments):
        said = await self.client.call_tool(tool, arguments)
        text = said.content[0].text if said.content else ""
        return json.loads(text) if text.startswith("{") else text


class Subscriber:
    """Of one channel of Redis, with a client of our own: what comes is read by hand."""

    def __init__(self, redis, channel):
        self.connection = socket.create_connection(("127.0.0.1", redis.port), LONG_PATIENCE)
        self.stream = self.connection.makefile("rb")
        words = [b"SUBSCRIBE", channel.encode()]
        parts = [b"*2\r\n"] + [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
        self.connection.sendall(b"".join(parts))
        self.read()

    def read(self):
        from harness.redis_server import decode

        return decode(self.stream)

    def message(self):
        return json.loads(self.read()[2])

    def close(self):
        self.stream.close()
        self.connection.close()
