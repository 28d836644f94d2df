# SPDX-License-Identifier: MIT
"""teploctl connect: a relay of lines that loses none, and knows which side ended."""

import hashlib
import json
import os
import queue
import select
import socket
import subprocess
import threading

import pytest

from fake_broker import FakeBroker
from harness import PATIENCE, wait_until
from teploctl_runner import NO_BROKER, OK, RESULT_LOST, UNKNOWN, command, environment, place, run

MIB = 1 << 20


def pattern(seed, size):
    """Lines of 64 bytes, the last one cut."""
    block = hashlib.sha256(seed.encode()).hexdigest()[:63].encode() + b"\n"
    return (block * (size // len(block) + 1))[:size]


# All bytes but those of a line's end, which are the framing's.
EVERY_BYTE = bytes(byte for byte in range(256) if byte not in b"\r\n")


def read_to_end(sock):
    parts = []
    while part := sock.recv(65536):
        parts.append(part)
    return b"".join(parts)


class OneByOne(FakeBroker):
    """Brokers of one path after the other: each connection is the test's to serve and to end."""

    def __init__(self, place):
        self.taken = queue.Queue()
        self.over = threading.Event()
        super().__init__(place, serve=self.hand_over)

    def hand_over(self, peer):
        self.taken.put(peer)
        self.over.wait()

    def next(self):
        return self.taken.get(timeout=PATIENCE)

    def close(self):
        self.over.set()
        super().close()


def read_request(peer):
    request = json.loads(peer.reader.readline())
    if request["method"] == "teplo/outcome":  # is anybody there?
        peer.send_json({"jsonrpc": "2.0", "id": request["id"], "result": {"outcome": "no_record"}})
        return read_request(peer)
    return request


def request_line(number, size=0):
    return b'{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"x":"%s"}}\n' % (
        json.dumps(number).encode(), b"x" * size)  # fmt: skip


def answer(peer, number):
    peer.send_json({"jsonrpc": "2.0", "id": number, "result": {"content": []}})


class Host:
    """An MCP host that started `teploctl connect`, over pipes or over a socket pair."""

    def __init__(self, place, over, words=()):
        self.over = over
        ours = theirs = None
        if over == "sockets":
            ours, theirs = socket.socketpair()
        self.child = subprocess.Popen(
            command("connect", *words),
            stdin=theirs or subprocess.PIPE,
            stdout=theirs or subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(place),
            bufsize=0,
        )
        if over == "sockets":
            theirs.close()
            self.sock = ours

    def write(self, data):
        if self.over == "sockets":
            self.sock.sendall(data)
        else:
            view = memoryview(data)
            while view:
                view = view[self.child.stdin.write(view) :]

    def read(self, size):
        if self.over == "sockets":
            return self.sock.recv(size)
        return os.read(self.child.stdout.fileno(), size)

    def read_line(self):
        line = b""
        while not line.endswith(b"\n"):
            byte = self.read(1)
            assert byte, line
            line += byte
        return line

    def read_all(self):
        parts = []
        while part := self.read(65536):
            parts.append(part)
        return b"".join(parts)

    def end_of_input(self):
        if self.over == "sockets":
            self.sock.shutdown(socket.SHUT_WR)
        else:
            self.child.stdin.close()

    def finish(self):
        err = self.child.stderr.read().decode()
        status = self.child.wait(PATIENCE)
        self.child.stderr.close()
        if self.over == "sockets":
            self.sock.close()
        else:
            self.child.stdout.close()
            if not self.child.stdin.closed:
                self.child.stdin.close()
        return status, err


@pytest.fixture(params=["pipes", "sockets"])
def over(request):
    return request.param


@pytest.mark.valgrind
def test_bytes_pass_as_they_are_and_input_may_end_first(place, over):
    given = EVERY_BYTE + b"\nno newline at the end"

    def echo_after_the_end(peer):
        peer.send(b"early\n")
        peer.send(read_to_end(peer.sock))

    with FakeBroker(place, serve=echo_after_the_end):
        host = Host(place, over)
        assert host.read(6) == b"early\n"
        host.write(given)
        host.end_of_input()
        assert host.read_all() == given
        assert host.finish() == (OK, "")


def test_ten_mebibytes_each_way_at_once(place, over):
    up, down = pattern("up", 10 * MIB), pattern("down", 10 * MIB)
    got = {}

    def both_ways(peer):
        sender = threading.Thread(target=peer.send, args=(down,))
        sender.start()
        got["up"] = read_to_end(peer.sock)
        sender.join()

    with FakeBroker(place, serve=both_ways):
        host = Host(place, over)
        reader = threading.Thread(target=lambda: got.update(down=host.read_all()))
        reader.start()
        host.write(up)
        host.end_of_input()
        reader.join()
        assert host.finish() == (OK, "")
    assert got["up"] == up and got["down"] == down


def test_a_broker_that_does_not_read_stops_the_host(place):
    """Bounded buffers: what goes in is little; answers still come; then all arrives."""
    may_read = threading.Event()
    up = pattern("up", 10 * MIB)
    got = {}

    def read_late(peer):
        peer.send(b"x" * (MIB - 1) + b"\n")
        may_read.wait()
        got["up"] = read_to_end(peer.sock)

    with FakeBroker(place, serve=read_late):
        host = Host(place, "pipes")
        os.set_blocking(host.child.stdin.fileno(), False)
        sent = 0
        while select.select([], [host.child.stdin], [], 0.5)[1]:
            sent += host.child.stdin.write(up[sent : sent + 65536]) or 0
        assert 0 < sent < 2 * MIB
        answers = b""
        while len(answers) < MIB:
            answers += host.read(65536)
        may_read.set()
        os.set_blocking(host.child.stdin.fileno(), True)
        host.write(up[sent:])
        host.end_of_input()
        assert host.read_all() == b""
        assert host.finish() == (OK, "")
    assert got["up"] == up


def test_a_host_that_does_not_read_stops_the_broker(place, over):
    """What the host does not take stops one direction only."""
    sent = []
    stuck = threading.Event()
    heard = threading.Event()
    down = pattern("down", 10 * MIB)

    def send_much(peer):
        peer.sock.settimeout(0.5)
        while sum(sent) < len(down):
            try:
                # No divisor of a pipe's size: a write must meet one that is partly full.
                sent.append(peer.sock.send(down[sum(sent) : sum(sent) + 50001]))
            except TimeoutError:
                stuck.set()
                peer.sock.settimeout(None)
                assert peer.sock.recv(100) == b"still heard\n"
                heard.set()
        read_to_end(peer.sock)

    with FakeBroker(place, serve=send_much):
        host = Host(place, over)
        assert stuck.wait(PATIENCE)
        assert 0 < sum(sent) < 2 * MIB
        host.write(b"still heard\n")
        assert heard.wait(PATIENCE)
        host.end_of_input()
        assert host.read_all() == down
        assert host.finish() == (OK, "")


def gone(place, over, serve, words=()):
    """A host whose broker serves one connection, then no more."""
    broker = FakeBroker(place)

    def serve_once(peer):
        broker.listener.close()
        os.unlink(broker.path)
        serve(peer)

    broker.serve = serve_once
    return broker, Host(place, over, words)


def test_a_broker_gone_for_good(place, over):
    """What it had is unknown, what it had not did not run, and half an answer is none."""

    def go(peer):
        peer.reader.readline()
        peer.send(b'"first words"\n{"jsonrpc":"2.0","id":1,"resu')

    _, host = gone(place, over, go, ["--timeout", "100ms"])
    host.write(b'{"jsonrpc":"2.0","id":1,"method":"tools/call"}\n')
    assert host.read_line() == b'"first words"\n'
    lost = json.loads(host.read_line())
    host.write(b'{"jsonrpc":"2.0","id":"two","method":"tools/call"}\n')
    host.write(b'{"jsonrpc":"2.0","method":"notifications/cancelled"}\n')
    refused = json.loads(host.read_line())
    host.end_of_input()
    assert host.read_all() == b""
    status, err = host.finish()
    assert (lost["id"], lost["error"]["code"]) == (1, -31010)
    assert lost["error"]["data"]["teplo"]["outcome"] == "unknown"
    assert lost["error"]["data"]["teplo"]["reason"] == "conn_lost"
    assert (refused["id"], refused["error"]["code"]) == ("two", -31003)
    assert refused["error"]["data"]["teplo"]["outcome"] == "not_executed"
    assert status == UNKNOWN and "OUTCOME UNKNOWN: the broker hung up" in err


def test_a_broker_gone_with_input_unread(place):
    """It waits, and is refused once the time is over."""
    _, host = gone(place, "pipes", lambda peer: peer.sock.recv(1), ["--timeout", "10ms"])
    asked = b'{"jsonrpc":"2.0","id":%d,"method":"ping","params":{"x":"' + b"x" * 65536 + b'"}}\n'
    answers = []
    reader = threading.Thread(target=lambda: answers.extend(host.read_all().splitlines()))
    reader.start()
    for number in range(100):
        host.write(asked % number)
    host.end_of_input()
    reader.join()
    status, err = host.finish()
    codes = [json.loads(line)["error"]["code"] for line in answers]
    assert [json.loads(line)["id"] for line in answers] == list(range(100))
    # What was handed over may have been read; all that came later was not.
    assert codes == sorted(codes) and codes.count(-31003) > 50
    assert status in (UNKNOWN, NO_BROKER) and "the broker hung up" in err


def test_no_broker_answers_nothing(place):
    ended = run(place, "connect", stdin=b'{"jsonrpc":"2.0","id":1,"method":"initialize"}\n')
    ended.expect(NO_BROKER, f"{place}/teplo.sock does not exist (start it: teplod --server NAME=URL)")
    assert ended.out == ""


def test_a_host_that_closed_its_end(place):
    def send_much(peer):
        peer.sock.recv(1)
        peer.send((b"x" * 63 + b"\n") * 16384)

    with FakeBroker(place, serve=send_much):
        host = Host(place, "pipes")
        host.child.stdout.close()
        host.write(b"x\n")
        status, err = host.finish()
    assert status == RESULT_LOST and "stdout was closed" in err


@pytest.mark.parametrize("closing", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_descriptors(place, closing):
    """The socket must not become stdin or stdout."""
    got = []

    def note(peer):
        peer.send(b"answer\n")
        got.append(read_to_end(peer.sock))

    with FakeBroker(place, serve=note):
        ended = subprocess.run(
            ["/bin/sh", "-c", f'exec "$@" {closing}', "sh", *command("connect")],
            stdin=subprocess.DEVNULL, capture_output=True, env=environment(place),
            timeout=PATIENCE, check=False)  # fmt: skip
        wait_until(lambda: got, "the broker has read to the end")
    assert got == [b""]
    if ">&-" in closing.split():
        assert ended.returncode == RESULT_LOST
    else:
        assert (ended.returncode, ended.stdout) == (OK, b"answer\n")


@pytest.mark.parametrize("number", [7, "seven", 12345678901234567890123])
def test_half_a_request_is_not_asked(place, number):
    """The next broker gets it, answers it, and that is the end of it."""
    with OneByOne(place) as brokers:
        host = Host(place, "pipes")
        first = brokers.next()
        writer = threading.Thread(target=host.write, args=(request_line(number, 3 * MIB),))
        writer.start()
        assert first.sock.recv(1, socket.MSG_PEEK) == b"{"
        first.sock.shutdown(socket.SHUT_WR)  # noticed at a read, never at a write
        second = brokers.next()
        assert read_request(second)["id"] == number
        writer.join()
        answer(second, number)
        assert json.loads(host.read_line())["id"] == number
        second.close()
        third = brokers.next()
        host.end_of_input()
        read_to_end(third.sock)
        third.close()
        assert host.read_all() == b""
        assert host.finish() == (OK, "")


def cancel_line(number):
    return (b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s}}\n'
            % json.dumps(number).encode())  # fmt: skip


@pytest.mark.parametrize("number", [7, "seven"])
def test_a_cancelled_request_is_not_answered_at_the_end(place, number):
    """Nobody waits for it.  An answer that had left already is passed on."""
    with OneByOne(place) as brokers:
        host = Host(place, "pipes")
        only = brokers.next()
        host.write(request_line(number) + cancel_line(number) + request_line("late"))
        assert [read_request(only)["method"] for _ in range(3)][1] == "notifications/cancelled"
        answer(only, number)
        assert json.loads(host.read_line())["id"] == number
        host.write(cancel_line("late") + request_line("other"))
        assert read_request(only)["params"] == {"requestId": "late"}
        read_request(only)
        answer(only, "other")
        assert json.loads(host.read_line())["id"] == "other"
        host.end_of_input()
        read_to_end(only.sock)
        only.close()
        assert host.read_all() == b""
        assert host.finish() == (OK, "")


def test_half_an_answer_is_not_put_before_another_line(place):
    """A host that has ended its input still gets each answer on a line of its own."""
    with OneByOne(place) as brokers:
        host = Host(place, "pipes")
        only = brokers.next()
        host.write(request_line(1))
        host.end_of_input()
        read_request(only)
        only.send(b'{"jsonrpc":"2.0","id":1,"resu')
        only.close()
        lost = json.loads(host.read_all())
        assert (lost["id"], lost["error"]["code"]) == (1, -31010)
        assert host.finish()[0] == UNKNOWN


def test_a_broker_that_does_not_answer_is_given_nothing(place):
    """After a loss: one that is being killed still lets itself be connected to."""
    with OneByOne(place) as brokers:
        host = Host(place, "pipes")
        brokers.next().close()
        host.write(request_line(1))
        dying = brokers.next()
        assert json.loads(dying.reader.readline())["method"] == "teplo/outcome"
        dying.close()
        full = brokers.next()
        full.send_json({"jsonrpc": "2.0", "id": None, "error": {"code": -31006, "message": "full"}})
        full.close()
        alive = brokers.next()
        assert read_request(alive)["id"] == 1
        answer(alive, 1)
        assert json.loads(host.read_line())["id"] == 1
        host.end_of_input()
        read_to_end(alive.sock)
        alive.close()
        assert host.read_all() == b""
        assert host.finish() == (OK, "")
