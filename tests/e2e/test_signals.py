# SPDX-License-Identifier: MIT
"""Signals in any order, a process that stood still, and what lies where a socket shall be."""

import ctypes
import os
import pathlib
import random
import signal
import socket
import stat
import subprocess
import time

import pytest

from harness import Client, make_config, wait_until
from harness import places

PR_SET_CHILD_SUBREAPER = 36
NO_UPGRADE = ("upgrade_failed", "upgrade_ignored", "upgrade_ended")
SEQUENCES = int(os.environ.get("TEPLO_SIGNAL_SEQUENCES", "30"))


def test_c3_sigterm_lets_a_long_call_end(broker, raw):
    client = broker.client()
    call = client.start_call("hold", {"key": "long"})
    raw.wait_requests(1, "tools/call")
    broker.signal(signal.SIGTERM)
    broker.wait_log("draining")
    assert client.call_error("echo").outcome == "not_executed"
    with pytest.raises(OSError):
        Client(broker.socket_path())
    raw.release("long")
    assert client.wait(call)["content"][0]["text"] == "released long"
    assert broker.program.wait() == 0


def test_c4_sigquit_tells_each_call_and_ends(broker, raw):
    client = broker.client()
    call = client.start_call("silent")
    raw.wait_requests(1, "tools/call")
    broker.signal(signal.SIGQUIT)
    error = client.wait_error(call)
    assert (error.outcome, error.teplo["reason"]) == ("unknown", "drain_deadline")
    assert broker.program.wait() == 0


def test_c4_signals_of_no_concern_do_no_harm(broker):
    client = broker.client()
    for number in (signal.SIGUSR1, signal.SIGPIPE, signal.SIGCHLD, signal.SIGWINCH, signal.SIGURG):
        broker.signal(number)
    assert client.text("echo") == "echo"


