# SPDX-License-Identifier: MIT
"""Waiting for conditions with deadlines.  Nothing in these tests sleeps for a fixed time."""

import threading
import time

from . import places

PATIENCE = 10.0 * places.SLOWNESS  # seconds within which anything expected happens
LONG_PATIENCE = 6 * PATIENCE


class Overdue(AssertionError):
    """What was waited for did not happen."""


class Deadline:
    def __init__(self, seconds=None):
        self.seconds = PATIENCE if seconds is None else seconds
        self.end = time.monotonic() + self.seconds

    def left(self):
        return max(0.0, self.end - time.monotonic())

    def over(self):
        return time.monotonic() >= self.end


def wait_until(condition, what, seconds=None):
    """Ask CONDITION again and again; its first true value.  For what tells no event of its own."""
    deadline = Deadline(seconds)
    pause = 0.001
    while True:
        value = condition()
        if value:
            return value
        if deadline.over():
            raise Overdue(f"{what}: not within {deadline.seconds} s")
        time.sleep(pause)
        pause = min(pause * 2, 0.05)


class Journal:
    """Things that arrive in a thread of their own, in order; waited for in another."""

    def __init__(self):
        self.items = []
        self.changed = threading.Condition()
        self.ended = False

    def add(self, item):
        with self.changed:
            self.items.append(item)
            self.changed.notify_all()

    def end(self):
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def find(self, is_wanted, since=0):
        return next((item for item in self.items[since:] if is_wanted(item)), None)

    def wait(self, is_wanted, what, seconds=None, since=0):
        """The first item from SINCE on that IS_WANTED."""
        deadline = Deadline(seconds)
        with self.changed:
            while True:
                item = self.find(is_wanted, since)
                if item is not None:
                    return item
                if self.ended:
                    raise Overdue(f"{what}: did not come before the end\n{self.tail()}")
                if not self.changed.wait(deadline.left()) and deadline.over():
                    raise Overdue(f"{what}: not within {deadline.seconds} s\n{self.tail()}")

    def tail(self):
        return "\n".join(str(item)[:500] for item in self.items[-30:])
