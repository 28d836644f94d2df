# SPDX-License-Identifier: MIT
"""Faults of the HTTP side of a server, by the rows of the fault matrix (A: HTTP)."""

import time

import pytest

# Around the moment at which the server closes what has been idle for ten milliseconds.
SPREAD_MS = [9.8 + 0.05 * step for step in range(9)] + [10.3, 10.6, 11.0]


def race(broker, pool, calls):
    """CALLS calls, each sent as the last one's connection is being closed."""
    with broker.client(meta_pool=pool) as client:
        for number in range(calls):
            time.sleep(SPREAD_MS[number % len(SPREAD_MS)] / 1000)  # this is the fault
            yield client.wait_line(client.start_call("counter", {"key": pool})).message


@pytest.mark.slow
def test_a07_three_thousand_calls_race_the_close_of_an_idle_connection(start_broker, start_raw):
    """Many pools: each has to learn of the server's ways anew."""
    raw = start_raw(idle_close_ms=10)
    pools = [f"p{number}" for number in range(100)]
    broker = start_broker({pool: raw.url for pool in pools})
    for pool in pools:
        answers = list(race(broker, pool, 30))
        assert [answer["error"] for answer in answers if "error" in answer] == []
        texts = [answer["result"]["content"][0]["text"] for answer in answers]
        assert texts == [str(number) for number in range(1, 31)], "each ran once"
    assert [raw.report().counters[pool] for pool in pools] == [30] * 100


@pytest.mark.slow
def test_a07_three_thousand_calls_to_a_server_that_closes_silently_at_once(start_broker, start_raw):
    raw = start_raw(close_after_post="silent")
    client = start_broker({"raw": raw.url}).client()
    for number in range(1, 3001):
        assert client.text("counter", {"key": "n"}) == str(number)
    report = raw.report()
    assert report.counters["n"] == 3000
    assert report.count("initialize") == 1
