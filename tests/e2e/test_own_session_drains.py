# SPDX-License-Identifier: MIT
"""A client's own session drains while its only call has not left: the call ends, and no more."""

import os
import signal
import time

import pytest


@pytest.fixture
def frozen(raw):
    """Connections come about, and nothing is read from them."""

    def freeze():
        os.kill(raw.program.pid, signal.SIGSTOP)
        return raw

    yield freeze
    os.kill(raw.program.pid, signal.SIGCONT)


@pytest.mark.parametrize("how", ["leaves", "cancels", "deadline"])
def test_a_call_that_has_not_left_ends(start_broker, raw, frozen, how):
    pool = {"pool_mode": "session", "pool_size": 2, "check_timeout": "30s"}
    broker = start_broker({"raw": raw.url}, pool=pool)
    client = broker.client()
    assert client.text("session_counter") == "1"
    time.sleep(0.02)  # from 2 ms of idleness on, a connection is asked before it gets a body
    frozen()
    meta = {"dev.teplo/deadlineMs": 120} if how == "deadline" else None
    call = client.start_call("session_counter", meta=meta)
    broker.wait_pool(lambda row: row["inflight"] == 1, "it is on its way")
    broker.admin("teplo/drain")
    if how == "leaves":
        client.close()
    elif how == "cancels":
        client.cancel(call)
    else:
        assert client.wait_error(call).outcome in ("not_executed", "unknown")
    broker.wait_pool(lambda row: row["inflight"] == 0, "nothing is out")
    assert broker.admin("teplo/pools") is not None
    assert broker.program.running()
