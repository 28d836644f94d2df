# SPDX-License-Identifier: MIT
"""Many clients in one thread, each with so many calls out at a time; every call is accounted for.

Each call has a number of its own, which the scripted server writes into its ledger: what clients
were told can be compared with what was executed.
"""

import collections
import itertools
import json
import selectors
import socket
import threading
import time

from harness.scripted import EXEC
from harness.waiting import PATIENCE, wait_until

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "load", "version": "0"},
}
NUMBERS = itertools.count(1_000_000)


class Told:
    """What became of one call."""

    __slots__ = ("number", "sent", "answered", "outcome", "reason", "answers", "lag")

    def __init__(self, number):
        self.number = number
        self.sent = time.monotonic()
        self.answered = None
        self.outcome = None
        self.reason = None
        self.answers = 0
        self.lag = 0.0  # by how much this machine woke a sleeper too late meanwhile

    def take(self, message):
        self.answers += 1
        self.answered = time.monotonic()
        if "result" in message:
            self.outcome = "result"
            return
        teplo = (message["error"].get("data") or {}).get("teplo") or {}
        self.outcome = teplo.get("outcome", "error")
        self.reason = teplo.get("reason")

    @property
    def seconds(self):
        return self.answered - self.sent


class Caller:
    """One connection with WINDOW calls out, TOTAL in all (None: until it is stopped)."""

    def __init__(self, path, window, total=None, meta=None, tool="call", **arguments):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self.window = window
        self.left = total
        self.meta = {**META, **(meta or {})}
        self.tool = tool
        self.arguments = arguments
        self.input = b""
        self.out = {}  # number -> Told
        self.told = []

    def fill(self):
        """Send until the window is full."""
        lines = []
        while len(self.out) < self.window and self.left != 0:
            told = Told(next(NUMBERS))
            self.out[told.number] = told
            self.told.append(told)
            self.left = None if self.left is None else self.left - 1
            params = {"name": self.tool, "arguments": {**self.arguments, "u": told.number}, "_meta": self.meta}
            message = {"jsonrpc": "2.0", "id": told.number, "method": "tools/call", "params": params}
            lines.append(json.dumps(message).encode() + b"\n")
        if lines:
            self.socket.sendall(b"".join(lines))

    def read(self):
        data = self.socket.recv(1 << 16)
        assert data, "the broker hung up"
        *lines, self.input = (self.input + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "id" in message and "method" not in message:
                told = self.out.pop(message["id"])
                told.take(message)

    def is_over(self):
        return not self.out and self.left == 0


class Load:
    """Runs CALLERS in a thread; an exception in it is raised by finish()."""

    def __init__(self, callers):
        self.callers = callers
        self.stopping = False
        self.failure = None
        self.lag = 0.0
        threading.Thread(target=self.watch_lag, daemon=True).start()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            self.loop()
        except BaseException as failure:  # noqa: BLE001 - told by finish()
            self.failure = failure
        for told in self.told():
            told.lag = self.lag

    def watch_lag(self):
        """What a machine with other work adds to every deadline."""
        while self.failure is None and not all(caller.is_over() for caller in self.callers):
            began = time.monotonic()
            time.sleep(0.002)
            self.lag = max(self.lag, time.monotonic() - began - 0.002)

    def loop(self):
        selector = selectors.DefaultSelector()
        for caller in self.callers:
            selector.register(caller.socket, selectors.EVENT_READ, caller)
            caller.fill()
        while not all(caller.is_over() for caller in self.callers):
            for key, _ in selector.select(0.05):
                key.data.read()
                key.data.fill()
            if self.stopping:
                for caller in self.callers:
                    caller.left = 0

    def finish(self, seconds=None):
        """Nothing more is sent; all that is out is answered."""
        self.stopping = True
        return self.wait(seconds)

    def wait(self, seconds=None):
        self.thread.join(PATIENCE * 3 if seconds is None else seconds)
        if self.failure:
            raise self.failure
        out = [number for caller in self.callers for number in caller.out]
        assert not self.thread.is_alive(), f"calls were never answered: {sorted(out)[:20]}"
        for caller in self.callers:
            caller.socket.close()
        return self.told()

    def told(self):
        return [told for caller in self.callers for told in caller.told]

    def wait_result_after(self, moment, seconds=None):
        """The earliest result of a call answered after MOMENT: its Told."""

        def found():
            assert not self.failure, self.failure
            results = [
                told for caller in self.callers for told in list(caller.told)
                if told.outcome == "result" and told.answered > moment
            ]  # fmt: skip
            return min(results, key=lambda told: told.answered, default=None)

        return wait_until(found, "a result", seconds)


def check_honest(told, ledger):
    """The promise, call by call; the outcomes counted."""
    executed = ledger[EXEC]
    for one in told:
        ran = executed[one.number]
        assert one.answers == 1, (one.number, one.answers)
        assert ran <= 1, f"call {one.number} ran {ran} times; told {one.outcome}"
        if one.outcome == "result":
            assert ran == 1, f"call {one.number} has a result and never ran"
        elif one.outcome == "not_executed":
            assert ran == 0, f"call {one.number} ran, and was told not executed"
        else:
            assert one.outcome in ("unknown", "result_lost"), (one.number, one.outcome)
    return collections.Counter(one.outcome for one in told)
