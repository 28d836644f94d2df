# SPDX-License-Identifier: MIT
"""Slow calls do not hold up fast ones, and a greedy client delays another by one call, not by all
of its own."""

import statistics
import struct
import time

import pytest

from harness import places, wait_until
from harness.scripted import EXEC, ScriptedServer
from load_clients import Caller, Load, check_honest

OPTIONS = {"max_inflight_per_client": 1024, "max_queued_per_client": 4096}


@pytest.fixture
def scripted(cleanup):
    return cleanup.maker(ScriptedServer)()


def executions(server):
    """The numbers of the calls in the order in which they were executed."""
    records = (record for (record,) in struct.iter_unpack("<Q", server.ledger_path.read_bytes()))
    return [record & ((1 << 56) - 1) for record in records if record >> 56 == EXEC]


def seconds_of_calls(client, count):
    """One call after the other: what each took."""
    taken = []
    for number in range(count):
        began = time.perf_counter()
        client.call("call", {"u": number + 1})
        taken.append(time.perf_counter() - began)
    return taken


def test_a_fast_call_behind_a_thousand_slow_ones(start_broker, scripted):
    """They are in flight on the same session: at most 5 ms more than on an idle broker."""
    pool = {"pool_size": 1, "max_inflight_per_session": 1024}
    broker = start_broker({"scripted": scripted.url}, pool=pool, options=OPTIONS)
    client = broker.client()
    seconds_of_calls(client, 20)
    idle = statistics.median(seconds_of_calls(client, 50))
    load = Load([Caller(broker.socket_path(), 50, 50, ms=4000) for _ in range(20)])
    wait_until(lambda: broker.pool()["inflight"] == 1000, "a thousand calls are in flight")
    busy = statistics.median(seconds_of_calls(client, 50))
    assert broker.pool()["inflight"] == 1000, "they were in flight all the time"
    print(f"idle {idle * 1000:.2f} ms, behind a thousand {busy * 1000:.2f} ms")
    assert busy - idle <= 0.005 * places.SLOWNESS
    assert check_honest(load.wait(), scripted.ledger()) == {"result": 1000}


SLOTS, SERVICE_MS, POLITE, POLITE_CALLS = 4, 5, 4, 50


def polite_times(broker, others, seconds=None):
    """What each call of the polite clients took, one at a time each, while OTHERS load it."""
    polite = [Caller(broker.socket_path(), 1, POLITE_CALLS, ms=SERVICE_MS) for _ in range(POLITE)]
    background = Load(others)
    if others[0].window > 1:
        wait_until(lambda: broker.pool()["waiting"] > 500, "the greedy one has its queue")
    told = Load(polite).wait(seconds)
    background.stopping = True
    assert {one.outcome for one in told} == {"result"}
    return sorted(one.seconds for one in told), background


def test_d11_one_greedy_client_does_not_slow_the_polite(start_broker, scripted):
    """Their median and their worst but one of a hundred: twice what they are among their like."""
    pool = {"pool_size": 1, "max_inflight_per_session": SLOTS, "queue_max": 8192}
    broker = start_broker({"scripted": scripted.url}, pool=pool, options=OPTIONS)
    peers = [Caller(broker.socket_path(), 1, None, ms=SERVICE_MS) for _ in range(SLOTS)]
    alone, background = polite_times(broker, peers)
    background.finish()
    greedy = [Caller(broker.socket_path(), 1000, None, ms=SERVICE_MS)]
    beside, background = polite_times(broker, greedy)
    told = background.finish(60)
    assert check_honest(told, scripted.ledger()).keys() == {"result"}

    def at(times, share):
        return times[min(len(times) - 1, int(len(times) * share))]

    slack = 0.004 * places.SLOWNESS
    for share in (0.5, 0.99):
        print(f"p{share * 100:.0f}: {at(alone, share) * 1000:.1f} ms, beside {at(beside, share) * 1000:.1f} ms")
        assert at(beside, share) <= 2 * at(alone, share) + slack
    # What it would be if calls were served in order of arrival: a thousand before each.
    assert at(beside, 0.99) < 1000 / SLOTS * SERVICE_MS / 1000 / 4


def test_d10_each_client_gets_its_turn(start_broker, scripted):
    """One slot, ten clients with a queue each: executed by turns, and in order within each."""
    pool = {"pool_size": 1, "max_inflight_per_session": 1, "queue_max": 8192}
    broker = start_broker({"scripted": scripted.url}, pool=pool, options=OPTIONS)
    blocker = broker.client()
    first = blocker.start_call("call", {"u": 1, "ms": 500})
    scripted.wait_executed(1)
    clients, each = 10, 20
    load = Load([Caller(broker.socket_path(), each, each) for _ in range(clients)])
    wait_until(lambda: broker.pool()["waiting"] == clients * each, "all of them wait")
    assert blocker.find_answer(first) is None, "the slot is taken while they queue up"
    told = load.wait()
    assert check_honest(told, scripted.ledger()) == {"result": clients * each}
    owner = {one.number: index for index, caller in enumerate(load.callers) for one in caller.told}
    order = executions(scripted)[1:]
    for turn in range(each):
        served = [owner[number] for number in order[turn * clients : (turn + 1) * clients]]
        assert sorted(served) == list(range(clients)), f"turn {turn} served {served}"
    for index, caller in enumerate(load.callers):
        mine = [number for number in order if owner[number] == index]
        assert mine == [one.number for one in caller.told], "a client's calls keep their order"


def test_a_latecomer_waits_for_one_turn(start_broker, scripted):
    """With k backlogged clients and c slots the head of each is served within k * service / c."""
    backlogged, slots, service_ms = 6, 2, 20
    pool = {"pool_size": 1, "max_inflight_per_session": slots, "queue_max": 8192}
    broker = start_broker({"scripted": scripted.url}, pool=pool, options=OPTIONS)
    load = Load([Caller(broker.socket_path(), 40, None, ms=service_ms) for _ in range(backlogged)])
    wait_until(lambda: broker.pool()["waiting"] > backlogged * 30, "all have a queue")
    late = Load([Caller(broker.socket_path(), 1, 20, ms=service_ms)]).wait()
    load.finish(30)
    bound = (backlogged + 1) * service_ms / slots / 1000 + service_ms / 1000
    worst, median = max(one.seconds for one in late), statistics.median(one.seconds for one in late)
    print(f"bound {bound * 1000:.0f} ms, median {median * 1000:.1f} ms, worst {worst * 1000:.1f} ms")
    assert median <= bound + 0.04 * places.SLOWNESS
    assert worst <= 2 * bound + 0.1 * places.SLOWNESS
