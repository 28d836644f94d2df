# SPDX-License-Identifier: MIT
"""A child process: started, read, stopped.  It dies with the tests, however they end."""

import ctypes
import os
import signal
import subprocess
import threading

from .waiting import Journal, PATIENCE

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    """Start it from the main thread: the kernel ends it with the thread that started it."""

    def __init__(self, argv, env=None, stdin=subprocess.DEVNULL, pass_fds=(), cwd=None, parse=str):
        self.argv = [str(word) for word in argv]
        self.lines = Journal()
        self.parse = parse
        self.child = subprocess.Popen(
            self.argv,
            env={**os.environ, **(env or {})},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
            cwd=cwd,
            preexec_fn=die_with_parent,
        )
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.child.stdout:
            self.lines.add(self.parse(line.decode("utf-8", "replace").rstrip("\n")))
        self.lines.end()

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child.poll() is None

    def signal(self, number):
        self.child.send_signal(number)

    def wait(self, seconds=None):
        """The exit status, once it has ended and all its output was read."""
        status = self.child.wait(PATIENCE if seconds is None else seconds)
        self.reader.join(PATIENCE)
        self.close_pipes()
        return status

    def stop(self, seconds=None):
        if self.running():
            self.signal(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        if self.running():
            self.child.kill()
        return self.wait()

    def close_pipes(self):
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe:
                try:
                    pipe.close()
                except OSError:
                    pass

    def output(self):
        return "\n".join(str(line) for line in self.lines.items)
