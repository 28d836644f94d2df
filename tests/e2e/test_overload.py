# SPDX-License-Identifier: MIT
"""More than fits, and clients that change their minds: refusals are typed, what was sent is not
touched, what was taken back is not answered."""

import json
import time

import pytest

from harness import places, wait_until
from harness.scripted import DONE, EXEC, ScriptedServer
from load_clients import Caller, Load, Told, check_honest

LATE_SECONDS = 0.05 * places.SLOWNESS
ONE_AT_A_TIME = {"pool_size": 1, "max_inflight_per_session": 1}


@pytest.fixture
def scripted(cleanup):
    return cleanup.maker(ScriptedServer)()


@pytest.fixture
def narrow(start_broker, raw):
    """A broker that has one call out at a time."""
    return start_broker({"raw": raw.url}, pool=ONE_AT_A_TIME)


def hold_the_slot(broker, raw, key="slot"):
    client = broker.client()
    call = client.start_call("hold", {"key": key})
    raw.wait_requests(1, "tools/call")
    return client, call


# The queue is full.


def test_a_full_queue_refuses_with_a_time_to_come_again(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={**ONE_AT_A_TIME, "queue_max": 3})
    first, held = hold_the_slot(broker, raw)
    client = broker.client()
    queued = [client.start_call("counter", {"key": f"queued{n}"}) for n in range(3)]
    broker.wait_pool(lambda row: row["waiting"] == 3, "three wait")
    error = client.wait_error(client.start_call("counter", {"key": "refused"}))
    assert (error.code, error.outcome, error.teplo["reason"]) == (-31001, "not_executed", "overloaded")
    assert error.teplo["safe_to_retry"] is True
    assert isinstance(error.teplo["retry_after_ms"], int) and error.teplo["retry_after_ms"] >= 0
    assert "NOT EXECUTED" in error.message
    raw.release("slot")
    assert "content" in first.wait(held), "what was sent is not touched"
    for number, call in enumerate(queued):
        assert client.wait(call)["content"][0]["text"] == "1", number
    assert "refused" not in raw.report().counters


def test_overload_is_honest_and_ends(start_broker, scripted):
    """Many times what fits, for a while: each call has a result or was not executed."""
    pool = {"pool_size": 1, "max_inflight_per_session": 4, "queue_max": 16}
    broker = start_broker({"scripted": scripted.url}, pool=pool)
    told = Load([Caller(broker.socket_path(), 8, 40, ms=2) for _ in range(16)]).wait()
    outcomes = check_honest(told, scripted.ledger())
    assert outcomes.keys() == {"result", "not_executed"}, outcomes
    assert {one.reason for one in told if one.outcome != "result"} == {"overloaded"}
    assert broker.client().call("call", {"u": 1})["content"]
    row = broker.pool()
    assert (row["waiting"], row["inflight"]) == (0, 0)


# Deadlines.


def test_deadlines_hold_under_load(start_broker, scripted):
    """Calls that are never answered, among many that are: each ends by its deadline."""
    broker = start_broker({"scripted": scripted.url}, pool={"cancel_grace": "200ms"})
    busy = Load([Caller(broker.socket_path(), 8, None, ms=1) for _ in range(4)])
    busy.wait_result_after(0)
    told = []
    for deadline_ms in (100, 250, 400):
        meta = {"dev.teplo/deadlineMs": deadline_ms}
        load = Load([Caller(broker.socket_path(), 4, 8, meta, fault="mute") for _ in range(2)])
        told += load.wait()
        late = [one for one in load.told() if one.seconds > deadline_ms / 1000 + LATE_SECONDS + one.lag]
        assert not late, f"{len(late)} late, {max(one.seconds for one in late):.3f} s for {deadline_ms} ms"
    assert {one.outcome for one in told} <= {"unknown", "not_executed"}
    told += busy.finish()
    check_honest(told, scripted.ledger())


def test_d16_a_call_that_waits_is_answered_before_its_client_gives_up(narrow, raw):
    """Waiting a third of the client's patience leaves enough for the call."""
    first, held = hold_the_slot(narrow, raw)
    client = narrow.client()
    began = time.monotonic()
    call = client.start_call("counter", {"key": "late"}, meta={"dev.teplo/deadlineMs": 3000})
    narrow.wait_pool(lambda row: row["waiting"] == 1, "it waits")
    raw.release("slot")
    first.wait(held)
    assert client.wait(call, 3)["content"][0]["text"] == "1"
    assert time.monotonic() - began < 3 * places.SLOWNESS


def test_d16_a_call_that_waits_too_long_hears_it_before_its_client_gives_up(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={**ONE_AT_A_TIME, "queue_timeout": "500ms"})
    hold_the_slot(broker, raw)
    client = broker.client()
    began = time.monotonic()
    error = client.wait_error(client.start_call("counter", {"key": "never"}, meta={"dev.teplo/deadlineMs": 1500}))
    assert (error.code, error.outcome) == (-31002, "not_executed")
    assert 0.5 <= time.monotonic() - began <= 0.5 + LATE_SECONDS
    raw.release("slot")
    assert client.text("echo") == "echo"
    assert "never" not in raw.report().counters


