# SPDX-License-Identifier: MIT
"""A cluster: all keys of a fleet are in one slot, and the node that has it is found and followed."""

import socket

import pytest

from harness import LONG_PATIENCE, free_port, places, wait_until
from redis_driver import PREFIX, Driver, FakeRedis, Obedient, hold
from redis_places import Cluster, is_synced
from resp import Connection


@pytest.fixture
def start_driver(cleanup):
    return cleanup.maker(Driver)


@pytest.fixture
def connect(cleanup):
    return cleanup.maker(Connection)


@pytest.fixture
def start_fake(cleanup):
    return cleanup.maker(FakeRedis)


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster(PREFIX + "meta")
    yield cluster
    cluster.done()


# A real one.


def test_from_each_node(cluster, start_driver):
    for node in cluster.nodes:
        driver = start_driver(node.url)
        assert driver.flush() or driver.flush()
        assert cluster.owner.row(driver.key("i"))["state"] == "serving"
        assert not driver.log("redis_down")
        where = f"127.0.0.1:{cluster.owner.port}"
        assert driver.log("redis_up")[0].get("at") == (None if node is cluster.owner else where)
        driver.ask("close", "closed")


def test_another_database(cluster, start_driver):
    driver = start_driver(cluster.nodes[0].url.replace("/0", "/1"))
    line = driver.wait_log("redis_down")
    assert line["code"] == "ONE_DATABASE" and "database 0 only" in line["why"]


