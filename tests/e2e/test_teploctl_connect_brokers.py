# SPDX-License-Identifier: MIT
"""teploctl connect across brokers: upgraded, killed, away; for hosts of both eras."""

import os
import signal
import socket
import subprocess
import threading

import pytest

from harness import PATIENCE, RpcError, wait_until
from harness.broker import Client
from harness.program import die_with_parent
from teploctl_runner import UNKNOWN, command, environment

UPGRADES = int(os.environ.get("TEPLO_UPGRADES", "8"))
KILLS = int(os.environ.get("TEPLO_KILLS", "8")) // 2


class Host(Client):
    """An MCP host whose stdio server is `teploctl connect`."""

    def __init__(self, broker, era, words=(), **keywords):
        self.words = words
        super().__init__(broker.runtime, era, connect=self.spawn, **keywords)

    def spawn(self, runtime):
        ours, theirs = socket.socketpair()
        self.child = subprocess.Popen(
            command("connect", *self.words), stdin=theirs, stdout=theirs, stderr=subprocess.PIPE,
            env=environment(runtime), preexec_fn=die_with_parent)  # fmt: skip
        theirs.close()
        return ours

    def finish(self):
        self.half_close()
        self.wait_end()
        err = self.child.stderr.read().decode()
        self.child.stderr.close()
        self.close()
        return self.child.wait(PATIENCE), err

    def done(self):
        self.close()
        self.child.kill()
        self.child.wait()
        self.child.stderr.close()


@pytest.fixture(params=["legacy", "modern"])
def host(request, broker, cleanup):
    return cleanup.maker(Host)(broker, request.param)


def test_an_idle_host_outlives_a_kill(broker, host):
    assert host.text("echo") == "echo"
    heard = len(host.lines.items)
    broker.kill9()
    broker.start()
    assert host.text("echo") == "echo"
    assert len(host.lines.items) == heard + 1, "the repeated greeting is not the host's to see"
    assert host.finish() == (0, "")


def test_a_call_under_way_at_a_kill_is_unknown(broker, host, raw):
    call = host.start_call("hold", {"key": "k"})
    raw.wait_requests(1, "tools/call")
    broker.kill9()
    with pytest.raises(RpcError) as lost:
        host.wait(call)
    assert (lost.value.code, lost.value.outcome) == (-31010, "unknown")
    assert lost.value.teplo["reason"] == "conn_lost"
    late = host.start_call("counter", {"key": "late"})
    broker.start()
    assert host.wait(late)["content"][0]["text"] == "1"
    raw.release("k")
    assert host.text("counter", {"key": "late"}) == "2"
    status, err = host.finish()
    assert status == UNKNOWN and "1 of the requests" in err


def test_calls_in_flight_end_where_they_began(dynasty, broker, host, raw):  # noqa: F811
    call = host.start_call("hold", {"key": "k"})
    raw.wait_requests(1, "tools/call")
    dynasty.upgrade()
    assert host.text("counter", {"key": "new"}) == "1", "the successor answers meanwhile"
    raw.release("k")
    assert host.wait(call)["content"][0]["text"] == "released k"
    assert dynasty.wait_end(dynasty.pids[0]) == 0
    assert host.finish() == (0, "")


def test_upgrades_under_calls_lose_nothing(dynasty, broker, host, raw):  # noqa: F811
    answers, failures, over = [], [], threading.Event()

    def call_on():
        while not over.is_set():
            written = [host.start_call("counter", {"key": "load"}) for _ in range(4)]
            for call in written:
                try:
                    answers.append(host.wait(call))
                except RpcError as failure:
                    failures.append(failure)

    caller = threading.Thread(target=call_on)
    caller.start()
    for _ in range(UPGRADES):
        dynasty.upgrade()
        assert dynasty.wait_end(dynasty.pids[-2]) == 0
        count = len(answers)
        wait_until(lambda: failures or len(answers) > count, "the new one answers")
    over.set()
    caller.join()
    assert failures == []
    assert raw.report().counters["load"] == len(answers)
    assert host.finish() == (0, "")


def test_kills_under_calls_are_told_honestly(broker, host, raw):
    """Each request has one answer, and what it says of the execution is so."""
    told, asked, over = {}, [], threading.Event()

    def call_on():
        while not over.is_set():
            keys = [f"{len(told)}.{number}" for number in range(4)]
            written = [host.start_call("counter", {"key": key}) for key in keys]
            asked.extend(keys)
            for key, call in zip(keys, written):
                answer = host.wait_line(call).message
                told[key] = (call, RpcError(answer["error"]).outcome if "error" in answer else "executed")

    caller = threading.Thread(target=call_on)
    caller.start()
    for _ in range(KILLS):
        count = len(told)
        wait_until(lambda: len(told) > count + 20, "calls are made")
        broker.kill9()
        broker.start()
    over.set()
    caller.join()
    assert list(told) == asked
    counters = raw.report().counters
    for key, (call, outcome) in told.items():
        assert len(host.answers(call)) == 1
        times = counters.get(key, 0)
        assert times == 1 if outcome == "executed" else times <= (outcome == "unknown"), (key, outcome)
    assert set(outcome for _, outcome in told.values()) <= {"executed", "unknown"}


def test_a_request_waits_for_the_broker_and_is_then_refused(broker, cleanup):
    host = cleanup.maker(Host)(broker, "legacy", ["--timeout", "200ms"])  # greeted: connected
    broker.kill9()
    with pytest.raises(RpcError) as refused:
        host.text("echo")
    assert (refused.value.code, refused.value.outcome) == (-31003, "not_executed")
    broker.start()
    assert host.text("echo") == "echo"


def test_a_greeting_under_way_is_asked_again(broker, cleanup):
    """It changes nothing, so the next broker answers it."""
    host = cleanup.maker(Host)(broker, "legacy", greet=False)
    wait_until(lambda: broker.admin("teplo/clients")["clients"], "teploctl is connected")
    os.kill(broker.pid, signal.SIGSTOP)  # it reads nothing
    greeting = host.start("initialize", {"protocolVersion": "2025-06-18", "capabilities": {},
                                         "clientInfo": {"name": "h", "version": "0"}})  # fmt: skip
    broker.kill9()
    broker.start()
    assert host.wait(greeting)["protocolVersion"] == "2025-06-18"
    host.notify("notifications/initialized")
    assert host.text("echo") == "echo"
