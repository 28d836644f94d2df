# SPDX-License-Identifier: MIT
"""deploy/quickstart.sh, as a newcomer runs it.  Works on this checkout's own .quickstart/."""

import os
import pathlib
import re
import subprocess
import urllib.request

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


def ask_as_a_host(said):
    """A host starts the command that it was told, without our environment."""
    command = re.search(r"the server's command is: (.*)", said)[1].split()
    greeting = (
        '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",'
        '"capabilities":{},"clientInfo":{"name":"host","version":"1"}}}\n'
    )
    return subprocess.run(
        command, input=greeting, capture_output=True, text=True, env={}, timeout=LONG_PATIENCE
    ).stdout


def test_the_demo_shows_the_main_job_and_can_be_run_again():
    done = run()
    assert done.returncode == 0, done.stdout
    for shown in ("add_node", "query_graph", "Тепло в хаті", "event streams opened 1,", "teplo:{main}:v1:"):
        assert shown in done.stdout, done.stdout
    first = pids()
    assert set(first) == {"teplo-dash.pid", "teplod.pid", "demo-server.pid", "redis-server.pid"}
    assert all(alive(pid) for pid in first.values())
    assert '"id":1,"result"' in ask_as_a_host(done.stdout)
    with urllib.request.urlopen(re.search(r"To look at it: (\S+)", done.stdout)[1], timeout=LONG_PATIENCE) as page:
        assert "<title>" in page.read().decode()
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
    assert set(pids()) == {"teplo-dash.pid", "teplod.pid", "redis-server.pid"}


@pytest.mark.parametrize(
    "words",
    [["nonsense"], [""], ["--nonsense"], ["ftp://host/sse"], ["http://"], ["http:///sse"]]
    + [["http://127.0.0.1:1/sse", header] for header in ("no colon", "Host:", ": value", "A B: c", "")],
)
def test_nonsense_is_answered_with_the_usage(words):
    """At once: nothing is built, or stopped, for it."""
    done = run(*words)
    assert done.returncode != 0
    assert f'"{words[-1]}" is no ' in done.stdout
    assert "deploy/quickstart.sh [http://host:port/sse" in done.stdout
    assert "== " not in done.stdout


def test_what_runs_on_after_a_failure_is_said():
    done = run("http://127.0.0.1:1/sse")
    assert done.returncode != 0
    assert "http://127.0.0.1:1/sse refuses connections" in done.stdout
    assert done.stdout.endswith("deploy/quickstart.sh stop\n")
    assert set(pids()) == {"teplo-dash.pid", "teplod.pid", "redis-server.pid"}


def test_stop_without_start_is_fine():
    assert run("stop").returncode == 0
