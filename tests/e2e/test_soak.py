# SPDX-License-Identifier: MIT
"""Many calls of all kinds: memory and file descriptors stay flat.

TEPLO_SOAK_CALLS says how many (default 2,000).  By hand: TEPLO_SOAK_CALLS=100000.
"""

import os
import random
import threading

import pytest

from harness import Client

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


def check_memory(broker, before, slack):
    if not broker.is_sanitized():  # a sanitizer keeps what was freed for a while
        assert broker.rss_bytes() - before < slack


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
    check_memory(broker, memory, 4 << 20)
    assert abs(broker.open_files() - files) <= 8
    assert not [line for line in broker.log() if line.get("level") == "error"]


@pytest.mark.soak
def test_lost_streams_leave_nothing_behind(start_broker, raw):
    """Few, since a server that loses stream after stream is rightly left alone for a while."""
    broker = start_broker({"raw": raw.url}, pool={"backoff_min": "1ms", "backoff_max": "1ms"})
    client = broker.client()

    def lose(count):
        for _ in range(count):
            assert client.call_error("cut").outcome == "unknown"
            assert client.text("echo") == "echo"

    lose(5)
    memory, files = broker.rss_bytes(), broker.open_files()
    lose(12)
    check_memory(broker, memory, 1 << 20)
    assert abs(broker.open_files() - files) <= 4


@pytest.mark.soak
def test_clients_that_come_and_go_leave_nothing_behind(start_broker, raw):
    broker = start_broker({"raw": raw.url}, options={"log_level": "warn"}, pool={"pool_size": 1})

    def visit(count):
        for number in range(count):
            client = Client(broker.socket_path(), "legacy" if number % 2 else "modern")
            client.start_call("progress", {"steps": 3}, meta={"progressToken": 1})
            if number % 3:
                client.text("echo")
            client.close()

    visit(50)
    broker.wait_pool(lambda row: row["inflight"] == 0, "all calls have ended")
    memory, files = broker.rss_bytes(), broker.open_files()
    visit(CALLS // 8)
    broker.wait_pool(lambda row: row["inflight"] == 0, "all calls have ended")
    check_memory(broker, memory, 1 << 20)
    assert abs(broker.open_files() - files) <= 4
