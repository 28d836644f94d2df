# SPDX-License-Identifier: MIT
"""Many calls of all kinds: memory and file descriptors stay flat.

TEPLO_SOAK_CALLS says how many (default 2,000).  By hand: TEPLO_SOAK_CALLS=100000.
"""

import os
import random
import threading

import pytest

CALLS = int(os.environ.get("TEPLO_SOAK_CALLS", "2000"))
WORKERS = 8
ROUNDS = 4


def work(broker, count, seed, failures):
    chance = random.Random(seed)
    try:
        with broker.client(chance.choice(["legacy", "modern"])) as client:
            for number in range(count):
                one_call(client, chance, number)
    except Exception as failure:  # noqa: BLE001 - shown by the test
        failures.append(failure)


def one_call(client, chance, number):
    kind = chance.randrange(10)
    if kind < 6:
        value = {"n": number, "t": "ї" * chance.randrange(2000)}
        assert client.call("echo", value)["structuredContent"] == value
    elif kind == 6:
        assert client.call("progress", {"steps": 2}, meta={"progressToken": number})
    elif kind == 7:
        assert client.call_error("error").code == -32603
    elif kind == 8:
        call = client.start_call("late")
        client.cancel(call)
    else:
        assert client.request("tools/list")["tools"]
    client.lines.items.clear()


def round_of(broker, calls, seed):
    failures = []
    workers = [
        threading.Thread(target=work, args=(broker, calls // WORKERS, seed * 100 + n, failures))
        for n in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures, failures[0]


@pytest.mark.soak
def test_memory_and_descriptors_stay_flat(start_broker, raw):
    broker = start_broker({"raw": raw.url}, options={"log_level": "warn"})
    round_of(broker, CALLS // ROUNDS, 0)
    raw.reset()
    memory, files = broker.rss_bytes(), broker.open_files()
    for number in range(1, ROUNDS):
        round_of(broker, CALLS // ROUNDS, number)
        raw.reset()  # the server itself must not grow
    broker.wait_pool(lambda row: row["inflight"] == 0, "all calls have ended")
    assert broker.admin("teplo/clients")["clients"] is not None
    assert broker.rss_bytes() - memory < 4 << 20
    assert abs(broker.open_files() - files) <= 8
    assert not [line for line in broker.log() if line.get("level") == "error"]


@pytest.mark.soak
def test_lost_streams_leave_nothing_behind(start_broker, raw):
    broker = start_broker({"raw": raw.url}, options={"log_level": "error"})
    client = broker.client()

    def lose(count):
        for _ in range(count):
            assert client.call_error("cut").outcome == "unknown"
            client.lines.items.clear()
        raw.reset()

    lose(50)
    memory, files = broker.rss_bytes(), broker.open_files()
    lose(150)
    assert broker.rss_bytes() - memory < 2 << 20
    assert abs(broker.open_files() - files) <= 4
