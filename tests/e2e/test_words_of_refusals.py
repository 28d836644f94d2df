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
