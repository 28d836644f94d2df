# SPDX-License-Identifier: MIT
"""teplod in a private runtime directory, its log read as it is written."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile

from . import places
from .client import Client, RpcError
from .program import Program
from .waiting import PATIENCE, Deadline, wait_until

LOG_FIELD = re.compile(r'([A-Za-z0-9_.]+)=("(?:[^"\\]|\\.)*"|\S*)')
SANITIZER_WORDS = ("Sanitizer", "runtime error:", "check_failed", "CHECK")


class LogLine(dict):
    """The fields of a logfmt line; str() is the line itself."""

    def __init__(self, text):
        super().__init__()
        self.text = text
        for name, value in LOG_FIELD.findall(text):
            self[name] = json.loads(value) if is_json_string(value) else value.strip('"')

    def __str__(self):
        return self.text


def is_json_string(value):
    try:
        return value.startswith('"') and isinstance(json.loads(value), str)
    except ValueError:
        return False


class Broker:
    """
    SERVERS: name -> URL, or -> the server's whole object.  OPTIONS: the top "teplo" object.
    POOL: options of every server given by URL.  CONFIG: the whole file instead (a dict, or text).
    """

    def __init__(
        self, servers=None, options=None, pool=None, config=None, arguments=(), env=None, ready=True
    ):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tp-", dir="/tmp"))
        self.runtime = self.directory / "run"
        self.runtime.mkdir(mode=0o700)
        self.config_path = self.directory / "teplo.json"
        self.arguments = [str(word) for word in arguments]
        self.env = env or {}
        self.clients = []
        self.program = None
        self.expects_clean_end = ready
        if config is None and servers is not None:
            config = make_config(servers, options, pool)
        if config is not None:
            self.write_config(config)
            self.arguments = ["--config", str(self.config_path)] + self.arguments
        try:
            self.start(ready)
        except BaseException:
            self.give_up()
            raise

    def write_config(self, config):
        text = config if isinstance(config, str) else json.dumps(config, indent=2)
        partial = self.config_path.with_suffix(".partial")
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, self.config_path)

    def start(self, ready=True):
        command = places.WRAPPER + [places.TEPLOD, "--runtime-dir", str(self.runtime)]
        self.program = Program(
            command + self.arguments,
            env={**sanitizer_options(), "TEPLO_RUNTIME_DIR": "", **self.env},
            cwd=self.directory,
            parse=LogLine,
        )
        if ready:
            wait_until(self.is_ready_or_dead, f"{self.socket_path()} accepts connections")
            assert self.program.running(), f"teplod ended:\n{self.program.output()}"

    def is_ready_or_dead(self):
        if not self.program.running():
            self.program.wait()
            return True
        try:
            for path in (self.runtime / "admin.sock", self.socket_path()):
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                    probe.connect(str(path))
            return True
        except OSError:
            return False

    def socket_path(self, pool=None):
        return self.runtime / (f"{pool}.sock" if pool else "teplo.sock")

    # The clients of the tests.

    def client(self, era="modern", pool=None, meta_pool=None, **keywords):
        """
        A connected client; era "legacy" has done its initialize, unless greet=False.  The pool is
        chosen by its socket (pool) or by its name in _meta (meta_pool).
        """
        client = Client(self.socket_path(pool), era, pool=meta_pool, **keywords)
        self.clients.append(client)
        return client

    def admin(self, method, params=None, seconds=None):
        """The result of an admin method, e.g. admin("teplo/pools")."""
        with Client(self.runtime / "admin.sock", "bare") as client:
            return client.request(method, params, seconds=seconds)

    def ctl(self, *words, stdin=None, seconds=None, env=None):
        """Run teploctl to its end."""
        return subprocess.run(
            [places.TEPLOCTL] + [str(word) for word in words],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=PATIENCE * 3 if seconds is None else seconds,
            env={**os.environ, **sanitizer_options(), "TEPLO_RUNTIME_DIR": str(self.runtime), **(env or {})},
        )

    # What it says and uses.

    def wait_log(self, event=None, seconds=None, since=0, **fields):
        """The first log line from the SINCE-th on with that event and those fields."""

        def is_wanted(line):
            wanted = {"event": event, **fields} if event else fields
            return all(line.get(key) == str(value) for key, value in wanted.items())

        return self.program.lines.wait(is_wanted, f"log line event={event} {fields}", seconds, since)

    def log(self, event=None):
        return [line for line in self.program.lines.items if event in (None, line.get("event"))]

    def log_position(self):
        return len(self.program.lines.items)

    @property
    def pid(self):
        """Of teplod itself, also below a wrapper that forks."""
        return self.program.pid

    def pool(self, name=None):
        """The row of teplo/pools of that pool, or of the only one."""
        pools = self.admin("teplo/pools")["pools"]
        rows = [row for row in pools if name in (None, row["name"])]
        assert len(rows) == 1, pools
        return rows[0]

    def wait_pool(self, is_wanted, what, name=None, seconds=None):
        def asked():
            row = self.pool(name)
            return row if is_wanted(row) else None

        return wait_until(asked, what, seconds)

    def wait_sessions(self, name, count, seconds=None):
        """Until the pool has exactly so many live sessions."""

        def is_wanted(row):
            return row["s_idle"] + row["s_active"] + row["s_testing"] == count

        return self.wait_pool(is_wanted, f"{count} sessions in {name}", name, seconds)

    def rss_bytes(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def is_sanitized(self):
        return "libasan" in pathlib.Path(f"/proc/{self.pid}/maps").read_text()

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    # Its end.

    def signal(self, number):
        self.program.signal(number)

    def stop(self, seconds=None):
        """SIGTERM, then everything that must hold at the end of a broker."""
        for client in self.clients:
            client.close()
        status = self.program.stop(seconds)
        assert not self.complaints(), self.program.output()
        assert status == 0, f"exit status {status}\n{self.program.output()}"

    def kill9(self):
        self.expects_clean_end = False
        self.program.kill()

    def complaints(self):
        """Lines of a sanitizer, of valgrind, or of a failed check."""
        lines = [str(line) for line in self.program.lines.items]
        return [
            line
            for line in lines
            if line.startswith("==") or any(word in line for word in SANITIZER_WORDS)
        ]

    def done(self):
        """At the end of every test: stop it if it runs, and leave nothing behind."""
        try:
            for client in self.clients:
                client.close()
            if self.program and self.program.running():
                deadline = Deadline(PATIENCE)
                self.signal(signal.SIGTERM)
                self.signal_again_after(deadline)
            assert not self.complaints(), self.program.output()
            if self.expects_clean_end:
                status = self.program.wait()
                assert status == 0, f"exit status {status}\n{self.program.output()}"
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def give_up(self):
        """It did not start: no fixture knows of it."""
        if self.program:
            self.program.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def signal_again_after(self, deadline):
        """A test may leave calls in flight: a drain that lasts is cut short."""
        try:
            self.program.wait(deadline.left() / 20)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGTERM)
            try:
                self.program.wait(deadline.left())
            except subprocess.TimeoutExpired:
                self.program.kill()
                raise AssertionError(f"teplod did not end\n{self.program.output()}") from None


def make_config(servers, options=None, pool=None):
    entries = {}
    for name, server in servers.items():
        entry = {"url": server} if isinstance(server, str) else dict(server)
        if pool:
            entry["teplo"] = {**pool, **entry.get("teplo", {})}
        entries[name] = entry
    config = {"mcpServers": entries}
    if options:
        config["teplo"] = options
    return config


def sanitizer_options():
    return {
        "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:exitcode=99",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }


__all__ = ["Broker", "RpcError", "make_config"]