@pytest.fixture
def adopt_orphans():
    """A successor whose predecessor has ended becomes our child: its exit status is for us."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    yield
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0)


class Line:
    """A broker and whoever replaces it: signals go to the one that the manager takes for the main one."""

    def __init__(self, broker):
        self.broker = broker
        self.pids = [broker.pid]

    def follow(self):
        """Whether the main one has changed."""
        heirs = [int(line["to"]) for line in self.broker.log("handing_over") if int(line["from"]) == self.pids[-1]]
        self.pids += heirs
        return bool(heirs)

    def send(self, number):
        self.follow()
        try:
            os.kill(self.pids[-1], number)
        except ProcessLookupError:
            pass  # it has ended meanwhile

    def upgrade(self):
        """Until another one serves, or it is clear that none will."""
        since = self.broker.log_position()
        self.send(signal.SIGUSR2)
        wait_until(lambda: self.follow() or self.is_over() or self.has_refused(since), "it is replaced, or not")

    def has_refused(self, since):
        return any(line.get("event") in NO_UPGRADE for line in self.broker.log()[since:])

    def is_over(self):
        try:
            stat = pathlib.Path(f"/proc/{self.pids[-1]}/stat").read_text()
        except OSError:
            return True
        return stat.rpartition(")")[2].split()[0] in "ZX"

    def end(self):
        """The exit statuses of all that served; nobody else is left then."""
        statuses = []
        reader = self.broker.program.reader
        while len(statuses) < len(self.pids):
            self.send(signal.SIGTERM)
            statuses.append(self.wait(self.pids[len(statuses)]))
            wait_until(
                lambda: self.follow() or len(statuses) < len(self.pids) or not reader.is_alive(),
                "there is another one, or nobody has the output open any more",
            )
        return statuses

    def wait(self, pid):
        if pid == self.broker.pid:
            return self.broker.program.child.wait(20)
        reaped = wait_until(lambda: self.reap(pid), f"{pid} ends", 20)
        return os.waitstatus_to_exitcode(reaped[0])

    @staticmethod
    def reap(pid):
        try:
            found, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return None  # not ours yet: its parent has not ended
        return [status] if found else None


def play(start_broker, raw, chance):
    """One broker, some calls, and signals as chance has them: it ends by itself, and well."""
    broker = start_broker({"raw": raw.url}, options={"drain_timeout": "300ms"})
    line = Line(broker)
    client = broker.client()
    calls = [client.start_call(tool) for tool in chance.choices(["echo", "silent", "cut"], k=3)]
    numbers = [signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2]
    sequence = chance.choices(numbers, k=chance.randrange(1, 6))
    for number in sequence:
        if number == signal.SIGUSR2 and chance.random() < 0.5:
            line.upgrade()
        else:
            line.send(number)
        if chance.random() < 0.5:
            time.sleep(chance.random() / 20)  # the moment is what is left to chance
    statuses = line.end()
    assert not any(statuses), f"{sequence}: {statuses}\n{broker.program.output()}"
    assert not broker.complaints(), broker.program.output()
    client.wait_end()
    for call in calls:
        answer = client.find_answer(call)
        # Sent but not read by a broker that was told to stop at once: the end alone tells of it.
        if answer is not None and "error" in answer.message:
            assert answer.message["error"]["data"]["teplo"]["outcome"] in ("not_executed", "unknown")
    return len(statuses)


@pytest.mark.usefixtures("adopt_orphans")
def test_c4_random_signals_end_in_order(start_broker, raw):
    seed = int(os.environ.get("TEPLO_SEED", random.randrange(1 << 30)))
    print(f"TEPLO_SEED={seed}")
    served = [play(start_broker, raw, random.Random(seed + number)) for number in range(SEQUENCES)]
    print(f"brokers in each line: {served}")


def test_c5_a_reload_of_anything_keeps_the_calls(broker, raw, tmp_path):
    client = broker.client()
    call = client.start_call("hold", {"key": "kept"})
    raw.wait_requests(1, "tools/call")
    good = make_config({"raw": raw.url})
    huge = "/*" + " " * (10 << 20) + "*/" + broker.config_path.read_text()
    for content in ("", "{", "[]", "null", huge, "\0" * 100, '{"mcpServers": {}}x'):
        since = broker.log_position()
        broker.write_config(content)
        broker.signal(signal.SIGHUP)
        wait_until(
            lambda: [line for line in broker.program.lines.items[since:] if line.get("event", "").startswith("reload")],
            "the reload is told of",
        )
    broker.config_path.unlink()
    since = broker.log_position()
    broker.signal(signal.SIGHUP)
    broker.wait_log("reload_failed", since=since)
    broker.config_path.mkdir()
    since = broker.log_position()
    broker.signal(signal.SIGHUP)
    broker.wait_log("reload_failed", since=since)
    broker.config_path.rmdir()
    assert client.text("echo") == "echo"
    since = broker.log_position()
    broker.write_config(good)
    broker.signal(signal.SIGHUP)
    broker.wait_log("reloaded", since=since)
    raw.release("kept")
    assert client.wait(call)["content"][0]["text"] == "released kept"
    assert raw.report().count("initialize") == 1


def test_c5_a_queue_of_a_removed_server_is_not_executed(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={"pool_size": 1, "max_inflight_per_session": 1})
    client = broker.client()
    held = client.start_call("hold", {"key": "h"})
    raw.wait_requests(1, "tools/call")
    queued = client.start_call("counter", {"key": "queued"})
    broker.wait_pool(lambda row: row["waiting"] == 1, "it waits")
    broker.write_config(make_config({"other": raw.url}))
    broker.signal(signal.SIGHUP)
    broker.wait_log("reloaded")
    assert client.wait_error(queued).outcome == "not_executed"
    raw.release("h")
    client.wait(held)
    assert "queued" not in raw.report().counters


# What lies there already.


def start_over(broker):
    """Start on the directory as it is: the exit status, or None if it serves."""
    broker.start(ready=False)
    if wait_until(lambda: not broker.program.running() or broker.is_ready_or_dead(), "up or down"):
        return None if broker.program.running() else broker.program.wait()
    return None


@pytest.mark.parametrize("what", ["stale", "file", "directory", "symlink", "fifo"])
def test_c8_what_lies_at_the_sockets_path(start_broker, raw, what):
    broker = start_broker({"raw": raw.url})
    broker.stop()
    path = broker.socket_path()
    if what == "stale":
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
    elif what == "file":
        path.write_text("precious")
    elif what == "directory":
        path.mkdir()
    elif what == "symlink":
        path.symlink_to("/etc/passwd")
    else:
        os.mkfifo(path)
    before = None if what == "stale" else os.lstat(path).st_ino
    status = start_over(broker)
    if what == "stale":
        assert status is None and broker.client().text("echo") == "echo"
        return
    broker.expects_clean_end = False
    assert status == 1
    assert str(path) in broker.program.output()
    assert os.lstat(path).st_ino == before, "what is no socket is left alone"


def test_c8_a_directory_that_everybody_may_write_to_is_refused(start_broker, raw):
    broker = start_broker({"raw": raw.url})
    broker.stop()
    broker.runtime.chmod(0o777)
    broker.expects_clean_end = False
    assert start_over(broker) == 1
    assert "everybody may write" in broker.program.output()


def test_c8_a_second_broker_in_the_same_directory_is_refused(broker):
    command = [places.TEPLOD, "--runtime-dir", str(broker.runtime), "--config", str(broker.config_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "another teplod" in done.stderr
    assert broker.client().text("echo") == "echo"
    assert stat.S_ISSOCK(os.stat(broker.socket_path()).st_mode)


# Standing still.


def test_c9_a_stop_of_three_seconds_is_noticed(broker, raw):
    client = broker.client()
    assert client.text("echo") == "echo"
    call = client.start_call("hold", {"key": "k"})
    raw.wait_requests(2, "tools/call")
    busy = raw.report().count("ping")
    broker.signal(signal.SIGSTOP)
    raw.release("k")
    time.sleep(3)  # the length of the stop is the point
    broker.signal(signal.SIGCONT)
    line = broker.wait_log("clock_leap")
    assert int(line["late_ms"]) >= 2000
    assert client.wait(call)["content"][0]["text"] == "released k"
    assert client.text("echo") == "echo"
    assert raw.report().count("initialize") == 1
    assert busy == 0


def test_c9_idle_sessions_are_checked_after_a_stop(broker, raw):
    client = broker.client()
    assert client.text("echo") == "echo"
    broker.signal(signal.SIGSTOP)
    time.sleep(3)  # the length of the stop is the point
    broker.signal(signal.SIGCONT)
    broker.wait_log("clock_leap")
    raw.wait_requests(1, "ping")
    assert client.text("echo") == "echo"
    assert raw.report().count("initialize") == 1


def test_c9_a_deadline_is_not_moved_by_a_stop(broker, raw):
    client = broker.client()
    call = client.start_call("silent", meta={"dev.teplo/deadlineMs": 500})
    raw.wait_requests(1, "tools/call")
    broker.signal(signal.SIGSTOP)
    time.sleep(1)  # longer than the deadline
    broker.signal(signal.SIGCONT)
    assert client.wait_error(call, 5).outcome == "unknown"


# The log.


def test_c13_a_log_that_nobody_reads_stalls_no_call(start_broker, raw):
    """Its pipe is full and stays so: lines are dropped, calls go on, and later that is said."""
    broker = start_broker({"raw": raw.url})
    broker.stop()
    reading, writing = os.pipe()
    fill(writing)
    command = [places.TEPLOD, "--runtime-dir", str(broker.runtime), "--config", str(broker.config_path)]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=writing, stderr=writing)
    os.close(writing)
    try:
        wait_until(lambda: broker.socket_path().exists(), "it serves")
        client = broker.client()
        for _ in range(20):
            child.send_signal(signal.SIGHUP)  # a line each, at least
            assert client.text("echo") == "echo"
        empty(reading)
        child.send_signal(signal.SIGHUP)
        wait_until(lambda: "event=log_dropped lines=" in empty(reading), "it is said")
        client.close()
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
    finally:
        child.kill()
        child.wait()
        os.close(reading)


def fill(pipe):
    os.set_blocking(pipe, False)
    try:
        while True:
            os.write(pipe, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(pipe, True)


def empty(pipe):
    """All that is in it now."""
    os.set_blocking(pipe, False)
    said = b""
    try:
        while True:
            said += os.read(pipe, 65536)
    except BlockingIOError:
        return said.decode("utf-8", "replace")
