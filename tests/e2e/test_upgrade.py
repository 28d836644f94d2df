# SPDX-License-Identifier: MIT
"""SIGUSR2: the program on the disk takes over, and nobody notices."""

import json
import os
import pathlib
import shutil
import signal
import socket
import threading
import time
import uuid

import pytest

from harness import Client, Dynasty, RpcError, wait_until
from harness import places
from harness.program import Program

UPGRADES = int(os.environ.get("TEPLO_UPGRADES", "8"))
pytestmark = pytest.mark.usefixtures("orphans_are_ours")


def kernel_inode(path):
    """Of the socket itself, not of its name."""
    for line in pathlib.Path("/proc/net/unix").read_text().splitlines():
        words = line.split()
        if words[-1] == str(path) and words[5] == "01":  # listening
            return words[6]
    raise AssertionError(f"nobody listens at {path}")


def test_the_successor_serves_on_the_same_socket(dynasty, broker):
    old = broker.client()
    assert old.text("echo") == "echo"
    inodes = [kernel_inode(broker.socket_path(pool)) for pool in (None, "raw", "admin")]
    dynasty.upgrade()
    old.wait_end()
    assert broker.client().text("echo") == "echo"
    assert broker.client(pool="raw").text("echo") == "echo"
    assert broker.admin("teplo/stats")["pid"] == dynasty.pid
    assert dynasty.wait_end(dynasty.pids[0]) == 0
    assert inodes == [kernel_inode(broker.socket_path(pool)) for pool in (None, "raw", "admin")]


def test_the_last_of_them_removes_the_sockets(dynasty, broker):
    dynasty.upgrade()
    assert dynasty.wait_end(dynasty.pids[0]) == 0
    assert broker.socket_path().exists()
    os.kill(dynasty.pid, signal.SIGTERM)
    assert dynasty.wait_end(dynasty.pid) == 0
    assert not broker.socket_path().exists() and not (broker.runtime / "admin.sock").exists()


def test_calls_in_flight_end_where_they_began(dynasty, broker, raw):
    client = broker.client()
    call = client.start_call("hold", {"key": "k"}, meta={"dev.teplo/call": str(uuid.uuid4())})
    raw.wait_requests(1, "tools/call")
    dynasty.upgrade()
    with pytest.raises(OSError):  # it certainly was not read
        client.start_call("counter", {"key": "late"})
    other = broker.client()
    assert other.text("echo") == "echo"
    raw.release("k")
    assert client.wait(call)["content"][0]["text"] == "released k"
    client.wait_end()
    assert dynasty.wait_end(dynasty.pids[0]) == 0
    assert "late" not in raw.report().counters


def test_the_successor_knows_the_calls_of_its_predecessor(dynasty, broker, raw):
    client = broker.client()
    name = str(uuid.uuid4())
    call = client.start_call("hold", {"key": "k"}, meta={"dev.teplo/call": name})
    raw.wait_requests(1, "tools/call")
    dynasty.upgrade()

    def asked():
        return broker.admin("teplo/outcome", {"call": name})["outcome"]

    assert asked() == "pending"
    raw.release("k")
    client.wait(call)
    assert asked() == "executed"
    assert dynasty.wait_end(dynasty.pids[0]) == 0
    assert asked() == "executed"
    dynasty.upgrade()
    assert asked() == "executed"


def write_all_it_takes(client, most):
    """Requests until the socket is full: how many were written whole."""
    client.socket.settimeout(0.2)
    for number in range(most):
        call = client.envelope({"name": "counter", "arguments": {"key": "burst"}})
        line = json.dumps({"jsonrpc": "2.0", "id": 1000 + number, "method": "tools/call", "params": call})
        data = line.encode() + b"\n"
        try:
            if client.socket.send(data) < len(data):
                return number
        except TimeoutError:
            return number
    return most


