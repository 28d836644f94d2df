# SPDX-License-Identifier: MIT
"""Several calls under one id: what teplo/outcome says of them together, and whose they are."""

import os
import uuid

import pytest

from harness import Client


def outcome(broker, call):
    with Client(broker.socket_path(), "bare") as client:
        return client.request("teplo/outcome", {"call": call})


def start_call(client, call, key):
    return client.start_call("hold", {"key": key}, meta={"dev.teplo/call": call})


def time_out(broker, client, call):
    """A call that may have run, and is over."""
    assert client.wait_error(start_call(client, call, "never")).outcome == "unknown"
    broker.wait_pool(lambda row: row["inflight"] == 0, "the grace is over")
    assert outcome(broker, call)["outcome"] == "unknown"


@pytest.fixture
def broker(start_broker, raw):
    return start_broker({"raw": raw.url}, pool={"call_timeout": "300ms", "cancel_grace": "100ms"})


def test_a_second_try_that_did_not_run_does_not_hide_the_first(broker):
    client = broker.client()
    call = str(uuid.uuid4())
    time_out(broker, client, call)
    broker.admin("teplo/drain")
    assert client.wait_error(start_call(client, call, "k")).outcome == "not_executed"
    said = outcome(broker, call)
    assert (said["outcome"], said["reason"]) == ("unknown", "timeout")


def test_a_second_try_that_ran_is_told_of(broker, raw):
    client = broker.client()
    call = str(uuid.uuid4())
    time_out(broker, client, call)
    request = client.start_call("echo", {}, meta={"dev.teplo/call": call})
    client.wait(request)
    assert outcome(broker, call)["outcome"] == "executed"


def test_a_kill_while_the_second_try_waits_does_not_hide_the_first(start_broker, raw):
    pool = {"call_timeout": "300ms", "cancel_grace": "100ms", "pool_size": 1, "max_inflight_per_session": 1}
    broker = start_broker({"raw": raw.url}, pool=pool)
    client = broker.client()
    call = str(uuid.uuid4())
    time_out(broker, client, call)
    other = broker.client()
    before = raw.report().count("tools/call")
    other.start_call("hold", {"key": "h"}, meta={"dev.teplo/deadlineMs": 60000})
    raw.wait_requests(before + 1, "tools/call")
    start_call(client, call, "waits")
    broker.wait_pool(lambda row: row["waiting"] == 1, "it waits")
    broker.kill9()
    broker.start()
    said = outcome(broker, call)
    assert (said["outcome"], said["reason"]) == ("unknown", "broker_restart")


def as_user(user, act):
    """What ACT returns, a text, in a process of USER's."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setuid(user)
            os.write(writing, act().encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
def test_another_user_neither_blocks_a_call_nor_hides_it(broker, raw):
    os.chmod(broker.directory, 0o755)
    os.chmod(broker.runtime, 0o755)
    os.chmod(broker.socket_path(), 0o666)
    call = str(uuid.uuid4())

    def use_the_id_too():
        with Client(broker.socket_path()) as client:
            held = start_call(client, call, "theirs")
            raw.wait_requests(2, "tools/call")
            return client.wait_error(held).outcome

    client = broker.client()
    mine = client.start_call("hold", {"key": "mine"}, meta={"dev.teplo/call": call})
    raw.wait_requests(1, "tools/call")
    assert as_user(65534, use_the_id_too) == "unknown"
    assert client.wait_error(mine).outcome == "unknown"
    broker.wait_pool(lambda row: row["inflight"] == 0, "the grace is over")
    assert as_user(65534, lambda: outcome(broker, call)["outcome"]) == "unknown"
    client.wait(client.start_call("echo", {}, meta={"dev.teplo/call": call}))
    assert outcome(broker, call)["outcome"] == "executed"
    assert as_user(65534, lambda: outcome(broker, call)["outcome"]) == "unknown"