def move_slot(cluster, source, target):
    """All that has to be done to move our slot, with a pause for WHILE_OPEN in the middle."""
    target("CLUSTER", "SETSLOT", cluster.slot, "IMPORTING", source.id)
    source("CLUSTER", "SETSLOT", cluster.slot, "MIGRATING", target.id)
    while keys := source("CLUSTER", "GETKEYSINSLOT", cluster.slot, 100):
        source("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "REPLACE", "KEYS", *keys)


def close_slot(cluster, target):
    for node in [target] + [node for node in cluster.nodes if node is not target]:
        node("CLUSTER", "SETSLOT", cluster.slot, "NODE", target.id)
    cluster.owner = target
    cluster.others = [node for node in cluster.nodes if node is not target]


def test_the_slot_moves(cluster, start_driver, connect):
    source, target = cluster.owner, cluster.others[0]
    driver = start_driver(source.url)
    assert driver.flush()
    driver.reset_gap()
    move_slot(cluster, source, target)
    # Half-way: the old node says ASK, and the new one wants ASKING.
    wait_until(driver.flush, "rows at the new node", LONG_PATIENCE)
    with_asking = connect(target.port)
    assert with_asking("ASKING") == "OK" and with_asking("HGET", driver.key("i"), "state") == "serving"
    close_slot(cluster, target)
    assert driver.flush() or driver.flush()
    seq = int(driver.ask("state")["seq"])
    wait_until(lambda: int(target.row(driver.key("i"))["seq"]) > seq, "it goes on")
    driver.ask("close", "closed")
    driver.check_gap()


@pytest.mark.slow
def test_the_node_dies(cleanup, start_driver):
    """Its replica takes over, and another node knows; the one of the url is not needed for it."""
    cluster = cleanup.maker(Cluster)(PREFIX + "meta", replicas=1)
    (replica,) = cluster.replicas
    wait_until(lambda: is_synced(replica), "the replica has the data", LONG_PATIENCE)
    driver = start_driver(cluster.others[0].url)
    assert driver.flush() or driver.flush()
    driver.reset_gap()
    cluster.owner.kill()
    wait_until(lambda: "role:master" in replica("INFO", "replication"), "the replica takes over", LONG_PATIENCE * 2)
    seq = replica.row(driver.key("i")).get("seq")
    wait_until(lambda: replica.row(driver.key("i")).get("seq") != seq, "rows there", 5 * places.SLOWNESS)
    driver.wait_log("redis_up", at=f"127.0.0.1:{replica.port}")
    # Then the node of the url goes too: nothing of it is needed.
    cluster.others[0].kill()
    hold(1, lambda: driver.state() == "up", "up without that one")
    driver.check_gap()


# Scripted ones.


class Member(Obedient):
    """Obeys, and says REDIRECT (if it has one) to all that has a key."""

    def __init__(self):
        super().__init__()
        self.redirect = None
        self.words = []

    def answer(self, words, queued):
        self.words.append(words[0])
        if words[0] == "ASKING":
            return "+OK\r\n"
        if self.redirect and words[0] not in ("CLIENT", "MULTI", "TIME", "EXEC", "AUTH"):
            return f"-{self.redirect}\r\n"
        if self.redirect and words[0] == "EXEC":
            return "-EXECABORT Transaction discarded because of previous errors.\r\n"
        return super().answer(words, queued)


@pytest.fixture
def pair(start_fake):
    """Two nodes; the first one has nothing."""
    first, second = start_fake(Member()), start_fake(Member())
    first.treat.redirect = f"MOVED 1 127.0.0.1:{second.port}"
    return first, second


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", ""], ids=["address", "name", "empty"])
def test_moved(pair, start_driver, host):
    first, second = pair
    first.treat.redirect = f"MOVED 1 {host}:{second.port}"
    driver = start_driver(first.url)
    driver.wait_log("redis_up")
    assert driver.flush()
    # Once, and it is no trouble.
    assert (first.accepted, second.accepted) == (1, 1) and not driver.log("redis_down")


def test_moved_to_ipv6(start_fake, start_driver):
    first, second = start_fake(Member()), start_fake(Member(), "::1")
    first.treat.redirect = f"MOVED 1 ::1:{second.port}"
    driver = start_driver(first.url)
    assert driver.wait_log("redis_up")["at"] == f"[::1]:{second.port}"


def test_moved_back_and_forth(pair, start_driver):
    first, second = pair
    driver = start_driver(first.url)
    assert driver.flush() or driver.flush()
    for source, target in ((second, first), (first, second), (second, first)):
        target.treat.redirect = None
        source.treat.redirect = f"MOVED 1 127.0.0.1:{target.port}"
        before = target.accepted
        target.wait_accepted(before + 1)
        assert driver.flush() or driver.flush()
    assert not driver.log("redis_down")


def test_moved_in_circles(pair, start_driver):
    first, second = pair
    second.treat.redirect = f"MOVED 1 127.0.0.1:{first.port}"
    driver = start_driver(first.url)
    driver.reset_gap()
    line = driver.wait_log("redis_down")
    assert line["code"] == "MOVED" and "in circles" in line["why"]
    # And not as fast as it can.
    accepted = first.accepted + second.accepted
    assert accepted < 10
    hold(1, lambda: first.accepted + second.accepted == accepted, "a pause")
    second.treat.redirect = None
    driver.wait_log("redis_up", LONG_PATIENCE)
    driver.check_gap()


@pytest.mark.parametrize("redirect", ["MOVED 1 ?:7000", "MOVED 1 127.0.0.1", "MOVED", "MOVED 1 h:0"])
def test_moved_nowhere(start_fake, start_driver, redirect):
    first = start_fake(Member())
    first.treat.redirect = redirect
    driver = start_driver(first.url)
    assert driver.wait_log("redis_down")["code"] in ("MOVED", "OTHER")


def test_the_node_is_gone(pair, start_driver):
    """The one of the url is asked again, and knows another."""
    first, second = pair
    driver = start_driver(first.url)
    assert driver.flush() or driver.flush()
    third = free_port()
    first.treat.redirect = f"MOVED 1 127.0.0.1:{third}"
    second.done()
    driver.wait_log("redis_down")
    since = driver.position()
    first.treat.redirect = None
    driver.wait_log("redis_up", LONG_PATIENCE, since)
    assert "at" not in driver.log("redis_up")[-1]


@pytest.mark.valgrind
def test_ask(pair, start_driver):
    first, second = pair
    first.treat.redirect = f"ASK 1 127.0.0.1:{second.port}"
    driver = start_driver(first.url)
    driver.ask("event health warn pool0 - 1 once")
    assert driver.flush() or driver.flush()
    wait_until(lambda: "XADD" in second.treat.words, "the event")
    words = second.treat.words
    # ASKING before all that is no part of a transaction, and once.
    for number, word in enumerate(words):
        if word in ("MULTI", "XADD", "EXPIRE") and "MULTI" in words[:number]:
            in_transaction = words[:number].count("MULTI") > words[:number].count("EXEC")
            assert in_transaction or words[number - 1] == "ASKING", words[: number + 1]
    assert "ASKING" not in first.treat.words
    assert not any(a == b == "ASKING" for a, b in zip(words, words[1:]))
    # The slot has moved: nothing changes.  It has not: back.
    first.treat.redirect = None
    second.treat.redirect = f"MOVED 1 127.0.0.1:{first.port}"
    before = first.accepted
    first.wait_accepted(before + 1)
    assert driver.flush() or driver.flush()
    assert not driver.log("redis_down")


def test_a_path_leads_into_a_cluster(pair, start_driver, tmp_path, cleanup):
    """A proxy, or a node of its own, on a Unix socket: a redirect with a host is followed."""
    first, second = pair
    path = tmp_path / "s"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    fake = cleanup.maker(FakeRedis)(first.treat, "127.0.0.1", server)
    driver = start_driver(f"unix://{path}")
    driver.wait_log("redis_up", at=f"127.0.0.1:{second.port}")
    assert fake.accepted == 1

