# SPDX-License-Identifier: MIT
"""What a refused POST says may be the tool's own words: nothing is run again for their sake."""

import pytest

LAPSED = "the card was charged, then the shop's session expired"


@pytest.mark.parametrize("status", [400, 401, 402, 404, 409, 410, 422, 500])
def test_an_answer_in_the_words_of_a_lost_session_is_the_answer(broker, raw, status):
    """The tool ran once; the next call gets a session that the server knows for sure."""
    client = broker.client()
    error = client.call_error("refuse", {"status": status, "words": LAPSED, "body": "answer"})
    assert (error.code, error.message, error.data) == (-32099, LAPSED, {})
    assert client.text("echo") == "echo"
    report = raw.report()
    assert report.counters["tool refuse"] == 1
    assert report.count("initialize") == 2


@pytest.mark.parametrize("status", [401, 402, 403, 409, 422])
@pytest.mark.parametrize("body", ["words", "error"])
def test_words_below_another_status_lose_no_session(broker, raw, status, body):
    client = broker.client()
    arguments = {"status": status, "words": "invalid input 'session not found'", "body": body}
    error = client.call_error("refuse", arguments)
    assert error.outcome == ("unknown" if status in (402, 409) else "not_executed")
    assert client.text("echo") == "echo"
    report = raw.report()
    assert report.counters["tool refuse"] == 1
    assert report.count("initialize") == 1


@pytest.mark.parametrize(
    "status, body",
    [(400, "words"), (400, "answer"), (404, "empty"), (404, "answer"), (422, "error")],
)
def test_one_clients_refusal_costs_no_other_its_call(start_broker, raw, status, body):
    """The server has taken the call and answers it, on the session that the refusal was about."""
    broker = start_broker({"raw": raw.url}, pool={"pool_size": 1})
    victim, other = broker.client(), broker.client()
    call = victim.start_call("hold", {"key": "k"})
    raw.wait_requests(1, "tools/call")
    arguments = {"status": status, "words": "no text 'session not found'", "body": body}
    other.call_error("refuse", arguments)
    assert other.text("echo") == "echo", "the pool goes on meanwhile"
    assert victim.find_answer(call) is None
    raw.release("k")
    assert victim.wait(call)["content"][0]["text"] == "released k"


def test_a_call_ends_with_the_stream_of_its_forgotten_session(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={"pool_size": 1})
    client = broker.client()
    call = client.start_call("hold", {"key": "k"})
    raw.wait_requests(1, "tools/call")
    client.call_error("refuse", {"status": 404, "body": "empty"})
    raw.cut()
    assert client.wait_error(call).outcome == "unknown"
