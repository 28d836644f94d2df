# SPDX-License-Identifier: MIT
"""Connections of other users: whom the kernel saw connecting, whoever holds the socket later."""

import os
import socket
import subprocess

from .waiting import PATIENCE

CONNECT = """
import socket, sys
connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
connection.connect(sys.argv[1])
with socket.socket(fileno=int(sys.argv[2])) as pipe:
    socket.send_fds(pipe, [b"x"], [connection.fileno()])
"""


def can_be_others():
    return os.geteuid() == 0


def connect_as(path, uid, gid=None, groups=()):
    """A socket that a process of that user connected to PATH, and handed to us."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs:
        subprocess.run(
            ["/usr/bin/python3", "-I", "-S", "-c", CONNECT, str(path), str(theirs.fileno())],
            user=uid,
            group=uid if gid is None else gid,
            extra_groups=list(groups),
            pass_fds=[theirs.fileno()],
            check=True,
            timeout=PATIENCE,
        )
        _, (descriptor,), _, _ = socket.recv_fds(ours, 1, 1)
    return socket.socket(fileno=descriptor)
