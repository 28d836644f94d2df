#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""System calls (and allocations) of a real teplod fail in turn, in a scripted short life.

Whatever fails, teplod must not crash, must answer every call of a client that is connected by its
deadline, must not say "not executed" of what ran, must run nothing twice, and must end when it is
told to.  libfault.so makes the calls fail.

  syscall_faults.py --teplod FILE --libfault FILE [--points N] [--seed N] [--workers N]
  syscall_faults.py ... --point recv:ECONNRESET:17:1     that one only, with its output
  syscall_faults.py ... --memory                         malloc too

Our own allocations fail in test_out_of_memory.c; --memory makes those of the libraries fail as
well, which libcurl 7.88 does not always survive: it divides by zero (SIGFPE) when it has run out
of memory for what it remembers of a socket, and is used on.
"""

import argparse
import collections
import concurrent.futures
import errno
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))

from harness import RawServer, make_config  # noqa: E402
from harness.broker import SANITIZER_WORDS, sanitizer_options  # noqa: E402
from harness.places import SLOWNESS  # noqa: E402

# What each call may plausibly fail with; "short" is a call that moves one byte.
NET = "ECONNRESET ENOMEM"
ERRORS = {
    "read": f"short EINTR EAGAIN EIO {NET}",
    "recv": f"short EINTR EAGAIN ETIMEDOUT {NET}",
    "write": "short EINTR EAGAIN EPIPE ENOSPC EIO",
    "send": f"short EINTR EAGAIN EPIPE ENOBUFS {NET}",
    "sendto": f"short EINTR EAGAIN EPIPE ENOBUFS {NET}",
    "sendmsg": "EINTR EAGAIN EPIPE ENOBUFS",
    "readv": "EINTR EAGAIN ECONNRESET",
    "writev": "EINTR EAGAIN EPIPE",
    "epoll_create1": "EMFILE ENOMEM",
    "epoll_ctl": "ENOMEM ENOSPC",
    "epoll_wait": "EINTR",
    "poll": "EINTR ENOMEM",
    "timerfd_create": "EMFILE ENOMEM",
    "timerfd_settime": "EINVAL",
    "eventfd": "EMFILE",
    "pipe2": "EMFILE",
    "socket": "EMFILE ENFILE ENOBUFS EACCES",
    "socketpair": "EMFILE",
    "connect": "ECONNREFUSED ETIMEDOUT ENETUNREACH EADDRNOTAVAIL EINTR EACCES",
    "bind": "EADDRINUSE EACCES ENOSPC",
    "listen": "EADDRINUSE",
    "accept4": "EMFILE ENFILE ENOMEM ECONNABORTED EINTR EPROTO",
    "getsockopt": "ENOBUFS",
    "setsockopt": "ENOPROTOOPT",
    "getsockname": "ENOBUFS",
    "getpeername": "ENOTCONN",
    "getrandom": "EINTR ENOSYS",
    "flock": "EWOULDBLOCK ENOLCK",
    "mkdir": "EACCES ENOSPC",
    "unlink": "EACCES",
    "lstat": "EACCES",
    "stat": "EACCES",
    "setrlimit": "EPERM",
    "gethostname": "ENAMETOOLONG",
    "open": "ENOENT EACCES EMFILE EIO",
    "malloc": "ENOMEM",
}
STORM = 12  # calls in a row that fail, for who tries again at once
CALL_SECONDS = 1.0
POOL = {
    "pool_size": 2,
    "queue_timeout": "1s",
    "call_timeout": "1s",
    "call_timeout_max": "1s",
    "init_timeout": "500ms",
    "connect_timeout": "500ms",
    "check_timeout": "500ms",
    "cancel_grace": "500ms",
    "backoff_min": "10ms",
    "backoff_max": "50ms",
}
OPTIONS = {"drain_timeout": "1s", "slow_client_timeout": "1s", "log_level": "warn"}
# Queue and call each within their second, then what a machine with other work to do adds.
PATIENCE = (2 * CALL_SECONDS + 1.5) * SLOWNESS
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "faults", "version": "0"},
}


class Trouble(Exception):
    """The promise was broken."""


class Gone(Exception):
    """The broker hung up, which it may."""


class Wire:
    """One connection, blocking, a line at a time."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.connect(str(path))
        except OSError as error:
            self.socket.close()
            raise Gone(str(error)) from None
        self.stream = self.socket.makefile("rb")
        self.last = 0

    def send(self, message):
        try:
            self.socket.sendall(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        except OSError as error:
            raise Gone(str(error)) from None

    def ask(self, method, params=None, modern=True):
        self.last += 1
        params = {**(params or {}), "_meta": META} if modern else params or {}
        self.send({"id": self.last, "method": method, "params": params})
        return self.wait(self.last, method)

    def wait(self, wanted, what):
        deadline = time.monotonic() + PATIENCE
        while True:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                line = self.stream.readline()
            except TimeoutError:
                raise Trouble(f"{what} was not answered within {PATIENCE} s") from None
            except OSError as error:
                raise Gone(str(error)) from None
            if not line.endswith(b"\n"):
                raise Gone("end of the stream")
            message = json.loads(line)
            if message.get("id") == wanted and "method" not in message:
                return message

    def close(self):
        self.stream.close()
        self.socket.close()


class Life:
    """One teplod with one fault: what its clients were told, by key."""

    def __init__(self, setup, fault, number):
        self.setup = setup
        self.fault = fault
        self.number = number
        self.told = {}
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tf-", dir="/tmp"))
        self.output = self.directory / "output"

    def run(self):
        """What is wrong, or None."""
        try:
            self.start()
            try:
                self.live()
            finally:
                self.end()
        except Trouble as trouble:
            return f"{self.name()}: {trouble}\n{self.output.read_text(errors='replace')[-2000:]}"
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)
        return None

    def name(self):
        return ",".join(":".join(str(word) for word in fault) for fault in self.fault)

    def start(self):
        words = [
            f"{call}:{0 if error == 'short' else getattr(errno, error)}:{first}:{count}"
            for call, error, first, count in self.fault
        ]
        environment = {
            **os.environ,
            **sanitizer_options(),
            "TEPLO_RUNTIME_DIR": "",
            "LD_PRELOAD": self.setup.libfault,
            "TEPLO_FAULT": ",".join(words),
            "TEPLO_FAULT_COUNTS": str(self.directory / "counts"),
        }
        environment["ASAN_OPTIONS"] += ":verify_asan_link_order=0"
        (self.directory / "run").mkdir(mode=0o700)
        with open(self.output, "wb") as output:
            self.child = subprocess.Popen(
                [self.setup.teplod, "--config", self.setup.config, "--runtime-dir", self.directory / "run"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment,
            )  # fmt: skip

    def wait_ready(self):
        """False: it has ended instead."""
        deadline = time.monotonic() + PATIENCE
        while self.child.poll() is None:
            try:
                Wire(self.directory / "run" / "teplo.sock").close()
                return True
            except Gone:
                time.sleep(0.002)
            if time.monotonic() > deadline:
                raise Trouble("neither serves nor ends")
        return False

    def live(self):
        if not self.wait_ready():
            return
        with Visit(self) as visit:
            visit.count("a")
            visit.wire.ask("tools/list")
            visit.count("b", pad="x" * 20000)
            visit.hold_and_cancel()
        with Visit(self) as visit:
            visit.greet()
            visit.count("c", modern=False)
        with Visit(self, "admin.sock") as visit:
            visit.wire.ask("teplo/pools", modern=False)
        self.child.send_signal(signal.SIGHUP)
        with Visit(self) as visit:
            visit.count("d", tool="cut")
            visit.count("e")
        with Visit(self) as visit:
            visit.count("f")

    def end(self):
        """Whatever happened: a clean end, in time."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            status = self.child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise Trouble("does not end when it is told to") from None
        said = self.output.read_text(errors="replace")
        if status not in (0, 1, 70, 71, 73, 78) or any(word in said for word in SANITIZER_WORDS):
            raise Trouble(f"ended with status {status}")
        if status and not said and not self.touches("write", "malloc"):
            raise Trouble(f"ended with status {status} without a word")

    def touches(self, *calls):
        return any(fault[0] in calls for fault in self.fault)

    def counts(self):
        lines = (self.directory / "counts").read_text().splitlines()
        return {name: int(count) for name, count in (line.split() for line in lines)}


class Visit:
    """A connection; that the broker ends it is no trouble."""

    def __init__(self, life, name="teplo.sock"):
        self.life = life
        self.name = name
        self.wire = None

    def __enter__(self):
        try:
            self.wire = Wire(self.life.directory / "run" / self.name)
        except Gone:
            self.wire = NoWire()
        return self

    def __exit__(self, kind, *_):
        self.wire.close()
        return kind is Gone

    def greet(self):
        info = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "0"}}
        self.wire.ask("initialize", info, modern=False)
        self.wire.send({"method": "notifications/initialized"})

    def count(self, letter, tool="counter", modern=True, **more):
        key = f"{self.life.number}{letter}"
        self.life.told[key] = "gone"
        answer = self.wire.ask("tools/call", {"name": tool, "arguments": {"key": key, **more}}, modern)
        teplo = ((answer.get("error") or {}).get("data") or {}).get("teplo") or {}
        self.life.told[key] = "result" if "result" in answer else teplo.get("outcome", "error")

    def hold_and_cancel(self):
        arguments = {"name": "hold", "arguments": {"key": f"{self.life.number}h"}, "_meta": META}
        self.wire.send({"id": 99, "method": "tools/call", "params": arguments})
        self.wire.send({"method": "notifications/cancelled", "params": {"requestId": 99}})


class NoWire:
    def ask(self, *_, **__):
        raise Gone("not connected")

    send = ask

    def close(self):
        pass


class Setup:
    def __init__(self, arguments, url):
        self.teplod = arguments.teplod
        self.libfault = arguments.libfault
        self.directory = tempfile.TemporaryDirectory(prefix="tf-", dir="/tmp")
        self.config = pathlib.Path(self.directory.name) / "teplo.json"
        self.config.write_text(json.dumps(make_config({"raw": url}, OPTIONS, POOL)))

    def measure(self):
        """How often each call happens when nothing fails."""
        life = Life(self, [], "measured")
        counts = {}
        original = life.end

        def end():
            original()
            counts.update(life.counts())

        life.end = end
        wrong = life.run()
        assert wrong is None, wrong
        assert set(life.told.values()) == {"result", "unknown"}, life.told
        return counts


def choose_points(counts, most, seed):
    """Every kind of failure of every call that happens, at moments spread over its calls."""
    kinds = [
        (call, error, count)
        for call, errors in ERRORS.items()
        if counts.get(call)
        for error in errors.split()
        for count in (1, STORM)
        if call != "malloc"
    ]
    share = 0.5 if counts.get("malloc") else 0.0
    chance = random.Random(seed)
    each = max(1, int(most * (1 - share) / len(kinds)))
    points = [
        [(call, error, first, count)]
        for call, error, count in kinds
        for first in spread(counts[call], each, chance)
    ]
    for first in spread(counts.get("malloc", 0), int(most * share), chance):
        points.append([("malloc", "ENOMEM", first, chance.choice((1, 1, 3, STORM)))])
    return points


def plan(setup, arguments):
    counts = setup.measure()
    if not arguments.memory:
        counts.pop("malloc", None)
    return choose_points(counts, arguments.points, arguments.seed)


def spread(count, most, chance):
    """At most MOST of range(COUNT): one at random from each of as many parts."""
    if count <= most:
        return range(count)
    edges = [count * part // most for part in range(most + 1)]
    return [chance.randrange(low, high) for low, high in zip(edges, edges[1:])]


def audit(lives, counters):
    """What the server ran against what was told."""
    wrong = []
    for life in lives:
        for key, outcome in life.told.items():
            ran = counters.get(key, 0)
            if ran > 1:
                wrong.append(f"{life.name()}: {key} ran {ran} times ({outcome})")
            elif ran and outcome == "not_executed":
                wrong.append(f"{life.name()}: {key} ran, and was told not executed")
            elif not ran and outcome == "result":
                wrong.append(f"{life.name()}: {key} has a result, and never ran")
    return wrong


def run_all(setup, points, workers):
    lives = [Life(setup, point, number) for number, point in enumerate(points)]
    wrong = []
    lock = threading.Lock()

    def run(life):
        trouble = life.run()
        if trouble:
            with lock:
                wrong.append(trouble)

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(run, lives):
            pass
    return lives, wrong


def parse_point(text):
    faults = []
    for one in text.split(","):
        call, error, first, count = one.split(":")
        faults.append((call, error, int(first), int(count)))
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teplod", required=True)
    parser.add_argument("--libfault", required=True)
    parser.add_argument("--points", type=int, default=int(os.environ.get("TEPLO_FAULT_POINTS", 600)))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--point", type=parse_point)
    parser.add_argument("--memory", action="store_true")
    arguments = parser.parse_args()
    began = time.monotonic()
    raw = RawServer()
    try:
        setup = Setup(arguments, raw.url)
        points = [arguments.point] if arguments.point else plan(setup, arguments)
        lives, wrong = run_all(setup, points, arguments.workers)
        wrong += audit(lives, raw.report().counters)
    finally:
        raw.done()
    for text in wrong:
        print(text)
    outcomes = collections.Counter(outcome for life in lives for outcome in life.told.values())
    if arguments.point:
        print(lives[0].told)
    print(f"{len(points)} faults, {len(wrong)} wrong, {time.monotonic() - began:.1f} s; told: {dict(outcomes)}")
    return 1 if wrong or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
