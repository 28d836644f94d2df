# SPDX-License-Identifier: MIT
"""pool_mode "session": each client has a session of its own, and what the server keeps in it."""

import concurrent.futures

import pytest

from harness import places, run_script, wait_until

POOL = {"pool_mode": "session", "pool_size": 2}


@pytest.fixture
def broker(start_broker, raw):
    return start_broker({"raw": raw.url}, pool=POOL)


def count(client):
    return int(client.text("session_counter"))


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a14_two_clients_never_see_each_others_state(broker, raw, era):
    one, other = broker.client(era), broker.client(era)
    for number in range(1, 6):
        assert count(one) == number
        assert count(other) == number
    assert raw.report().streams_total == 2


def test_a14_in_call_mode_they_do(start_broker, raw):
    """What the mode is for: a stateful server behind shared sessions mixes its clients up."""
    broker = start_broker({"raw": raw.url}, pool={"pool_size": 1})
    one, other = broker.client(), broker.client()
    assert [count(one), count(other), count(one)] == [1, 2, 3]


def test_calls_at_once_of_one_client_stay_in_its_session(broker, raw):
    client = broker.client()
    calls = [client.start_call("session_counter") for _ in range(20)]
    values = [int(client.wait(call)["content"][0]["text"]) for call in calls]
    assert sorted(values) == list(range(1, 21))
    assert raw.report().streams_total == 1


def test_the_session_ends_with_its_client(broker, raw):
    one, other = broker.client(), broker.client()
    assert (count(one), count(other)) == (1, 1)
    one.close()
    raw.wait_streams(1)
    assert count(other) == 2
    fresh = broker.client()
    assert count(fresh) == 1, "a session is never used by a second client"
    assert raw.report().streams_total == 3


def test_a_third_client_waits_for_its_turn(broker, raw):
    one, other = broker.client(), broker.client()
    assert (count(one), count(other)) == (1, 1)
    third = broker.client()
    call = third.start_call("session_counter")
    broker.wait_pool(lambda row: row["waiting"] == 1, "the third one waits")
    assert (count(one), count(other)) == (2, 2), "those who have one are served all along"
    assert third.find_answer(call) is None
    one.close()
    assert third.wait(call)["content"][0]["text"] == "1"
    assert raw.report().streams_peak == 2


def test_whoever_waits_in_vain_is_told(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={**POOL, "pool_size": 1, "queue_timeout": "300ms"})
    one, other = broker.client(), broker.client()
    assert count(one) == 1
    error = other.call_error("session_counter")
    assert (error.code, error.outcome) == (-31002, "not_executed")
    assert count(one) == 2


def test_a_client_that_leaves_while_it_waits_opens_nothing(broker, raw):
    one, other, ghost = broker.client(), broker.client(), broker.client()
    assert (count(one), count(other)) == (1, 1)
    ghost.start_call("counter", {"key": "ghost"})
    broker.wait_pool(lambda row: row["waiting"] == 1, "it waits")
    ghost.close()
    broker.wait_pool(lambda row: row["waiting"] == 0, "it waits no more")
    one.close()
    raw.wait_streams(1)
    assert count(other) == 2
    report = raw.report()
    assert "ghost" not in report.counters
    assert report.streams_total == 2


def test_a_client_whose_session_is_lost_has_to_connect_again(broker, raw):
    """Its state is gone: it must not go on as if nothing was."""
    client, other = broker.client(), broker.client()
    assert count(client) == 1
    call = client.start_call("hold", {"key": "k"})
    raw.wait_requests(2, "tools/call")
    raw.cut()
    assert client.wait_error(call).outcome == "unknown"
    client.wait_end()
    assert count(other) == 1, "one that had none yet is not concerned"
    assert count(broker.client()) == 1


def test_a_session_lost_while_idle_ends_the_connection_too(broker, raw):
    client = broker.client()
    assert count(client) == 1
    raw.cut()
    client.wait_end()
    assert count(broker.client()) == 1


def test_a_call_that_is_out_keeps_its_session_until_it_ends(broker, raw):
    """The client has left; what it had begun is not cut short."""
    client = broker.client()
    client.start_call("hold", {"key": "k"})
    raw.wait_requests(1, "tools/call")
    client.close()
    wait_until(lambda: not broker.admin("teplo/clients")["clients"], "it has left")
    assert raw.report().streams_open == 1
    raw.release("k")
    raw.wait_streams(0)


def test_clients_of_the_official_sdk_have_a_session_each(broker, raw):
    script = places.CLIENTS / "session_counter.py"
    command = [places.python("mcp1"), script, "session_counter", "5"]
    environment = {"TEPLOCTL": places.TEPLOCTL, "TEPLO_RUNTIME_DIR": str(broker.runtime)}
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(run_script, command, None, environment) for _ in range(3)]
        assert [run.result() for run in runs] == [[1, 2, 3, 4, 5]] * 3
    assert raw.report().streams_total == 3
    assert raw.report().streams_peak <= 2
