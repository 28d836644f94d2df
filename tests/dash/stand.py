# SPDX-License-Identifier: MIT
"""What the tests of the page stand on: teplo-dash, a fleet that beats in Redis, and a browser."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import Broker, Program, RedisServer, places, sanitizer_options, wait_until  # noqa: E402
from harness.fleet_seed import FleetSeed  # noqa: E402
from harness.scripted import ScriptedServer  # noqa: E402

TEPLO_DASH = os.environ.get("TEPLO_DASH", str(places.BUILD / "dev/client-lib/dash/teplo-dash"))
CHROMIUM = os.environ.get("TEPLO_CHROMIUM", "/usr/bin/chromium")
PLACE = re.compile(r"^teplo-dash: http://(\S+):(\d+)/$")
SANITIZER_WORDS = ("Sanitizer", "runtime error:", "check_failed", "CHECK")


class Dash:
    """teplo-dash, reading REDIS (a RedisServer, or a URL)."""

    def __init__(self, redis, *arguments, listen="127.0.0.1:0", env=None):
        self.redis = getattr(redis, "url", redis)
        self.arguments, self.env = list(arguments), env or {}
        self.start(listen)

    def start(self, listen=None):
        """Again where it was, if LISTEN is not given."""
        command = [TEPLO_DASH, "--listen", listen or f"127.0.0.1:{self.port}", "--redis", self.redis]
        self.program = Program(command + self.arguments, env={**sanitizer_options(), **self.env})
        place = self.program.lines.wait(PLACE.match, "teplo-dash says where it listens")
        self.host, self.port = PLACE.match(place)[1], int(PLACE.match(place)[2])

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def get(self, path, method="GET", headers=None, host=None):
        """(status, headers, body) on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        with contextlib.closing(connection):
            connection.request(method, path, headers={"Host": host or f"127.0.0.1:{self.port}", **(headers or {})})
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()

    def json(self, path):
        status, _, body = self.get(path)
        assert status == 200, body
        return json.loads(body)

    def fleet(self):
        return self.json("/api/v1/fleet")

    def wait_fleet(self, is_wanted, what):
        def asked():
            status, _, body = self.get("/api/v1/fleet")
            view = json.loads(body)
            return view if status == 200 and is_wanted(view) else None

        return wait_until(asked, what)

    def wait_pools(self, count=1):
        return self.wait_fleet(lambda view: len(view["pools"]) >= count, f"{count} pools are read")

    def rss_bytes(self):
        for line in pathlib.Path(f"/proc/{self.program.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def is_sanitized(self):
        return "libasan" in pathlib.Path(f"/proc/{self.program.pid}/maps").read_text()

    def open_files(self):
        return len(os.listdir(f"/proc/{self.program.pid}/fd"))

    def kill(self):
        self.program.kill()

    def done(self):
        if not self.program.running():
            return
        status = self.program.stop()
        output = self.program.output()
        assert not any(word in output for word in SANITIZER_WORDS), output
        assert status == 0, f"exit status {status}\n{output}"


class Heart:
    """Writes a FleetSeed again and again, so that its brokers live.  Change it with `with heart:`."""

    def __init__(self, seed, every_s=0.4):
        self.seed, self.every_s = seed, every_s
        self.lock = threading.Lock()
        self.ends = threading.Event()
        self.hush = False  # nothing is written
        self.after = lambda: None  # after each write
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.beat()
        self.thread.start()

    def run(self):
        while not self.ends.wait(self.every_s):
            with self.lock:
                # Redis may be down or frozen: that is what some tests are about.
                with contextlib.suppress(OSError, ValueError, IndexError):
                    self.beat()

    def beat(self):
        if not self.hush:
            self.seed.write()
            self.after()

    def __enter__(self):
        self.lock.acquire()
        return self.seed

    def __exit__(self, *failure):
        try:
            if failure[0] is None:
                self.beat()
        finally:
            self.lock.release()

    def done(self):
        self.ends.set()
        self.thread.join(30)


class Watch:
    """Looks over a page: what it logs, throws and asks for."""

    def __init__(self, page, origin):
        self.page, self.origin = page, origin
        self.complaints, self.foreign, self.requests = [], [], []
        self.allowed = None  # a pattern of complaints that the test is about
        page.on("console", self.on_console)
        page.on("pageerror", lambda failure: self.complaints.append(f"thrown: {failure}"))
        page.on("dialog", self.on_dialog)
        page.on("request", self.on_request)

    def on_console(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def on_dialog(self, dialog):
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def on_request(self, request):
        self.requests.append((time.monotonic(), request.url))
        if not request.url.startswith((self.origin, "data:")):
            self.foreign.append(request.url)

    def check(self):
        # That samples were not there within three seconds says something of the machine alone.
        allowed = f"status of 503|{self.allowed}" if self.allowed else "status of 503"
        bad = [text for text in self.complaints if not re.search(allowed, text)]
        assert not bad, bad
        assert not self.foreign, self.foreign


__all__ = [
    "Broker", "CHROMIUM", "Dash", "FleetSeed", "Heart", "Program", "RedisServer", "ScriptedServer", "TEPLO_DASH", "Watch",
    "places", "wait_until",
]  # fmt: skip
