# SPDX-License-Identifier: MIT
"""A program on a terminal of its own: keys go in, frames come out."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading

from .program import die_with_parent
from .waiting import Journal, PATIENCE, wait_until

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """The program leads a session, and has the terminal; so signals of the keyboard would reach it."""

    def __init__(self, argv, env=None, width=80, height=24):
        self.ours, self.theirs = pty.openpty()  # theirs stays open: its modes can be looked at
        self.resize(width, height, tell=False)
        self.modes = termios.tcgetattr(self.theirs)
        self.written = bytearray()
        self.frames = Journal()
        self.child = subprocess.Popen(
            [str(word) for word in argv],
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            env=env,
            preexec_fn=self.lead,
        )
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def lead(self):
        die_with_parent()
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def read(self):
        seen = 0
        while True:
            try:
                chunk = os.read(self.ours, 65536)
            except OSError:
                chunk = b""
            if not chunk:
                self.frames.end()
                return
            self.written += chunk
            # A frame begins at home and ends where the rest of the screen is cleared.
            while (end := self.written.find(b"\x1b[J", seen)) >= 0:
                begin = self.written.rfind(b"\x1b[H", seen, end)
                if begin >= 0:
                    self.frames.add(Frame(bytes(self.written[begin + 3 : end])))
                seen = end + 3

    def press(self, keys):
        os.write(self.ours, keys.encode())

    def frame(self, *words, without=(), since=0):
        """The first frame (from SINCE on) that has all the words, and none of WITHOUT."""

        def is_wanted(frame):
            return all(word in frame.text for word in words) and not any(word in frame.text for word in without)

        return self.frames.wait(is_wanted, f"a frame with {words}", since=since)

    def next_frame(self, *words, without=()):
        """Likewise, of those that come from now on."""
        return self.frame(*words, without=without, since=len(self.frames.items))

    def after(self, keys, *words, without=()):
        """The first frame with the words that comes after the keys."""
        since = len(self.frames.items)
        self.press(keys)
        return self.frame(*words, without=without, since=since)

    def resize(self, width, height, tell=True):
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        if tell:
            os.killpg(self.child.pid, signal.SIGWINCH)

    def signal(self, number):
        os.kill(self.child.pid, number)

    def wait(self):
        return self.child.wait(PATIENCE)

    def wait_for_output(self, text):
        wait_until(lambda: text in self.written, f"{text!r} on the terminal")

    def is_clean(self):
        """The terminal's modes are those of before, and so is the screen."""
        wait_until(lambda: self.written.count(LEAVE) == self.written.count(ENTER), "the screen is left")
        return termios.tcgetattr(self.theirs) == self.modes and self.written.rfind(b"\x1b[?25h") > self.written.rfind(
            b"\x1b[?25l"
        )

    def done(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGCONT)
            self.child.kill()
            self.child.wait(PATIENCE)
        os.close(self.theirs)
        self.reader.join(PATIENCE)
        os.close(self.ours)


class Frame:
    def __init__(self, raw):
        self.raw = raw.decode("utf-8", "replace")
        self.lines = [COLOUR.sub("", line.removesuffix("\x1b[K")) for line in self.raw.split("\r\n")]
        self.text = "\n".join(self.lines)

    def __str__(self):
        return self.text
