# SPDX-License-Identifier: MIT
"""tests/support/redis_driver.c told what to do, and stand-ins for Redis and for a name server."""

import os
import pathlib
import re
import socket
import subprocess
import threading
import time

from harness import LONG_PATIENCE, Program, places, wait_until
from harness.broker import SANITIZER_WORDS, LogLine, sanitizer_options
from harness.redis_server import decode

DRIVER = os.environ.get(
    "TEPLO_REDIS_DRIVER",
    str(pathlib.Path(places.TEPLOD).parents[1] / "tests" / "support" / "redis_driver"),
)
PREFIX = "teplo:{main}:v1:"
IS_SANITIZED = "asan" in DRIVER
# How long the loop may be held up; a shared machine may be late by itself.
GAP_MS = 250 * places.SLOWNESS  # a lookup or a handshake that blocks takes seconds


class Driver:
    def __init__(self, url, tick_ms=100, pools=1, namespace="main", env=None, forget_ms=60000):
        self.program = Program(
            places.WRAPPER + [DRIVER, url, namespace, tick_ms, pools, forget_ms],
            env={**sanitizer_options(), **(env or {})},
            stdin=subprocess.PIPE,
            parse=LogLine,
        )
        self.instance = self.wait_for("instance=")["instance"]
        self.prefix = f"teplo:{{{namespace}}}:v1:"

    def key(self, kind, pool=None):
        return f"{self.prefix}{kind}:{pool}:{self.instance}" if pool else f"{self.prefix}{kind}:{self.instance}"

    def say(self, line):
        self.program.child.stdin.write(line.encode() + b"\n")
        self.program.child.stdin.flush()

    def wait_for(self, beginning, seconds=None, since=0):
        return self.program.lines.wait(lambda line: str(line).startswith(beginning), beginning, seconds, since)

    def ask(self, line, beginning=None, seconds=None):
        """Say it; the fields of the answer."""
        since = self.position()
        self.say(line)
        return self.wait_for(beginning or line.split()[0], seconds, since)

    def position(self):
        return len(self.program.lines.items)

    def flush(self, seconds=None):
        return self.ask("flush", "flushed", seconds)["ok"] == "1"

    def state(self):
        return self.ask("state")["word"]

    def wait_log(self, event, seconds=None, since=0, **fields):
        wanted = {"event": event, **fields}
        return self.program.lines.wait(
            lambda line: all(line.get(key) == value for key, value in wanted.items()), f"{wanted}", seconds, since
        )

    def log(self, event=None):
        return [line for line in self.program.lines.items if line.get("event", "") == event]

    def reset_gap(self):
        self.ask("gap")

    def check_gap(self):
        """Nothing has held the loop up since reset_gap, but for the machine itself."""
        answer = self.ask("gap")
        assert float(answer["loop_ms"]) < GAP_MS + float(answer["machine_ms"]), str(answer)

    def usage(self):
        answer = self.ask("usage")
        return int(answer["rss"]), int(answer["fds"])

    def done(self):
        if not self.program.running():
            return
        self.program.child.stdin.close()
        status = self.program.wait(LONG_PATIENCE)
        output = self.program.output()
        assert status == 0, output
        for word in SANITIZER_WORDS:
            assert word not in output.replace("ERROR SUMMARY: 0 errors", ""), output