# D1: a client closes at any moment.


def test_d01_a_client_that_closes_at_any_moment(start_broker, scripted):
    """0 to 50 ms after its call: nothing runs twice, and what began also ends."""
    pool = {"pool_size": 2, "max_inflight_per_session": 2}
    broker = start_broker({"scripted": scripted.url}, pool=pool)
    numbers = []
    for step in range(100):
        caller = Caller(broker.socket_path(), 1, 1, ms=5)
        caller.fill()
        numbers.append(caller.told[0].number)
        until = time.monotonic() + step * 0.0005
        while time.monotonic() < until:
            pass
        caller.socket.close()
    wait_until(lambda: not broker.admin("teplo/clients")["clients"], "all are gone")
    broker.wait_pool(lambda row: row["waiting"] == 0 and row["inflight"] == 0, "nothing is left")
    ledger = scripted.ledger()
    assert all(ledger[EXEC][number] <= 1 for number in numbers)
    assert all(ledger[EXEC][number] == ledger[DONE][number] for number in numbers)
    assert sum(ledger[EXEC][number] for number in numbers) > 20, "some were in time"
    assert broker.client().call("call", {"u": 1})["content"]


def test_d01_closing_while_queued_drops_the_call(narrow, raw):
    first, held = hold_the_slot(narrow, raw)
    ghosts = [narrow.client() for _ in range(5)]
    for ghost in ghosts:
        ghost.start_call("counter", {"key": "ghost"})
    narrow.wait_pool(lambda row: row["waiting"] == 5, "they wait")
    for ghost in ghosts:
        ghost.close()
    narrow.wait_pool(lambda row: row["waiting"] == 0, "they wait no more")
    raw.release("slot")
    first.wait(held)
    assert first.text("echo") == "echo"
    assert "ghost" not in raw.report().counters


# D9: cancelling.


def answers_of(client):
    return [line.message.get("id") for line in client.lines.items if "method" not in line.message]


def test_d09_cancelling_what_waits(narrow, raw):
    first, held = hold_the_slot(narrow, raw)
    client = narrow.client()
    cancelled = client.start_call("counter", {"key": "cancelled"})
    kept = client.start_call("counter", {"key": "kept"})
    narrow.wait_pool(lambda row: row["waiting"] == 2, "both wait")
    client.cancel(cancelled)
    client.cancel(cancelled)
    narrow.wait_pool(lambda row: row["waiting"] == 1, "one waits")
    raw.release("slot")
    first.wait(held)
    assert client.wait(kept)["content"][0]["text"] == "1"
    assert answers_of(client) == [kept], "what was cancelled is not answered"
    assert "cancelled" not in raw.report().counters
    assert raw.report().count("notifications/cancelled") == 0


def test_d09_another_clients_id_is_none_of_ones_own(narrow, raw):
    """Both call with the same id; each can take back its own only."""
    first, other = narrow.client(), narrow.client()
    held = first.start_call("hold", {"key": "slot"}, request_id=7)
    raw.wait_requests(1, "tools/call")
    waiting = other.start_call("counter", {"key": "theirs"}, request_id=8)
    narrow.wait_pool(lambda row: row["waiting"] == 1, "it waits")
    other.cancel(7)
    first.cancel(8)
    assert other.request("server/discover")
    raw.release("slot")
    assert "content" in first.wait(held)
    assert other.wait(waiting)["content"][0]["text"] == "1"
    assert raw.report().count("notifications/cancelled") == 0


def test_d09_before_the_request_after_the_answer_and_of_nothing(narrow, raw):
    client = narrow.client()
    client.cancel(5)
    call = client.start_call("counter", {"key": "k"}, request_id=5)
    assert client.wait(call)["content"][0]["text"] == "1", "a cancel holds for what is out only"
    for request_id in (5, 99, "5", None, 2**70):
        client.cancel(request_id)
    again = client.start_call("counter", {"key": "k"}, request_id=5)
    wait_until(lambda: len(client.answers(5)) == 2, "the id is free again")
    assert again == 5
    assert json.loads(client.answers(5)[1].raw)["result"]["content"][0]["text"] == "2"
    assert raw.report().count("notifications/cancelled") == 0


def test_d09_cancelling_what_was_sent(start_broker, raw):
    broker = start_broker({"raw": raw.url})
    client = broker.client()
    call = client.start_call("late")
    raw.wait_requests(1, "tools/call")
    client.cancel(call)
    client.cancel(call)
    raw.wait_requests(1, "notifications/cancelled")
    assert client.text("echo") == "echo"
    assert call not in answers_of(client), "its late answer is nobody's"
    assert raw.report().count("notifications/cancelled") == 1


def test_a_told_call_is_told_once():
    """The account itself can fail."""
    told = Told(1)
    told.take({"result": {}})
    told.take({"error": {"data": {"teplo": {"outcome": "not_executed"}}}})
    with pytest.raises(AssertionError):
        check_honest([told], {EXEC: {1: 1}})