@pytest.mark.parametrize("limit", [4, 10000])
def test_what_was_written_before_is_answered(start_broker, raw, cleanup, limit):
    """More than is read at once, while the old one is stopped and the new one becomes ready."""
    options = {"max_inflight_per_client": limit}
    broker = start_broker({"raw": raw.url}, options, {"queue_max": 100000})
    dynasty = cleanup.maker(Dynasty)(broker)
    client = broker.client()
    assert client.text("echo") == "echo"
    since = broker.log_position()
    os.kill(dynasty.pid, signal.SIGUSR2)
    broker.wait_log("upgrading", since=since)
    os.kill(dynasty.pid, signal.SIGSTOP)
    try:
        written = write_all_it_takes(client, 2000)
        # The successor is ready, and waits for clients of its own.
        wait_until(lambda: "serving" in [line.get("event") for line in broker.log()[since:]], "it serves")
    finally:
        os.kill(dynasty.pid, signal.SIGCONT)
    line = broker.wait_log("handing_over", since=since)
    dynasty.pids.append(int(line["to"]))
    assert written > 20
    for number in range(written):
        assert client.wait(1000 + number)["content"]
    client.wait_end()
    assert raw.report().counters["burst"] == written
    assert dynasty.wait_end(dynasty.pids[0]) == 0


def test_half_a_message_is_nobodys_request(dynasty, broker, raw):
    client = broker.client()
    assert client.text("counter", {"key": "k"}) == "1"
    request = client.envelope({"name": "counter", "arguments": {"key": "k"}})
    line = json.dumps({"jsonrpc": "2.0", "id": 77, "method": "tools/call", "params": request})
    client.send_raw(line[:30].encode())
    dynasty.upgrade()
    with pytest.raises(OSError):
        client.send_raw(line[30:].encode() + b"\n")
    client.wait_end()
    assert len(client.lines.items) == 1
    assert raw.report().counters["k"] == 1


def test_a_listen_does_not_hold_it_back(dynasty, broker):
    client = broker.client()
    client.start("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    assert client.text("echo") == "echo"
    dynasty.upgrade()
    client.wait_end()
    assert dynasty.wait_end(dynasty.pids[0]) == 0


# When it does not work.


def test_a_successor_that_cannot_start_changes_nothing(dynasty, broker):
    client = broker.client()
    assert client.text("echo") == "echo"
    good = broker.config_path.read_text()
    broker.write_config("{ nonsense")
    os.kill(broker.pid, signal.SIGUSR2)
    line = broker.wait_log("upgrade_failed", level="error")
    assert "status 78" in line["why"]
    assert client.text("echo") == "echo"
    assert broker.client(pool="raw").text("echo") == "echo"
    broker.write_config(good)
    dynasty.upgrade()
    assert broker.client().text("echo") == "echo"


@pytest.fixture
def replaceable(start_broker, raw, tmp_path):
    """A broker, and the file that is its program on the disk."""
    program = tmp_path / "teplod"
    shutil.copy(places.TEPLOD, program)
    before, places.TEPLOD = places.TEPLOD, str(program)
    try:
        return start_broker({"raw": raw.url}), program
    finally:
        places.TEPLOD = before


def replace_by_one_that_does_nothing(program):
    program.unlink()
    program.write_text("#!/bin/sh\nexec sleep 1000\n")
    program.chmod(0o755)


def put_back(program):
    program.unlink()
    shutil.copy(places.TEPLOD, program)


def test_a_successor_that_never_becomes_ready_is_given_up(replaceable, cleanup):
    broker, program = replaceable
    client = broker.client()
    replace_by_one_that_does_nothing(program)
    os.kill(broker.pid, signal.SIGUSR2)
    line = broker.wait_log("upgrading")
    os.kill(broker.pid, signal.SIGUSR2)
    broker.wait_log("upgrade_ignored")
    assert client.text("echo") == "echo"
    broker.wait_log("upgrade_failed", seconds=20)
    with pytest.raises(ProcessLookupError):
        os.kill(int(line["pid"]), 0)
    assert client.text("echo") == "echo"
    # And once the right one is back, it works.
    put_back(program)
    dynasty = cleanup.maker(Dynasty)(broker)
    dynasty.upgrade()
    assert broker.client().text("echo") == "echo"


def test_nothing_is_reloaded_while_a_successor_starts(replaceable):
    """It may have read the configuration already: it would serve the old one after a good reload."""
    broker, program = replaceable
    replace_by_one_that_does_nothing(program)
    os.kill(broker.pid, signal.SIGUSR2)
    line = broker.wait_log("upgrading")
    with pytest.raises(RpcError) as refused:
        broker.admin("teplo/reload")
    assert "an upgrade is under way; try again" in refused.value.message
    os.kill(broker.pid, signal.SIGHUP)
    assert "an upgrade is under way" in broker.wait_log("reload_failed")["why"]
    os.kill(int(line["pid"]), signal.SIGKILL)
    broker.wait_log("upgrade_failed")
    broker.admin("teplo/reload")
    broker.wait_log("reloaded")


def test_a_successor_is_not_killed_because_its_predecessor_stood_still(dynasty, broker):
    """Its time is up when the predecessor looks again, but it has said that it serves."""
    since = broker.log_position()
    os.kill(broker.pid, signal.SIGUSR2)
    broker.wait_log("upgrading", since=since)
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: "serving" in [line.get("event") for line in broker.log()[since:]], "it serves")
        time.sleep(10.2)  # longer than a successor has
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    line = broker.wait_log("handing_over", since=since)
    dynasty.pids.append(int(line["to"]))
    assert broker.client().text("echo") == "echo"
    assert dynasty.wait_end(dynasty.pids[0]) == 0


