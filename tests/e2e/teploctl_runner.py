# SPDX-License-Identifier: MIT
"""Running teploctl: in pipes, on a terminal, as somebody without rights."""

import atexit
import os
import pty
import shutil
import subprocess
import tempfile

import pytest

from fake_broker import FakeBroker
from harness import PATIENCE
from harness.places import TEPLOCTL, WRAPPER

NOBODY = 65534


def reachable(program):
    """A copy that anybody may run: the checkout can lie below a folder that is closed to others."""
    folder = tempfile.mkdtemp(prefix="ctl-bin-", dir="/tmp")
    atexit.register(shutil.rmtree, folder)
    os.chmod(folder, 0o755)
    return shutil.copy(program, folder)


BINARY = reachable(TEPLOCTL) if os.getuid() == 0 else TEPLOCTL
OK, REFUSED, USAGE, NOT_EXECUTED, UNKNOWN, RESULT_LOST, NO_BROKER = range(7)
# What would tell teploctl of another broker than the test's.
FOREIGN = ("TEPLO_SOCKET", "TEPLO_RUNTIME_DIR", "XDG_RUNTIME_DIR")


@pytest.fixture
def place():
    """A runtime directory, with a path short enough for sockets, that others may look into."""
    directory = tempfile.mkdtemp(prefix="ctl-", dir="/tmp")
    os.chmod(directory, 0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def fake(place):
    with FakeBroker(place) as broker:
        yield broker


@pytest.fixture
def admin(place):
    with FakeBroker(place, "admin.sock") as broker:
        yield broker


def environment(directory, **more):
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    if directory is not None:
        kept["TEPLO_RUNTIME_DIR"] = str(directory)
    return {**kept, **more}


def command(*words, binary=BINARY):
    return [*WRAPPER, str(binary), *words]


def unprivileged():
    """Keywords for subprocess: root may do anything, so it runs as somebody else."""
    if os.getuid() != 0:
        return {}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


class Ended:
    def __init__(self, status, out, err=b""):
        self.status = status
        self.raw = out
        self.out = out.decode("utf-8", "surrogateescape")
        self.err = err.decode("utf-8", "surrogateescape")

    def expect(self, status, err=""):
        """The status; and stderr is one line with ERR in it, or nothing."""
        assert self.status == status, (self.status, self.out[:2000], self.err)
        assert err in self.err
        if err:
            assert self.err.startswith("teploctl: ") and self.err.count("\n") == 1, self.err
        else:
            assert self.err == ""
        return self


def run(directory, *words, stdin=b"", env=None, **keywords):
    ended = subprocess.run(
        command(*words),
        input=stdin,
        capture_output=True,
        timeout=6 * PATIENCE,
        env=environment(directory, **(env or {})),
        **keywords,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def run_on_terminal(directory, *words, stderr=None):
    """stdout (and stderr, unless given) is a terminal; its output comes as `raw` and `out`."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        command(*words),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs if stderr is None else stderr,
        env=environment(directory),
    )
    os.close(theirs)
    chunks = []
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # EIO: the last holder of the other side has gone
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(ours)
    status = child.wait(PATIENCE)
    return Ended(status, b"".join(chunks).replace(b"\r\n", b"\n"))
