# SPDX-License-Identifier: MIT
"""Clients that hold connections and ask for nothing: cut, and others get in."""

import socket
import time

from stand import places, wait_until


def test_slow_clients_are_cut(shared):
    """A byte now and then keeps no connection: eleven seconds are all it has."""
    with socket.create_connection(("127.0.0.1", shared.port), 5) as slow:
        started = time.monotonic()
        slow.settimeout(0.5)
        wait_until(lambda: is_cut(slow), "a client that never ends its request is cut", 14 * places.SLOWNESS)
        assert time.monotonic() - started > 5


def is_cut(connection):
    try:
        connection.sendall(b"G")
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_many_connections_leave_room(shared):
    """All doors are held by clients who say nothing; others still get in, soon."""
    silent = [socket.create_connection(("127.0.0.1", shared.port), 10) for _ in range(150)]
    try:
        assert shared.get("/healthz")[0] == 200
        assert shared.open_files() < 150
    finally:
        for connection in silent:
            connection.close()
