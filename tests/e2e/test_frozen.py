# SPDX-License-Identifier: MIT
"""Servers that neither answer nor go away: each call is answered by its deadline, whatever it is."""

import contextlib
import select
import selectors
import signal
import socket
import threading

import pytest

from harness import places, wait_until
from harness.scripted import ScriptedServer
from load_clients import Caller, Load, check_honest

DEADLINE_MS = 500
LATE_SECONDS = 0.05 * places.SLOWNESS
CALLERS, WINDOW = 4, 4
META = {"dev.teplo/deadlineMs": DEADLINE_MS}
POOL = {"pool_size": 2, "cancel_grace": "100ms"}


@pytest.fixture
def scripted(cleanup):
    return cleanup.maker(ScriptedServer)()


def callers(broker, total=WINDOW, **arguments):
    return [Caller(broker.socket_path(), WINDOW, total, META, **arguments) for _ in range(CALLERS)]


def check_deadlines(told):
    late = [one.seconds for one in told if one.seconds > DEADLINE_MS / 1000 + LATE_SECONDS]
    assert not late, f"{len(late)} of {len(told)} answers were late, up to {max(late):.3f} s"


def warm(broker):
    """Sessions and connections are there before the trouble begins."""
    Load(callers(broker)).wait()


@contextlib.contextmanager
def stopped(server):
    server.program.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.program.signal(signal.SIGCONT)


def test_a24_calls_to_a_frozen_server_end_by_their_deadline(start_broker, scripted):
    broker = start_broker({"scripted": scripted.url}, pool=POOL)
    warm(broker)
    with stopped(scripted):
        told = Load(callers(broker, total=2 * WINDOW)).wait()
    check_deadlines(told)
    assert {one.outcome for one in told} <= {"unknown", "not_executed"}
    wait_until(lambda: broker.client().call("call", {"u": 1}), "it serves again")
    check_honest(told, scripted.ledger())


def test_a24_a_freeze_shorter_than_the_deadline_costs_nothing(start_broker, scripted):
    broker = start_broker({"scripted": scripted.url}, pool=POOL)
    warm(broker)
    with stopped(scripted):
        load = Load([Caller(broker.socket_path(), WINDOW, WINDOW) for _ in range(CALLERS)])
        wait_until(lambda: is_full(broker.pool()), "all are there")
    outcomes = check_honest(load.wait(), scripted.ledger())
    assert outcomes == {"result": CALLERS * WINDOW}


def is_full(row):
    return row["inflight"] + row["waiting"] == CALLERS * WINDOW


def test_a_server_frozen_before_the_first_call(start_broker, scripted):
    """It accepts connections (the kernel does) and never says a word: nothing was executed."""
    broker = start_broker({"scripted": scripted.url}, pool=POOL)
    with stopped(scripted):
        told = Load(callers(broker)).wait()
    check_deadlines(told)
    assert {one.outcome for one in told} == {"not_executed"}


class Blackhole:
    """Its queue of connections is full: the kernel answers no further SYN."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.port = self.listener.getsockname()[1]
        self.sockets = [self.listener]
        while True:
            one = socket.socket()
            one.setblocking(False)
            self.sockets.append(one)
            with contextlib.suppress(BlockingIOError):
                one.connect(("127.0.0.1", self.port))
            if not select.select([], [one], [], 0.2)[1]:
                return

    def done(self):
        for one in self.sockets:
            one.close()


def test_a02_connections_that_are_never_made(start_broker, cleanup):
    hole = cleanup.maker(Blackhole)()
    pool = {**POOL, "connect_timeout": "200ms"}
    broker = start_broker({"hole": f"http://127.0.0.1:{hole.port}/sse"}, pool=pool)
    told = Load(callers(broker)).wait()
    check_deadlines(told)
    assert {one.outcome for one in told} == {"not_executed"}
    broker.wait_log("session_failed", **{"class": "timeout"})


class Proxy:
    """Forwards to PORT; while it is deaf, it keeps all connections and moves no byte."""

    def __init__(self, port):
        self.target = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/sse"
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.is_deaf = threading.Event()
        self.is_over = threading.Event()
        self.sockets = [self.listener]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.is_over.is_set():
            for key, _ in self.selector.select(0.01):
                if self.is_deaf.is_set():
                    self.is_over.wait(0.01)
                elif key.data is None:
                    self.accept()
                else:
                    self.forward(key.fileobj, key.data)

    def accept(self):
        ends = [self.listener.accept()[0], socket.create_connection(self.target)]
        self.sockets += ends
        for one, other in (ends, ends[::-1]):
            self.selector.register(one, selectors.EVENT_READ, other)

    def forward(self, one, other):
        try:
            data = one.recv(1 << 16)
            other.sendall(data)
        except OSError:
            data = b""
        if not data:
            self.selector.unregister(one)
            with contextlib.suppress(OSError):
                other.shutdown(socket.SHUT_WR)

    def done(self):
        self.is_over.set()
        self.thread.join()
        for one in self.sockets:
            one.close()


def test_half_open_connections(start_broker, scripted, cleanup):
    """The host vanished: connections stand, new ones are made, and nothing comes any more."""
    proxy = cleanup.maker(Proxy)(scripted.port)
    broker = start_broker({"scripted": proxy.url}, pool=POOL)
    warm(broker)
    proxy.is_deaf.set()
    told = Load(callers(broker, total=2 * WINDOW)).wait()
    check_deadlines(told)
    check_honest(told, scripted.ledger())
    proxy.is_deaf.clear()
    wait_until(lambda: broker.client().call("call", {"u": 1}), "it serves again")


def test_b11_a_stream_of_comments_only(start_broker, scripted):
    """A comment proves that the stream lives, not that the call will be answered."""
    broker = start_broker({"scripted": scripted.url}, pool=POOL)
    warm(broker)
    told = Load(callers(broker, fault="flood:2048", ms=100000)).wait()
    check_deadlines(told)
    assert check_honest(told, scripted.ledger()) == {"unknown": CALLERS * WINDOW}


def test_comments_now_and_then_do_not_extend_a_deadline(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool=POOL)
    client = broker.client()
    assert client.text("echo") == "echo"
    over = threading.Event()

    def comment():
        while not over.wait(0.05):
            raw.ctl("send", text=": still here\n\n")

    thread = threading.Thread(target=comment)
    thread.start()
    try:
        told = Load([Caller(broker.socket_path(), 1, 1, META, tool="silent")]).wait()
    finally:
        over.set()
        thread.join()
    check_deadlines(told)
    assert [one.outcome for one in told] == ["unknown"]


def test_a26_an_answer_byte_by_byte(start_broker, scripted):
    """Too slow for its deadline; another session is as fast as ever."""
    broker = start_broker({"scripted": scripted.url}, pool=POOL)
    warm(broker)
    told = Load(callers(broker, fault="drip:1000")).wait()
    check_deadlines(told)
    assert check_honest(told, scripted.ledger()) == {"unknown": CALLERS * WINDOW}
