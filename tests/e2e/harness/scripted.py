# SPDX-License-Identifier: MIT
"""The scripted server in C (tests/upstream/scripted), and what it says it executed."""

import collections
import json
import pathlib
import struct
import tempfile
import urllib.request

from . import places
from .program import Program
from .waiting import LONG_PATIENCE, wait_until

SERVER = pathlib.Path(places.TEPLOD).parents[1] / "tests/upstream/scripted/scripted_server"
EXEC, DONE = 1, 2


class ScriptedServer:
    """Its ledger outlives kill() and restart()."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="tp-scripted-")
        self.ledger_path = pathlib.Path(self.directory.name) / "ledger"
        self.start(0)

    def start(self, port):
        command = [places.installed(SERVER), "--ledger", self.ledger_path, "--port", port]
        self.program = Program(command)
        self.url = self.program.lines.wait(lambda line: line.startswith("http"), "its URL")
        self.port = int(self.url.split(":")[2].split("/")[0])

    def kill(self):
        self.program.kill()

    def restart(self):
        self.kill()
        self.start(self.port)

    def http(self, path, value=None):
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=LONG_PATIENCE) as response:
            text = response.read()
        return json.loads(text) if text.startswith(b"{") else text

    def set(self, **settings):
        return self.http("/__ctl", settings)

    def stats(self):
        return self.http("/__stats")

    def ledger(self):
        """{EXEC: Counter of call numbers, DONE: ...}"""
        counts = {EXEC: collections.Counter(), DONE: collections.Counter()}
        for (record,) in struct.iter_unpack("<Q", self.ledger_path.read_bytes()):
            counts[record >> 56][record & ((1 << 56) - 1)] += 1
        return counts

    def executed(self, number):
        return self.ledger()[EXEC][number]

    def wait_executed(self, number):
        wait_until(lambda: self.executed(number), f"EXEC of call {number}")

    def done(self):
        self.program.kill()
        self.directory.cleanup()
