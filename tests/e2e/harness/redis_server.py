# SPDX-License-Identifier: MIT
"""A real redis-server in a directory of its own, and a client of fifty lines."""

import pathlib
import shutil
import signal
import socket
import tempfile

from .program import Program
from .upstream import free_port
from .waiting import PATIENCE, wait_until


class RedisError(Exception):
    pass


class RedisServer:
    def __init__(self, *arguments):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tr-", dir="/tmp"))
        self.arguments = list(arguments)
        self.port = free_port()
        self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        command = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.run(*command, "--dir", self.directory, *self.arguments)

    def run(self, *command):
        self.program = Program(list(command))
        wait_until(self.is_ready, "redis-server answers")

    def is_ready(self):
        try:
            return self("PING") == "PONG"
        except OSError:
            return False

    def __call__(self, *words):
        """One command, e.g. redis("HGETALL", key)."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            connection.sendall(encode(words))
            with connection.makefile("rb") as stream:
                return decode(stream)

    def row(self, key):
        """A hash as a dict."""
        flat = self("HGETALL", key)
        return dict(zip(flat[::2], flat[1::2]))

    def events(self, key):
        """The entries of a stream, each as a dict."""
        return [dict(zip(fields[::2], fields[1::2])) for _, fields in self("XRANGE", key, "-", "+")]

    def keys(self, pattern="*"):
        return sorted(self("KEYS", pattern))

    def freeze(self):
        self.program.signal(signal.SIGSTOP)

    def thaw(self):
        self.program.signal(signal.SIGCONT)

    def kill(self):
        self.program.kill()

    def done(self):
        if self.program.running():
            self.thaw()
            self.program.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


def encode(words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        word = str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


def decode(stream):
    line = stream.readline().rstrip(b"\r\n")
    kind, rest = line[:1], line[1:].decode("utf-8", "replace")
    if kind == b"+":
        return rest
    if kind == b"-":
        raise RedisError(rest)
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == "-1" else stream.read(int(rest) + 2)[:-2].decode("utf-8", "replace")
    if kind == b"*":
        return None if rest == "-1" else [decode(stream) for _ in range(int(rest))]
    raise OSError(f"not RESP: {line!r}")
