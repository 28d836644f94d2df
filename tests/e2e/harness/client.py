# SPDX-License-Identifier: MIT
"""A client on the broker's socket, close to the bytes: newline-delimited JSON, no SDK."""

import itertools
import json
import socket
import threading

from .waiting import Journal, Overdue, PATIENCE

MODERN = "2026-07-28"
LATEST_LEGACY = "2025-11-25"
META = "io.modelcontextprotocol/"


class RpcError(Exception):
    """The answer was a JSON-RPC error."""

    def __init__(self, error):
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.code = error.get("code")
        self.message = error.get("message")
        self.data = error.get("data") or {}

    @property
    def teplo(self):
        """error.data.teplo: what the broker knows about the outcome."""
        return self.data.get("teplo") or {}

    @property
    def outcome(self):
        return self.teplo.get("outcome")


class Line:
    def __init__(self, raw):
        self.raw = raw
        self.message = json.loads(raw)

    def __str__(self):
        return self.raw.decode("utf-8", "replace")


class Client:
    """
    ERA: "legacy" (initialize first), "modern" (an envelope in every request) or "bare" (nothing
    is added).  CONNECT: makes the connected socket.  Reads in a thread of its own; all methods may
    be used from any thread.
    """

    def __init__(
        self,
        path,
        era="modern",
        greet=True,
        version=None,
        name="harness",
        pool=None,
        read=True,
        connect=None,
    ):
        self.era = era
        self.version = version or (MODERN if era == "modern" else LATEST_LEGACY)
        self.name = name
        self.pool = pool
        self.ids = itertools.count(1)
        self.lines = Journal()
        self.last_sent = None
        self.sending = threading.Lock()
        self.socket = (connect or connect_to)(path)
        self.reader = None
        if read:
            self.start_reading()
        self.greeting = None
        if era == "legacy" and greet:
            self.greeting = self.greet()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Bytes.

    def start_reading(self):
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            with self.socket.makefile("rb") as stream:
                for raw in stream:
                    self.lines.add(Line(raw.rstrip(b"\r\n")))
        except (OSError, ValueError) as error:
            self.read_error = error
        finally:
            self.lines.end()

    def send_raw(self, data):
        with self.sending:
            self.socket.sendall(data)

    def send(self, message):
        self.last_sent = json.dumps(message, ensure_ascii=False).encode()
        self.send_raw(self.last_sent + b"\n")

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if self.reader and self.reader is not threading.current_thread():
            self.reader.join(PATIENCE)
        self.socket.close()

    def wait_end(self, seconds=None):
        """Until the broker has closed the connection."""
        try:
            self.lines.wait(lambda line: False, "end of the connection", seconds)
        except Overdue:
            if not self.lines.ended:
                raise

    # Messages.

    def greet(self, seconds=None):
        params = {
            "protocolVersion": self.version,
            "capabilities": {},
            "clientInfo": {"name": self.name, "version": "0"},
        }
        if self.pool:
            params["_meta"] = {"dev.teplo/pool": self.pool}
        result = self.request("initialize", params, seconds=seconds)
        self.notify("notifications/initialized")
        return result

    def envelope(self, params, meta=None):
        """PARAMS as a request of this era carries them."""
        params = dict(params or {})
        added = dict(params.get("_meta") or {})
        if self.era == "modern":
            added = {
                META + "protocolVersion": self.version,
                META + "clientCapabilities": {},
                META + "clientInfo": {"name": self.name, "version": "0"},
                **added,
            }
            if self.pool:
                added["dev.teplo/pool"] = self.pool
        added.update(meta or {})
        if added:
            params["_meta"] = added
        return params

    def start(self, method, params=None, request_id=None, meta=None):
        """Send a request without waiting; its id."""
        request_id = next(self.ids) if request_id is None else request_id
        message = {"jsonrpc": "2.0", "id": request_id, "method": method}
        params = self.envelope(params, meta) if self.era != "bare" else params
        if params or self.era == "modern":
            message["params"] = params
        self.send(message)
        return request_id

    def start_call(self, tool, arguments=None, request_id=None, meta=None):
        params = {"name": tool}
        if arguments is not None:
            params["arguments"] = arguments
        return self.start("tools/call", params, request_id, meta)

    def notify(self, method, params=None):
        message = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message["params"] = params
        self.send(message)

    def cancel(self, request_id, reason="no longer wanted"):
        self.notify("notifications/cancelled", {"requestId": request_id, "reason": reason})

    # Answers.

    def find_answer(self, request_id):
        return self.lines.find(lambda line: is_answer(line.message, request_id))

    def wait_line(self, request_id, seconds=None):
        return self.lines.wait(
            lambda line: is_answer(line.message, request_id), f"answer to {request_id!r}", seconds
        )

    def wait(self, request_id, seconds=None):
        """The result; RpcError if the answer is an error."""
        message = self.wait_line(request_id, seconds).message
        if "error" in message:
            raise RpcError(message["error"])
        return message["result"]

    def wait_error(self, request_id, seconds=None):
        message = self.wait_line(request_id, seconds).message
        assert "error" in message, message
        return RpcError(message["error"])

    def wait_notification(self, method, seconds=None, since=0, where=lambda params: True):
        def is_wanted(line):
            message = line.message
            return message.get("method") == method and where(message.get("params") or {})

        return self.lines.wait(is_wanted, f"notification {method}", seconds, since).message

    def notifications(self, method=None):
        messages = [line.message for line in self.lines.items]
        return [m for m in messages if "method" in m and method in (None, m["method"])]

    def answers(self, request_id):
        return [line for line in self.lines.items if is_answer(line.message, request_id)]

    def request(self, method, params=None, seconds=None, meta=None):
        return self.wait(self.start(method, params, meta=meta), seconds)

    def call(self, tool, arguments=None, seconds=None, meta=None):
        return self.wait(self.start_call(tool, arguments, meta=meta), seconds)

    def text(self, tool, arguments=None, seconds=None):
        """The text of the result's only block."""
        result = self.call(tool, arguments, seconds)
        assert not result.get("isError"), result
        return result["content"][0]["text"]

    def call_error(self, tool, arguments=None, seconds=None):
        return self.wait_error(self.start_call(tool, arguments), seconds)

    def exchange_raw(self, line, request_id, seconds=None):
        """Send these bytes as one line; the bytes of the answer with that id."""
        self.send_raw(line + b"\n")
        return self.wait_line(request_id, seconds).raw


def connect_to(path):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(PATIENCE)
    connection.connect(str(path))
    connection.settimeout(None)
    return connection


def is_answer(message, request_id):
    if not isinstance(message, dict) or "method" in message or "id" not in message:
        return False
    found = message["id"]
    return type(found) is type(request_id) and found == request_id
