# SPDX-License-Identifier: MIT
"""Sockets that somebody else bound and keeps: as systemd does, played by an activator of ours."""

import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import threading

import pytest

from harness import Client, Program, wait_until
from harness import places
from harness.broker import LogLine, sanitizer_options

RESTARTS = int(os.environ.get("TEPLO_RESTARTS", "15"))

# The parent binds; this moves the sockets to 3, 4 ... and becomes teplod, under its own pid.
ACTIVATE = """
import os, sys
fds, names, command = eval(sys.argv[1]), sys.argv[2], sys.argv[3:]
high = [os.dup(fd) for fd in fds]
import fcntl
high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in fds]
for number, fd in enumerate(high):
    os.dup2(fd, 3 + number, inheritable=True)
os.environ["LISTEN_FDS"] = str(len(fds))
os.environ["LISTEN_PID"] = str(os.getpid())
if names:
    os.environ["LISTEN_FDNAMES"] = names
os.execv(command[0], command)
"""


class Activator:
    """Binds sockets in the broker's runtime directory, and starts brokers on them."""

    def __init__(self, broker, names, bound=("teplo", "admin")):
        self.broker = broker
        self.names = names
        self.sockets = []
        for name in bound:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(broker.runtime / f"{name}.sock"))
            listener.listen(4096)
            self.sockets.append(listener)

    def start(self, env=None):
        fds = [listener.fileno() for listener in self.sockets]
        command = [places.TEPLOD, "--runtime-dir", str(self.broker.runtime)] + self.broker.arguments
        self.broker.program = Program(
            ["python3", "-c", ACTIVATE, repr(fds), self.names] + command,
            env={**sanitizer_options(), "TEPLO_RUNTIME_DIR": "", **(env or {})},
            pass_fds=fds,
            cwd=self.broker.directory,
            parse=LogLine,
        )

    def close(self):
        for listener in self.sockets:
            listener.close()


@pytest.fixture
def stopped(start_broker, raw):
    """A broker that has stopped again: its configuration, directory and upstream are there."""
    broker = start_broker({"raw": raw.url})
    broker.stop()
    return broker


@pytest.mark.parametrize("names", ["teplo:admin", "teplo.socket:teplo.socket", ""])
def test_sockets_are_found_by_name_or_by_path(stopped, names):
    activator = Activator(stopped, names)
    inodes = [os.stat(stopped.socket_path()).st_ino, os.stat(stopped.runtime / "admin.sock").st_ino]
    with Client(stopped.socket_path()) as early:  # before there is any broker
        call = early.start_call("echo")
        activator.start()
        assert early.wait(call)["content"]
    assert stopped.admin("teplo/pools")["pools"]
    assert stopped.client(pool="raw").text("echo") == "echo"  # bound by the broker itself
    stopped.stop()
    assert inodes == [
        os.stat(stopped.socket_path()).st_ino,
        os.stat(stopped.runtime / "admin.sock").st_ino,
    ], "what is not ours is not removed"
    assert not stopped.socket_path("raw").exists()
    with Client(stopped.socket_path()):  # nor shut down
        activator.close()


def test_a_pools_own_socket_is_taken_too(stopped):
    activator = Activator(stopped, "admin:raw:teplo", ("admin", "raw", "teplo"))
    activator.start()
    assert stopped.client(pool="raw").text("echo") == "echo"
    assert stopped.client().text("echo") == "echo"
    stopped.stop()
    assert stat.S_ISSOCK(os.stat(stopped.socket_path("raw")).st_mode)
    activator.close()