def test_a_third_generation_waits_for_the_first(dynasty, broker, raw):
    client = broker.client()
    call = client.start_call("hold", {"key": "k"})
    raw.wait_requests(1, "tools/call")
    dynasty.upgrade()
    os.kill(dynasty.pid, signal.SIGUSR2)
    broker.wait_log("upgrade_failed")
    assert "still draining" in broker.program.output()
    assert broker.client().text("echo") == "echo"
    raw.release("k")
    client.wait(call)
    assert dynasty.wait_end(dynasty.pids[0]) == 0
    dynasty.upgrade()
    assert broker.client().text("echo") == "echo"


def test_a_successor_that_dies_is_replaced_while_the_first_drains(dynasty, broker, raw, cleanup):
    client = broker.client()
    call = client.start_call("hold", {"key": "k"})
    raw.wait_requests(1, "tools/call")
    dynasty.upgrade()
    os.kill(dynasty.pid, signal.SIGKILL)
    dynasty.ended.add(dynasty.pid)
    wait_until(lambda: refuses(broker.socket_path()), "the successor is dead")
    third = Program([places.TEPLOD, "--config", broker.config_path, "--runtime-dir", broker.runtime])
    third.done = third.kill
    cleanup.things.append(third)
    wait_until(lambda: not refuses(broker.socket_path()), "the third one serves")
    assert broker.admin("teplo/stats")["pid"] == third.pid
    assert broker.client().text("echo") == "echo"
    raw.release("k")
    assert client.wait(call)["content"][0]["text"] == "released k"
    assert dynasty.wait_end(dynasty.pids[0]) == 0
    assert broker.client().text("echo") == "echo"
    assert third.stop() == 0, third.output()


def refuses(path):
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) != 0


def test_sigusr2_while_it_drains_is_ignored(broker, raw):
    client = broker.client()
    call = client.start_call("hold", {"key": "k"})
    raw.wait_requests(1, "tools/call")
    broker.signal(signal.SIGTERM)
    broker.wait_log("draining")
    broker.signal(signal.SIGUSR2)
    broker.wait_log("upgrade_ignored")
    raw.release("k")
    client.wait(call)
    assert broker.program.wait() == 0


def test_sigterm_during_an_upgrade_stops_it(broker):
    broker.signal(signal.SIGUSR2)
    broker.signal(signal.SIGTERM)
    assert broker.program.child.wait(20) == 0
    lines = [line for line in broker.log("handing_over")]
    if lines:  # it served already: its own SIGTERM is for it
        os.kill(int(lines[0]["to"]), signal.SIGTERM)
    assert broker.program.wait() == 0


