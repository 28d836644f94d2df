# SPDX-License-Identifier: MIT
"""The MCP servers that the broker is tested against."""

import base64
import json
import os
import subprocess
import urllib.request

from . import places
from .program import Program
from .waiting import Deadline, LONG_PATIENCE, PATIENCE, wait_until


class Upstream:
    """A Python server of tests/upstream: started, and known to be ready."""

    def __init__(self, script, venv=None, arguments=(), port=0):
        self.script = places.UPSTREAM / script
        self.interpreter = places.python(venv) if venv else "/usr/bin/python3"
        self.arguments = list(arguments)
        self.start(port)

    def start(self, port=0):
        ready, theirs = os.pipe()
        command = [self.interpreter, self.script, "--port", port, "--ready-fd", theirs]
        self.program = Program(
            command + ["--until-stdin-closes"] + self.arguments,
            stdin=subprocess.PIPE,
            pass_fds=[theirs],
            env={"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        )
        os.close(theirs)
        with os.fdopen(ready) as pipe:
            line = pipe.readline()
        assert line, f"{self.script} did not start:\n{self.program.output()}"
        said = json.loads(line)
        self.port, self.url = said["port"], said["url"]

    def restart(self):
        """The same server again, on the same port, with nothing remembered."""
        self.kill()
        self.start(self.port)

    def kill(self):
        self.program.kill()

    def http(self, path, value=None, seconds=LONG_PATIENCE):
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=seconds) as response:
            return json.loads(response.read())

    def done(self):
        self.program.kill()


class CountingServer(Upstream):
    """tests/upstream/test_servers/counting_server.py, or another with wire_stats.py."""

    def __init__(self, venv="mcp1", arguments=(), script="test_servers/counting_server.py"):
        super().__init__(script, venv, arguments)

    def stats(self):
        return self.http("/__stats")

    def reset(self):
        self.http("/__reset", {})

    def release(self, key):
        self.http("/__release", {"key": key})

    def wait_stats(self, is_wanted, what, seconds=None):
        def asked():
            stats = self.stats()
            return stats if is_wanted(stats) else None

        return wait_until(asked, what, seconds)

    def wait_held(self, key, count=1):
        self.http("/__wait_held", {"key": key, "count": count}, PATIENCE)


class DemoServer(CountingServer):
    def __init__(self, arguments=()):
        super().__init__("mcp1", arguments, "demo_server.py")


class RawServer(Upstream):
    """tests/upstream/test_servers/raw_sse_server.py with its control interface."""

    def __init__(self, **settings):
        super().__init__("test_servers/raw_sse_server.py")
        if settings:
            self.set(**settings)

    def ctl(self, do, **arguments):
        answer = self.http("/__ctl", {"do": do, **arguments})
        assert "error" not in answer, answer
        return answer

    def set(self, **values):
        self.ctl("set", values=values)

    def reset(self):
        self.ctl("reset")

    def release(self, key):
        self.ctl("release", key=key)

    def cut(self):
        self.ctl("cut")

    def forget(self):
        self.ctl("forget")

    def wait_requests(self, count, method=None):
        self.ctl("wait", count=count, method=method)

    def wait_streams(self, count):
        self.ctl("wait_streams", count=count)

    def report(self):
        return Report(self.ctl("report"))


class Report:
    """What the raw server recorded."""

    def __init__(self, report):
        self.answers = report["answers"]
        self.counters = report["counters"]
        self.streams_open = report["streams_open"]
        self.streams_total = report["streams_total"]
        self.streams_peak = report["streams_peak"]
        self.connections = report["connections"]
        self.requests = report["requests"]
        for request in self.requests:
            request["body"] = base64.b64decode(request["body"])
            request["headers"] = {name.lower(): value for name, value in request["headers"]}

    def of(self, method):
        """The requests whose body was a message of that JSON-RPC method."""
        return [request for request in self.requests if request["method"] == method]

    def bodies(self, method):
        return [request["body"] for request in self.of(method)]

    def count(self, method):
        return len(self.of(method))

    def streams(self):
        return [request for request in self.requests if request["http"].startswith("GET ")]


class EverythingServer:
    """@modelcontextprotocol/server-everything over HTTP+SSE."""

    def __init__(self):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/sse"
        self.start()

    def start(self):
        command = places.node_program("mcp-server-everything") + ["sse"]
        self.program = Program(command, env={"PORT": str(self.port)})
        self.program.lines.wait(
            lambda line: f"{self.port}" in line, "server-everything listens", LONG_PATIENCE
        )

    def kill(self):
        self.program.kill()

    def done(self):
        self.program.kill()


def free_port():
    """For a server that cannot bind to 0 itself: the port may be taken meanwhile, if rarely."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_script(argv, seconds=None, env=None):
    """Run a client of another SDK; its last line of output is JSON."""
    done = subprocess.run(
        [str(word) for word in argv],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=LONG_PATIENCE if seconds is None else seconds,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
    )
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout.strip().splitlines()[-1])


__all__ = [
    "CountingServer", "Deadline", "DemoServer", "EverythingServer", "PATIENCE", "RawServer",
    "Report", "Upstream", "free_port", "run_script",
]  # fmt: skip
