# SPDX-License-Identifier: MIT
"""The programs of client-lib/examples, as README quotes them, against a real broker."""

import pathlib
import subprocess

import pytest

from harness import PATIENCE, places

EXAMPLES = pathlib.Path(places.TEPLOD).parents[1] / "client-lib/examples"
SEVERAL = ["plain_poll", "with_libevent", "shared_threads"]


@pytest.fixture
def example(broker):
    def run(name, *words):
        return subprocess.run(
            [EXAMPLES / name, *words], capture_output=True, text=True, timeout=PATIENCE,
            env={"TEPLO_RUNTIME_DIR": str(broker.runtime)})  # fmt: skip

    return run


def test_blocking(example):
    done = example("blocking", "echo", '{"text": "Grynya"}')
    assert (done.returncode, done.stderr) == (0, "")
    listing, answer = done.stdout.splitlines()
    assert '"tools":[' in listing
    assert answer == "echo"


def test_blocking_tells_what_went_wrong(example):
    done = example("blocking", "echo", "no JSON")
    assert done.returncode == 1 and done.stderr.startswith("nothing was sent: ")


@pytest.mark.parametrize("name", SEVERAL)
def test_several_at_once(example, raw, name):
    """All answers, whatever their order, and each call was made once."""
    done = example(name, "counter", *['{"key": "k"}'] * 5)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(line.split()[-1] for line in done.stdout.splitlines()) == list("12345")
    assert raw.report().counters["k"] == 5
