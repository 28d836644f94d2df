# SPDX-License-Identifier: MIT
"""A broker and its successors (SIGUSR2)."""

import contextlib
import ctypes
import os
import signal

from .waiting import wait_until

PR_SET_CHILD_SUBREAPER = 36


@contextlib.contextmanager
def adopting_orphans():
    """A successor whose predecessor has ended becomes our child: its exit status is for us."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    yield
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0)


class Dynasty:
    """The broker, and the brokers that replaced it."""

    def __init__(self, broker):
        self.broker = broker
        self.pids = [broker.pid]
        self.ended = set()

    @property
    def pid(self):
        return self.pids[-1]

    def upgrade(self):
        """Until the new one serves and the old one accepts nobody any more."""
        since = self.broker.log_position()
        os.kill(self.pid, signal.SIGUSR2)
        line = self.broker.wait_log("handing_over", since=since)
        assert int(line["from"]) == self.pid
        self.pids.append(int(line["to"]))

    def wait_end(self, pid):
        """Its exit status."""
        self.ended.add(pid)
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

    def done(self):
        """All of them end well."""
        for client in self.broker.clients:
            client.close()
        for pid in reversed(self.pids):
            if pid in self.ended:
                continue
            os.kill(pid, signal.SIGTERM)
        for pid in self.pids:
            if pid not in self.ended:
                assert self.wait_end(pid) == 0, self.broker.program.output()
