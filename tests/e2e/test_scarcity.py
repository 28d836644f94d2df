# SPDX-License-Identifier: MIT
"""No descriptors, no memory, and a Redis that is worse than none: calls go on, or are refused."""

import os
import pathlib
import resource
import socket
import threading
import time

import pytest

from harness import places, wait_until
from harness.scripted import ScriptedServer
from load_clients import Caller, Load, check_honest

MIB = 1 << 20


@pytest.fixture
def scripted(cleanup):
    return cleanup.maker(ScriptedServer)()


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_bytes(broker):
    for line in pathlib.Path(f"/proc/{broker.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


# C10: descriptors.


def connect_until_refused(broker, count):
    """So many connections; the kernel queues those that are not accepted."""
    sockets = []
    for _ in range(count):
        one = socket.socket(socket.AF_UNIX)
        one.connect(str(broker.socket_path()))
        sockets.append(one)
    return sockets


def test_c10_without_descriptors_it_neither_spins_nor_stays_deaf(start_broker, scripted):
    broker = start_broker({"scripted": scripted.url})
    early = broker.client()
    assert early.call("call", {"u": 1})["content"]
    resource.prlimit(broker.pid, resource.RLIMIT_NOFILE, (64, 64))
    crowd = connect_until_refused(broker, 100)
    broker.wait_log("accept_failed")
    used, began = cpu_seconds(broker.pid), time.monotonic()
    threading.Event().wait(2)  # what is measured is the time in which nothing happens
    share = (cpu_seconds(broker.pid) - used) / (time.monotonic() - began)
    print(f"{share * 100:.1f} % of a core without descriptors")
    assert share < 0.05 * places.SLOWNESS
    assert early.call("call", {"u": 2})["content"], "those who are in are served"
    for one in crowd:
        one.close()
    wait_until(lambda: broker.client().call("call", {"u": 3}), "new clients are served again")
    wait_until(lambda: len(broker.admin("teplo/clients")["clients"]) <= len(broker.clients), "the crowd is gone")


def test_c10_without_descriptors_for_the_server(start_broker, scripted):
    """No new session or connection can be opened: not executed, and well again afterwards."""
    broker = start_broker({"scripted": scripted.url}, pool={"queue_timeout": "500ms", "backoff_max": "100ms"})
    client = broker.client()
    limit = resource.prlimit(broker.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(broker.pid, resource.RLIMIT_NOFILE, (1, limit[1]))
    assert client.call_error("call", {"u": 1}).outcome == "not_executed"
    resource.prlimit(broker.pid, resource.RLIMIT_NOFILE, limit)
    wait_until(lambda: is_served(client), "it serves again")
    assert scripted.executed(1) == 0


def is_served(client):
    return "result" in client.wait_line(client.start_call("call", {"u": 2})).message


# C14: memory.


def test_c14_an_address_space_that_is_full(start_broker, scripted):
    """Large calls at once, beyond what the process may have: refused or cut off, never killed."""
    broker = start_broker({"scripted": scripted.url}, pool={"call_timeout": "5s"})
    if broker.is_sanitized() or places.WRAPPER:
        pytest.skip("a sanitizer needs more address space than there is")
    survivor = broker.client()
    assert survivor.call("call", {"u": 1})["content"]
    size = int(pathlib.Path(f"/proc/{broker.pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
    resource.prlimit(broker.pid, resource.RLIMIT_AS, (size + 8 * MIB, resource.RLIM_INFINITY))
    for _ in range(16):
        hungry = socket.socket(socket.AF_UNIX)
        hungry.settimeout(2)
        hungry.connect(str(broker.socket_path()))
        try:
            hungry.sendall(b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"x":"' + b"x" * 3 * MIB)
        except OSError:
            pass
        broker.clients.append(hungry)
    broker.wait_log("client_closed", why="failed")
    assert broker.program.running(), broker.program.output()
    for one in broker.clients[1:]:
        one.close()
    resource.prlimit(broker.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_until(lambda: broker.client().call("call", {"u": 3}), "it serves new clients again")


def test_c14_the_soft_limit_engages_first(start_broker, scripted):
    """Twice what mem_limit allows: new work is refused or waits, memory stays, answers go on."""
    limit = 32 * MIB
    options = {"mem_limit": "32MiB", "max_inflight_per_client": 64, "slow_client_timeout": "2s"}
    broker = start_broker({"scripted": scripted.url}, options=options, pool={"queue_timeout": "3s"})
    polite = broker.client()
    assert polite.call("call", {"u": 1})["content"]
    before = broker.rss_bytes()
    pathlib.Path(f"/proc/{broker.pid}/clear_refs").write_text("5")  # forgets the peak
    pad = "x" * MIB
    load = Load([Caller(broker.socket_path(), 8, 8, ms=50, pad=pad) for _ in range(8)])
    outcomes = check_honest(load.wait(), scripted.ledger())
    grown = peak_bytes(broker) - before
    print(f"{dict(outcomes)}; {grown / MIB:.0f} MiB more at the peak")
    assert outcomes.keys() <= {"result", "not_executed"}
    if not broker.is_sanitized():
        assert grown < 2 * limit
    assert polite.call("call", {"u": 2})["content"]


# C16: Redis.


class FakeRedis:
    """Accepts, reads, and answers every read with what SAY(number) gives; None: nothing."""

    def __init__(self, say):
        self.say = say
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://:secret@127.0.0.1:{self.listener.getsockname()[1]}"
        self.heard = threading.Event()
        self.connections = []
        self.is_over = False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.is_over:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        number = 0
        try:
            while connection.recv(1 << 16):
                self.heard.set()
                text = self.say(number)
                number += 1
                if text is not None:
                    connection.sendall(text)
        except OSError:
            pass

    def done(self):
        self.is_over = True
        for one in [self.listener, *self.connections]:
            one.close()


REDIS = {
    "silent": lambda number: None,
    "garbage": lambda number: os.urandom(4096),
    "http": lambda number: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "no password": lambda number: b"-NOAUTH Authentication required.\r\n" * 50,
    "wrong password": lambda number: b"-WRONGPASS invalid username-password pair\r\n" * 50,
    "512 MiB header": lambda number: b"$536870912\r\n" + b"x" * 65536,
    "a million replies": lambda number: b"*1000000\r\n" + b":1\r\n" * 10000,
    "nested": lambda number: b"*1\r\n" * 10000,
    "flood": lambda number: b"+OK\r\n" * 100000,
}


@pytest.mark.parametrize("kind", REDIS)
def test_c16_a_redis_that_is_worse_than_none(start_broker, scripted, cleanup, kind):
    redis = cleanup.maker(FakeRedis)(REDIS[kind])
    options = {"redis": {"url": redis.url, "tick": "50ms"}}
    broker = start_broker({"scripted": scripted.url}, options=options)
    assert redis.heard.wait(places.SLOWNESS * 10), "it was asked"
    client = broker.client()
    before = broker.rss_bytes()
    slowest = 0.0
    for number in range(300):
        began = time.monotonic()
        assert client.call("call", {"u": number + 1})["content"]
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 0.25 * places.SLOWNESS, "no call waits for Redis"
    if not broker.is_sanitized():
        assert broker.rss_bytes() - before < 8 * MIB
    assert "secret" not in broker.program.output()
    broker.stop()