class Service:
    """Threads around a socket that end with it."""

    def __init__(self):
        self.is_over = False

    def start(self, run, *arguments):
        threading.Thread(target=self.guard, args=(run, *arguments), daemon=True).start()

    def guard(self, run, *arguments):
        try:
            run(*arguments)
        except OSError:
            pass

    def done(self):
        self.is_over = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class FakeRedis(Service):
    """
    Accepts, and treats each connection with TREAT(connection, number).  For what a real Redis
    cannot be brought to do.
    """

    def __init__(self, treat, host="127.0.0.1", listener=None):
        super().__init__()
        self.treat = treat
        self.accepted = 0
        self.open = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = listener or socket.create_server((host, 0), family=family)
        self.port = self.socket.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start(self.accept)

    def accept(self):
        while not self.is_over:
            connection, _ = self.socket.accept()
            self.accepted += 1
            self.open.append(connection)
            self.start(self.treat, connection, self.accepted - 1)

    def wait_accepted(self, count, seconds=LONG_PATIENCE):
        wait_until(lambda: self.accepted >= count, f"{count} connections", seconds)

    def done(self):
        super().done()
        for connection in self.open:
            try:
                connection.shutdown(socket.SHUT_RDWR)  # a file made of it would keep it open
            except OSError:
                pass
            connection.close()


def answer_all(text):
    """Each command gets TEXT; commands are known by their `*`."""

    def treat(connection, number):
        while data := connection.recv(65536):
            connection.sendall(text * len(re.findall(rb"(?m)^\*\d", data)))

    return treat


class Obedient:
    """Treats a connection as Redis does, with an ERROR for all that writes and a clock that jumps."""

    def __init__(self, refuses_time=False):
        self.error = None
        self.refuses_time = refuses_time  # with that error
        self.ahead_s = 0
        self.events = []

    def __call__(self, connection, number):
        with connection.makefile("rb") as stream:
            queued = None
            while True:
                words = decode(stream)
                queued = [] if words[0] == "MULTI" else queued
                connection.sendall(self.answer(words, queued).encode())
                queued = None if words[0] == "EXEC" else queued

    def answer(self, words, queued):
        if words[0] in ("CLIENT", "MULTI"):
            return "+OK\r\n"
        if words[0] == "TIME" and not (self.error and self.refuses_time):
            return f"*2\r\n$10\r\n{int(time.time()) + self.ahead_s}\r\n$1\r\n0\r\n"
        if words[0] == "EXEC":
            return "-EXECABORT\r\n" if self.error else f"*{len(queued)}\r\n" + ":0\r\n" * len(queued)
        if self.error:
            return f"-{self.error}\r\n"
        if words[0].startswith("EVAL"):
            return "$1\r\nx\r\n"  # somebody else reports for the fleet
        if words[0] == "XADD":
            self.events.append(dict(zip(words[6::2], words[7::2])))
            return "$3\r\n1-1\r\n"
        if queued is None:
            return ":1\r\n"
        queued.append(words)
        return "+QUEUED\r\n"


class FakeNames(Service):
    """
    A name server on 127.0.0.1.  ADDRESSES: what every name is (IPv4); None: never an answer;
    empty: no such name.
    """

    def __init__(self, directory, addresses):
        super().__init__()
        self.addresses = addresses
        self.asked = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.file = directory / "resolv.conf"
        self.file.write_text("nameserver 127.0.0.1:%d\n" % self.socket.getsockname()[1])
        self.env = {"TEPLO_TEST_RESOLV_CONF": str(self.file)}
        self.start(self.serve)

    def serve(self):
        while not self.is_over:
            query, peer = self.socket.recvfrom(2048)
            self.asked += 1
            if query and self.addresses is not None:
                self.socket.sendto(self.answer(query), peer)

    def answer(self, query):
        end = query.index(b"\0", 12) + 5
        is_v4 = query[end - 4 : end - 2] == b"\0\1"
        addresses = self.addresses if is_v4 else []
        code = 3 if not self.addresses else 0
        head = query[:2] + bytes([0x81, 0x80 | code]) + b"\0\1" + len(addresses).to_bytes(2, "big") + b"\0\0\0\0"
        records = b"".join(
            b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(address) for address in addresses
        )
        return head + query[12:end] + records


def hold(seconds, condition, what):
    """CONDITION stays true for SECONDS."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition(), what
        time.sleep(0.02)


__all__ = [
    "Driver", "FakeNames", "FakeRedis", "IS_SANITIZED", "Obedient", "PREFIX", "answer_all", "hold",
]  # fmt: skip
