# SPDX-License-Identifier: MIT
"""deploy/quickstart.sh, as a newcomer runs it.  Works on this checkout's own .quickstart/."""

import os
import pathlib
import subprocess

import pytest

from harness import LONG_PATIENCE, places

pytestmark = pytest.mark.quickstart
SCRIPT = places.REPO / "deploy" / "quickstart.sh"
STATE = places.REPO / ".quickstart"


def run(*words):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TEPLO")}
    return subprocess.run(
        [str(SCRIPT), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=10 * LONG_PATIENCE,
        env=environment,
        cwd="/",
    )


@pytest.fixture(autouse=True)
def stopped():
    run("stop")
    yield
    run("stop")
    assert not list(STATE.glob("*.pid"))
    assert not (STATE / "runtime-dir").exists()


def pids():
    return {path.name: int(path.read_text()) for path in STATE.glob("*.pid")}


def alive(pid):
    """A zombie that nobody has waited for yet is not."""
    try:
        return bool(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
    except FileNotFoundError:
        return False


def test_the_demo_shows_the_main_job_and_can_be_run_again():
    done = run()
    assert done.returncode == 0, done.stdout
    for shown in ("add_node", "query_graph", "Тепло в хаті", "event streams opened 1,", "teplo:{main}:v1:"):
        assert shown in done.stdout, done.stdout
    first = pids()
    assert set(first) == {"teplod.pid", "demo-server.pid", "redis-server.pid"}
    assert all(alive(pid) for pid in first.values())
    again = run()
    assert again.returncode == 0, again.stdout
    assert not any(alive(pid) for pid in first.values()), "the first ones were stopped"
    second = pids()
    assert run("stop").returncode == 0
    assert not any(alive(pid) for pid in second.values())


def test_with_a_server_of_ones_own(start_demo):
    demo = start_demo(["--strict-host", "localhost"])
    refused = run(demo.url)
    assert refused.returncode != 0
    assert "421" in refused.stdout
    assert f"deploy/quickstart.sh {demo.url} 'Host: localhost'" in refused.stdout
    done = run(demo.url, "Host: localhost")
    assert done.returncode == 0, done.stdout
    assert "query_graph" in done.stdout
    assert set(pids()) == {"teplod.pid", "redis-server.pid"}


def test_nonsense_is_answered_with_the_usage():
    done = run("nonsense")
    assert done.returncode != 0
    assert "MCP-URL" in done.stdout or "deploy/quickstart.sh" in done.stdout


def test_stop_without_start_is_fine():
    assert run("stop").returncode == 0