def test_what_cannot_be_used_is_said_and_left(stopped):
    activator = Activator(stopped, "teplo:admin:stranger:datagrams", ("teplo", "admin", "elsewhere"))
    activator.sockets.append(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    activator.start()
    assert stopped.client().text("echo") == "echo"
    stopped.wait_log("socket_refused", name="datagrams")
    stopped.wait_log("socket_unused", name="stranger")
    assert (stopped.runtime / "elsewhere.sock").exists()
    stopped.stop()
    activator.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
def test_g7_a_socket_that_is_open_to_all_takes_no_orders(stopped):
    activator = Activator(stopped, "teplo:admin")
    for path in (stopped.directory, stopped.runtime, stopped.runtime / "admin.sock"):
        os.chmod(path, 0o777 if path.suffix else 0o755)
    activator.start()
    commands = list(stopped.admin("teplo/help"))
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setuid(65534)
        with Client(stopped.runtime / "admin.sock", "bare") as client:
            codes = {client.wait_error(client.start(command)).code for command in commands}
        os.write(writing, repr(codes).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == "{-31005}"
    os.waitpid(pid, 0)
    assert len(commands) > 10 and stopped.client().text("echo") == "echo"
    stopped.stop()
    activator.close()


@pytest.mark.parametrize("fds", ["1", "-1", "x", "99999999999999999999", "2000"])
def test_variables_meant_for_another_process_are_ignored(start_broker, raw, fds):
    env = {"LISTEN_PID": "1", "LISTEN_FDS": fds, "LISTEN_FDNAMES": "teplo", "TEPLO_UPGRADE": "1,2"}
    broker = start_broker({"raw": raw.url}, env=env)
    assert broker.client().text("echo") == "echo"
    environment = pathlib.Path(f"/proc/{broker.pid}/environ")
    assert environment.exists()


class Knocker:
    """Connects again and again; remembers each refusal."""

    def __init__(self, path):
        self.path = str(path)
        self.refusals = []
        self.connects = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping.is_set():
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
                try:
                    knock.connect(self.path)
                    self.connects += 1
                except OSError as refusal:
                    self.refusals.append(refusal)
            self.stopping.wait(0.001)

    def stop(self):
        self.stopping.set()
        self.thread.join()


def test_c7_restarts_refuse_nobody(stopped):
    activator = Activator(stopped, "teplo:admin")
    knockers = [Knocker(stopped.socket_path()) for _ in range(3)]
    answered = 0
    for restart in range(RESTARTS):
        activator.start()
        with Client(stopped.socket_path()) as client:
            request = client.start_call("echo")
            wait_until(lambda: client.find_answer(request) or client.lines.ended, "an answer")
            answered += client.find_answer(request) is not None
        stopped.signal(signal.SIGTERM if restart % 2 else signal.SIGKILL)
        assert stopped.program.wait() in (0, -signal.SIGKILL)
    for knocker in knockers:
        knocker.stop()
        assert knocker.connects > RESTARTS and knocker.refusals == []
    assert answered == RESTARTS
    activator.close()
    stopped.expects_clean_end = False


# The service manager is told.


class Manager:
    """The other end of $NOTIFY_SOCKET."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(10)

    def next(self, what):
        while True:
            said = self.socket.recv(4096).decode()
            if what in said:
                return said


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.socket.close()


def test_c15_the_watchdog_is_fed_by_the_loop_alone(start_broker, raw, manager):
    env = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "300000"}
    broker = start_broker({"raw": raw.url}, env=env)
    manager.next("READY=1")
    for _ in range(3):
        manager.next("WATCHDOG=1")
    broker.signal(signal.SIGSTOP)
    manager.socket.settimeout(1.5)
    with pytest.raises(TimeoutError):
        while True:
            manager.next("WATCHDOG=1")
    broker.signal(signal.SIGCONT)
    broker.wait_log("watchdog_missed")
    manager.next("WATCHDOG=1")
    manager.socket.settimeout(10)
    broker.stop()
    manager.next("STOPPING=1")


def test_c15_a_watchdog_for_another_process_is_not_fed(start_broker, raw, manager):
    env = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "30000", "WATCHDOG_PID": "1"}
    broker = start_broker({"raw": raw.url}, env=env)
    broker.client().call("echo")
    broker.stop()
    said = manager.next("STOPPING=1")
    assert "WATCHDOG" not in said


@pytest.mark.parametrize(
    "place", ["/nowhere/at/all", "/proc/version", "@teplo-nobody-listens", "relative", "", "/" + "x" * 200]
)
def test_c17_a_manager_that_cannot_be_reached_does_no_harm(start_broker, raw, place):
    broker = start_broker({"raw": raw.url}, env={"NOTIFY_SOCKET": place, "WATCHDOG_USEC": "20000"})
    assert broker.client().text("echo") == "echo"
    broker.write_config({"mcpServers": {"raw": {"url": raw.url}}})
    broker.signal(signal.SIGHUP)
    broker.wait_log("reloaded")
    broker.stop()


def test_c17_an_abstract_notify_socket_is_told(start_broker, raw):
    name = f"teplo-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        manager.settimeout(10)
        start_broker({"raw": raw.url}, env={"NOTIFY_SOCKET": "@" + name})
        assert manager.recv(100) == b"READY=1"


# The units that are installed.

ANALYZE = shutil.which("systemd-analyze")


@pytest.fixture
def units(tmp_path):
    """The service, as the build writes it, and the socket."""
    source = places.REPO / "deploy" / "systemd"
    service = (source / "teplo.service.in").read_text().replace("@TEPLOD@", places.TEPLOD)
    (tmp_path / "teplo.service").write_text(service)
    (tmp_path / "teplo.socket").write_text((source / "teplo.socket").read_text())
    return tmp_path


@pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze")
def test_the_units_are_valid(units):
    command = [ANALYZE, "verify", "--man=no", str(units / "teplo.service"), str(units / "teplo.socket")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze")
def test_g6_the_service_is_confined(units):
    command = [ANALYZE, "security", "--offline=true", "--threshold=15", str(units / "teplo.service")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-200:]