def test_the_manager_is_told_the_new_pid(start_broker, raw, tmp_path, cleanup):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        broker = start_broker({"raw": raw.url}, env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert manager.recv(100) == b"READY=1"
        dynasty = cleanup.maker(Dynasty)(broker)
        dynasty.upgrade()
        said = [manager.recv(200).decode() for _ in range(3)]
        assert said[0].startswith("RELOADING=1\nMONOTONIC_USEC=")
        assert f"MAINPID={dynasty.pid}\nREADY=1" in said
        assert dynasty.wait_end(dynasty.pids[0]) == 0
        manager.settimeout(0.2)
        with pytest.raises(TimeoutError):
            assert "STOPPING" not in manager.recv(200).decode()


def open_files(pid):
    found = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{number}"))
        except OSError:
            pass  # closed meanwhile
    return found


def count_sockets(pid):
    return sum(name.startswith("socket:") for name in open_files(pid))


def test_nothing_else_is_inherited(dynasty, broker):
    """Of the connections to servers and clients, and of the ledger's lock, the child has none."""
    fresh = wait_until(lambda: broker.admin("teplo/clients")["clients"] == [] and count_sockets(broker.pid), "")
    client = broker.client()
    assert client.text("echo") == "echo"
    assert count_sockets(broker.pid) > fresh
    dynasty.upgrade()
    wait_until(lambda: count_sockets(dynasty.pid) <= fresh, "it has what a new one has")
    files = open_files(dynasty.pid)
    assert not any(name.endswith("ledger.0") for name in files), files
    assert sum(name.endswith("ledger.1") for name in files) == 1


# Under load.


class Caller:
    """Calls all the time, and connects anew when the broker has closed the connection."""

    def __init__(self, broker, depth):
        self.broker = broker
        self.depth = depth
        self.failures = []
        self.answers = 0
        self.unsent = 0
        self.connections = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping.is_set():
            try:
                client = Client(self.broker.socket_path())
            except OSError as failure:
                self.failures.append(f"connect: {failure!r}")
                return
            self.connections += 1
            with client:
                self.talk(client)

    def talk(self, client):
        while not client.lines.ended and not self.stopping.is_set():
            written = []
            for _ in range(self.depth):
                try:
                    written.append(client.start_call("counter", {"key": "load"}))
                except OSError:
                    self.unsent += 1
            for call in written:
                wait_until(lambda: client.find_answer(call) or client.lines.ended, "an answer")
                self.judge(client, call)
            client.lines.items.clear()

    def judge(self, client, call):
        line = client.find_answer(call)
        if line is None:
            self.failures.append("a request that was written was not answered")
        elif "result" not in line.message:
            self.failures.append(line.raw)
        else:
            self.answers += 1

    def stop(self):
        self.stopping.set()
        self.thread.join(30)
        assert not self.thread.is_alive()


def test_c6_upgrades_under_load_lose_nothing(dynasty, broker, raw):
    inode = kernel_inode(broker.socket_path())
    name = os.stat(broker.socket_path()).st_ino
    callers = [Caller(broker, depth) for depth in (1, 1, 4, 16)]
    for _ in range(UPGRADES):
        dynasty.upgrade()
        assert dynasty.wait_end(dynasty.pids[-2]) == 0
        answers = [caller.answers for caller in callers]
        wait_until(
            lambda: all(c.failures or c.answers > n for c, n in zip(callers, answers)),
            "the new one answers everybody",
        )
    for caller in callers:
        caller.stop()
    assert [caller.failures for caller in callers] == [[], [], [], []]
    assert raw.report().counters["load"] == sum(caller.answers for caller in callers)
    assert all(caller.connections > UPGRADES for caller in callers)
    assert kernel_inode(broker.socket_path()) == inode
    assert os.stat(broker.socket_path()).st_ino == name


def test_teploctl_works_across_an_upgrade(dynasty, broker):
    dynasty.upgrade()
    done = broker.ctl("call", "echo", "a=1", "--json")
    assert done.returncode == 0, done.stderr
