# SPDX-License-Identifier: MIT
"""A connection to a Redis that stays open: with a password, over a Unix socket, for MONITOR."""

import socket

from harness.redis_server import RedisError, decode, encode
from harness.waiting import PATIENCE

__all__ = ["Connection", "RedisError"]


class Connection:
    """PLACE is a port, or the path of a Unix socket."""

    def __init__(self, place, *auth, database=0):
        is_port = isinstance(place, int)
        self.socket = socket.socket(socket.AF_INET if is_port else socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", place) if is_port else str(place))
        self.stream = self.socket.makefile("rb")
        if auth:
            self("AUTH", *auth)
        if database:
            self("SELECT", database)

    def __call__(self, *words):
        self.socket.sendall(encode(words))
        return self.read()

    def read(self):
        return decode(self.stream)

    def row(self, key):
        flat = self("HGETALL", key)
        return dict(zip(flat[::2], flat[1::2]))

    def keys(self, pattern="*"):
        return sorted(self("KEYS", pattern))

    def done(self):
        self.stream.close()
        self.socket.close()
