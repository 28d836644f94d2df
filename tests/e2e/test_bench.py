# SPDX-License-Identifier: MIT
"""teplo-bench against a real teplod: what it reports is what happened."""

import json
import os
import pathlib
import socket
import subprocess
import threading

import pytest

from harness import places
from harness.waiting import PATIENCE

BENCH = os.environ.get(
    "TEPLO_BENCH", str(pathlib.Path(places.TEPLOCTL).parents[1] / "bench" / "teplo-bench")
)
CONNECTIONS, IN_FLIGHT, CALLS = 4, 5, 200


def bench(*words, status=0, env=None):
    done = subprocess.run(
        [BENCH] + [str(word) for word in words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE * 3,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode == status, done
    return done


def report(*words, status=0):
    return json.loads(bench(*words, "--json", "--warm-up", "0", status=status).stdout)


def load(*words):
    return ["-c", CONNECTIONS, "-i", IN_FLIGHT, "-n", CALLS, *words]


def echo_arguments():
    return ["--tool", "echo", "--arguments", '{"value":{"n":%n},"tag":"t%n"}']


@pytest.fixture
def broker(start_broker, counting):
    return start_broker({"counting": counting.url}, pool={"pool_size": 2})


def test_every_call_is_counted_once_and_costs_one_post(broker, counting):
    page = counting.url.replace("/sse", "/__stats")
    told = report(
        "-s", broker.socket_path(), *load("--pool", "counting", "--upstream-stats", page), *echo_arguments()
    )
    assert told["calls"] == told["all_calls"] == told["outcomes"]["result"] == CALLS
    assert sum(told["outcomes"].values()) == CALLS
    assert 0 < told["latency_us"]["p50"] <= told["latency_us"]["p99"] <= told["latency_us"]["max"]
    assert told["calls_per_s"] > 0 and told["cpu_us_per_call"] > 0
    sessions = told["broker"]["sessions_opened"]
    assert 1 <= sessions <= 2
    assert told["broker"]["calls"] == told["broker"]["ok"] == CALLS
    assert told["broker"]["upstream_posts"] >= CALLS
    assert told["upstream"]["tools.echo"] == CALLS
    assert counting.stats()["tools"] == {"echo": CALLS}


def test_a_server_is_called_directly(counting):
    told = report("--url", counting.url, *load(), *echo_arguments())
    assert told["outcomes"]["result"] == CALLS
    assert told["broker"] is None
    stats = counting.stats()
    assert stats["tools"] == {"echo": CALLS}
    assert stats["rpc"]["initialize"] == stats["streams_total"] == CONNECTIONS


def test_a_mix_is_told_apart(broker, counting):
    told = report(
        "-s", broker.socket_path(), *load("--mix", "counter:3,add:1"), "-a", '{"key":"k%n","a":%n,"b":1}'
    )
    rows = {row["name"]: row["answered"] for row in told["tools"]}
    assert sum(rows.values()) == CALLS
    assert 145 <= rows["counter"] <= 155
    assert counting.stats()["tools"] == rows


def test_a_payload_comes_back(start_broker, raw):
    told = report("-s", start_broker({"raw": raw.url}).socket_path(), *load("--payload", 5000))
    assert told["outcomes"]["result"] == CALLS


def test_an_open_loop_counts_from_the_moment_a_call_was_due(broker, counting):
    """One call at a time of 50 ms, ten due each 100 ms: the last ones wait for all before them."""
    told = report(
        "-s", broker.socket_path(), "-r", 100, "-n", 10, "--tool", "slow", "-a", '{"seconds":0.05}'
    )
    assert told["outcomes"]["result"] == 10
    assert told["latency_us"]["p50"] > 150_000
    assert told["latency_us"]["max"] > 350_000


def test_errors_are_told_by_what_they_mean(start_broker, broker, raw):
    told = report("-s", broker.socket_path(), "-n", 3, "--tool", "fail", "-a", '{"message":"no"}', status=3)
    assert told["outcomes"]["tool_error"] == 3
    down = start_broker({"down": "http://127.0.0.1:1/sse"}, pool={"queue_timeout": "100ms"})
    told = report("-s", down.socket_path(), "-n", 3, status=3)
    assert told["outcomes"]["not_executed"] == 3
    lossy = start_broker({"raw": raw.url})
    told = report("-s", lossy.socket_path(), "-n", 1, "--tool", "cut", status=3)
    assert told["outcomes"]["unknown"] == 1


def test_a_wrong_answer_fails_the_run(broker):
    words = ["-s", broker.socket_path(), "-n", 3, "--tool", "echo", "-a", '{"value":1,"tag":"%n","more":2}']
    told = report(*words, status=1)  # the server's echo leaves out what it does not know
    assert told["outcomes"]["wrong"] == 3
    assert report(*words, "--verify", "off")["outcomes"]["result"] == 3


def test_a_call_without_an_answer_is_lost(broker, counting):
    told = report(
        "-s", broker.socket_path(), "-n", 1, "--tool", "hold", "-a", '{"key":"lost"}', "--patience", "300ms", status=1
    )
    assert told["outcomes"]["lost"] == 1
    counting.release("lost")


class ShortSocket(threading.Thread):
    """Answers one call on each connection, then closes it."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.start()

    def run(self):
        while True:
            with self.listener.accept()[0] as connection, connection.makefile("rb") as lines:
                call = json.loads(lines.readline() or "null")
                if call:
                    answer = {"jsonrpc": "2.0", "id": call["id"], "result": call["params"]["arguments"]}
                    connection.sendall(json.dumps(answer).encode() + b"\n")


def test_a_connection_that_ends_between_calls_is_opened_again(tmp_path):
    ShortSocket(tmp_path / "short.sock")
    told = report("-s", tmp_path / "short.sock", "-r", 5, "-n", 3)
    assert told["outcomes"]["result"] == 3 and told["outcomes"]["lost"] == 0
    assert told["reconnects"] >= 2


def test_a_connection_that_ends_during_a_call_loses_it(tmp_path):
    ShortSocket(tmp_path / "short.sock")
    told = report("-s", tmp_path / "short.sock", "-i", 2, "-n", 2, status=1)
    assert told["outcomes"]["result"] == 1 and told["outcomes"]["lost"] == 1


def test_a_deadline_is_passed_on(broker, counting):
    words = ["--tool", "hold", "-a", '{"key":"late"}', "--deadline", "200ms"]
    told = report("-s", broker.socket_path(), "-n", 1, *words, status=3)
    assert told["outcomes"]["unknown"] == 1
    counting.release("late")


def test_the_socket_is_found_as_teploctl_finds_it(broker):
    for env in ({"TEPLO_RUNTIME_DIR": str(broker.runtime)}, {"TEPLO_SOCKET": str(broker.socket_path())}):
        text = bench("-n", 3, *echo_arguments(), env=env).stdout
        assert "result 3 " in text and "upstream POSTs per call" in text


@pytest.mark.parametrize(
    ["words", "complaint"],
    [
        (["--clients", "0"], "--clients 0: a whole number from 1"),
        (["--calls", "x"], "--calls x"),
        (["--duration", "5"], "--duration 5: a whole number with its unit"),
        (["--mix", "a:b"], "--mix a:b: a weight"),
        (["--tool", "a", "--mix", "b"], "exclude each other"),
        (["--arguments", "[1]"], "a JSON object is needed"),
        (["--url", "ftp://x"], "http://"),
        (["--url", "http://127.0.0.1:1/sse", "--pool", "p"], "--url excludes"),
        (["--verify", "maybe"], "on or off"),
        (["--nonsense"], "there is no switch '--nonsense'"),
        (["--rate"], "--rate needs a value"),
        (["word"], "'word' is no switch"),
    ],
)
def test_bad_usage_is_explained(words, complaint):
    done = bench(*words, status=2)
    assert complaint in done.stderr and done.stderr.startswith("teplo-bench: ")


def test_nobody_to_talk_to_is_status_6(tmp_path):
    assert "does not exist" in bench("-s", tmp_path / "no.sock", status=6).stderr
    assert "Connection refused" in bench("--url", "http://127.0.0.1:1/sse", status=6).stderr
