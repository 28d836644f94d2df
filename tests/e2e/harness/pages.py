# SPDX-License-Identifier: MIT
"""A client of the broker's pages, close to the bytes: a request each connection."""

import socket

from .exposition import OPENMETRICS, TEXT, Exposition
from .waiting import LONG_PATIENCE

PROMETHEUS_ACCEPT = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


class Reply:
    def __init__(self, raw):
        head, separator, self.body = raw.partition(b"\r\n\r\n")
        assert separator, raw
        first, *lines = head.decode("ascii").split("\r\n")
        version, status, self.phrase = first.split(" ", 2)
        assert version == "HTTP/1.1", first
        self.status = int(status)
        self.headers = {}
        for line in lines:
            name, _, value = line.partition(": ")
            assert name.lower() not in self.headers, line
            self.headers[name.lower()] = value
        assert self.headers.get("connection") == "close"

    @property
    def text(self):
        return self.body.decode("utf-8")


class Pages:
    """
    BROKER's pages, by its port or by admin.sock.  The port is the log's: an upgrade keeps it.
    """

    def __init__(self, broker, door="port"):
        self.path = str(broker.runtime / "admin.sock")
        self.port = None
        if door == "port":
            self.port = int(broker.wait_log("http_listening")["port"])

    def connect(self):
        if self.port is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(self.path)
        else:
            connection = socket.create_connection(("127.0.0.1", self.port))
        connection.settimeout(LONG_PATIENCE)
        return connection

    def exchange(self, data, pieces=None):
        """Send DATA, PIECES bytes at a time; the whole reply, b"" if there was none."""
        with self.connect() as connection:
            for at in range(0, len(data), pieces or len(data)):
                connection.sendall(data[at : at + (pieces or len(data))])
            return read_all(connection)

    def get(self, target, method="GET", **headers):
        headers = {"Host": "localhost", **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        reply = Reply(self.exchange(f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode()))
        if method != "HEAD":
            assert int(reply.headers["content-length"]) == len(reply.body)
        return reply

    def scrape(self, is_openmetrics=False):
        reply = self.get("/metrics", Accept=PROMETHEUS_ACCEPT if is_openmetrics else "*/*")
        assert reply.status == 200, reply.text
        assert reply.headers["content-type"] == (OPENMETRICS if is_openmetrics else TEXT)
        return Exposition(reply.text, is_openmetrics)


def read_all(connection):
    data = b""
    while True:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece
