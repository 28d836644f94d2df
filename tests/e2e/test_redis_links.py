# SPDX-License-Identifier: MIT
"""The connection itself: what it survives, what it is made of, and each refusal of its own kind."""

import ctypes
import os
import socket
import time

import pytest

from harness import LONG_PATIENCE, places, wait_until
from harness.redis_server import decode
from redis_driver import Driver, FakeNames, FakeRedis, Obedient, hold

PIDFD_GETFD = 438
TCP_USER_TIMEOUT = 18


@pytest.fixture
def redis(start_redis):
    return start_redis()


@pytest.fixture
def start_driver(cleanup):
    return cleanup.maker(Driver)


@pytest.fixture
def start_fake(cleanup):
    return cleanup.maker(FakeRedis)


# What is said.


class Refusing(Obedient):
    """Obeys, but for the commands in ERRORS."""

    def __init__(self, **errors):
        super().__init__()
        self.errors = errors

    def answer(self, words, queued):
        error = self.errors.get(words[0])
        if error is not None:
            return f"-{error}\r\n"
        return super().answer(words, queued)


@pytest.mark.parametrize(
    "command, error, code, words",
    [
        ("EXEC", "EXECABORT Transaction discarded because of previous errors.", "EXECABORT", "transaction"),
        ("HSET", "ERR unknown command 'HSET', with args beginning with:", "UNKNOWN", "renamed"),
        ("HSET", "DENIED Redis is running in protected mode", "DENIED", "protected mode"),
        ("MULTI", "NOAUTH Authentication required.", "NOAUTH", "redis.password"),
        ("TIME", "ERR max number of clients reached", "CLIENTS", "maxclients"),
        ("HSET", "NOREPLICAS Not enough good replicas to write.", "NOREPLICAS", "too few replicas"),
        ("HSET", "ERR something new", "OTHER", "something new"),
    ],
)
def test_refusals(start_fake, start_driver, command, error, code, words):
    refusing = Refusing(**{command: error})
    fake = start_fake(refusing)
    driver = start_driver(fake.url)
    lines = wait_until(lambda: driver.log("redis_down") + driver.log("redis_readonly"), "a word")
    assert lines[0]["code"] == code and words in lines[0]["why"], str(lines[0])
    hold(1, lambda: len(driver.log("redis_down") + driver.log("redis_readonly")) == 1, "one word")
    assert fake.accepted <= 2


@pytest.mark.parametrize("when", ["at once", "later"])
def test_denied_before_any_command(start_fake, start_driver, when):
    def deny(connection, number):
        if when == "later":
            connection.recv(65536)
        connection.sendall(b"-DENIED Redis is running in protected mode\r\n")
        connection.shutdown(socket.SHUT_WR)

    driver = start_driver(start_fake(deny).url)
    line = driver.wait_log("redis_down")
    assert line["code"] == "DENIED" and "protected mode" in line["why"]


def test_too_few_replicas(redis, start_driver):
    redis("CONFIG", "SET", "min-replicas-to-write", 1)
    driver = start_driver(redis.url)
    line = driver.wait_log("redis_readonly")
    assert line["code"] == "NOREPLICAS"
    redis("CONFIG", "SET", "min-replicas-to-write", 0)
    driver.wait_log("redis_up", 15 * places.SLOWNESS)


@pytest.mark.slow
def test_a_busy_redis_is_left(start_fake, start_driver):
    obedient = Obedient()
    obedient.error = "BUSY Redis is busy running a script."
    fake = start_fake(obedient)
    driver = start_driver(fake.url)
    begin = time.monotonic()
    fake.wait_accepted(2, LONG_PATIENCE)
    assert 9 < time.monotonic() - begin
    obedient.error = None
    driver.wait_log("redis_up", LONG_PATIENCE)
    assert len(driver.log("redis_down")) == 1


# Late and broken answers.


@pytest.mark.valgrind
def test_answers_that_come_after_all_was_given_up(start_fake, start_driver):
    """Those of the first connection come when the second one is well, and mean nothing."""
    late = []

    def treat(connection, number):
        if number > 0:
            obedient(connection, number)
        with connection.makefile("rb") as stream:
            while True:
                late.append((connection, decode(stream)))

    obedient = Obedient()
    fake = start_fake(treat)
    driver = start_driver(fake.url)
    assert driver.wait_log("redis_down", LONG_PATIENCE)["code"] == "TIMEOUT"
    driver.wait_log("redis_up", LONG_PATIENCE)
    for connection, _ in late:
        try:
            connection.sendall(b"+OK\r\n-READONLY late\r\n*2147483647\r\n")
        except OSError:
            pass
    assert driver.flush()
    hold(1, lambda: driver.state() == "up", "nothing comes of it")
    assert late and len(driver.log("redis_down")) == 1


BROKEN = {
    "half an answer": b"*5\r\n:1\r\n",
    "nesting": b"*1\r\n" * 9 + b":1\r\n",
    "a gigabyte": b"$1073741824\r\nx",
    "a map": b"%2\r\n$1\r\na\r\n:1\r\n",
    "a push": b">2\r\n$7\r\nmessage\r\n$1\r\nx\r\n",
    "a set": b"~1\r\n:1\r\n",
    "a double": b",1.5\r\n",
    "a null": b"_\r\n",
    "a big number": b"(3492890328409238509324850943850943825024385\r\n",
    "a verbatim text": b"=5\r\ntxt:x\r\n",
    "too many answers": b"+OK\r\n" * 600,
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_redis_that_goes_mad(start_fake, start_driver, what):
    """It was well, and then answers a transaction with that, and closes."""

    class Mad(Obedient):
        is_mad = False

        def answer(self, words, queued):
            if self.is_mad and words[0] == "EXEC":
                return BROKEN[what].decode()
            return super().answer(words, queued)

    mad = Mad()
    fake = start_fake(mad)
    driver = start_driver(fake.url)
    assert driver.flush()
    mad.is_mad = True
    line = driver.wait_log("redis_down", LONG_PATIENCE)
    assert line["code"] in ("PROTOCOL", "TIMEOUT"), str(line)
    assert driver.state() == "down"
    if what == "nesting":
        since = driver.position()
        mad.is_mad = False
        driver.wait_log("redis_up", LONG_PATIENCE, since)


# What it is made of.


def socket_of(driver, port):
    """The driver's own socket to PORT, as a duplicate."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(driver.program.pid)
    try:
        for name in os.listdir(f"/proc/{driver.program.pid}/fd"):
            if not os.readlink(f"/proc/{driver.program.pid}/fd/{name}").startswith("socket:"):
                continue
            candidate = socket.socket(fileno=libc.syscall(PIDFD_GETFD, pidfd, int(name), 0))
            if candidate.family == socket.AF_INET and candidate.getpeername()[1] == port:
                return candidate
            candidate.close()
    finally:
        os.close(pidfd)
    return None


def test_a_peer_that_vanishes_is_noticed(redis, start_driver):
    driver = start_driver(redis.url)
    assert driver.flush()
    with socket_of(driver, redis.port) as connection:
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert connection.getsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT) == 10000
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_another_redis_behind_the_same_path(start_redis, start_driver, tmp_path):
    first = start_redis("--unixsocket", tmp_path / "first")
    path = tmp_path / "redis.sock"
    os.rename(tmp_path / "first", path)
    driver = start_driver(f"unix://{path}?db=3")
    assert driver.flush()
    second = start_redis("--unixsocket", tmp_path / "second")
    os.rename(tmp_path / "second", path)
    # A socket that is taken away breaks no connection.
    assert driver.flush() and driver.state() == "up"
    first.kill()
    wait_until(lambda: driver.flush(), "a flush", LONG_PATIENCE)
    assert second("CONFIG", "GET", "databases") and "db3" in second("INFO", "keyspace")


# Names.


class LateNames(FakeNames):
    """Answers after SECONDS."""

    def __init__(self, directory, addresses, seconds):
        self.seconds = seconds
        super().__init__(directory, addresses)

    def answer(self, query):
        time.sleep(self.seconds)
        return super().answer(query)


def test_a_name_server_that_is_slow(cleanup, tmp_path, redis, start_driver):
    names = cleanup.maker(LateNames)(tmp_path, ["127.0.0.1"], 0.7)
    driver = start_driver(f"redis://redis.example:{redis.port}", env=names.env)
    driver.reset_gap()
    driver.wait_log("redis_up", LONG_PATIENCE)
    driver.check_gap()


def test_etc_hosts_needs_no_name_server(cleanup, tmp_path, redis, start_driver):
    names = cleanup.maker(FakeNames)(tmp_path, None)
    driver = start_driver(f"redis://localhost:{redis.port}", env=names.env)
    assert driver.flush() and names.asked == 0
