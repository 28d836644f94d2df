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
@pytest.mark.parametrize("arguments", ["{", '{"status": 401}'])
def test_one_that_failed_is_told_and_fails_all(example, name, arguments):
    """Refused here, or by the server; the others are answered all the same."""
    done = example(name, "status", arguments, "{}")
    assert done.returncode == 1, done
    assert len((done.stdout + done.stderr).splitlines()) == 2, done


@pytest.mark.parametrize("name", ["blocking", *SEVERAL])
def test_without_arguments_the_usage_is_told(example, name):
    done = example(name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: ") and "TOOL JSON" in done.stderr


@pytest.mark.parametrize("name", SEVERAL)
def test_several_at_once(example, raw, name):
    """All answers, whatever their order, and each call was made once."""
    done = example(name, "counter", *['{"key": "k"}'] * 5)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(line.split()[-1] for line in done.stdout.splitlines()) == list("12345")
    assert raw.report().counters["k"] == 5
