# SPDX-License-Identifier: MIT
"""
The rights that proto/REDIS.md asks for, where test_redis_page.py does not go: a whole broker, one
behind sentinels, one in a cluster; all that a reader may read, and what neither may touch.
"""

import pytest

from harness import LONG_PATIENCE, places, wait_until
from redis_driver import PREFIX, Driver, FakeRedis
from redis_places import Node
from resp import Connection, RedisError

REDIS_MD = (places.REPO / "proto" / "REDIS.md").read_text(encoding="utf-8")


def rules_below(heading):
    return REDIS_MD.partition(f"\n{heading}")[2].partition("```\n")[2].partition("```")[0].split()


def permit(redis, *more):
    redis("ACL", "SETUSER", "teplo", "on", ">canary", *rules_below("A broker:"), *more)
    redis("ACL", "SETUSER", "reader", "on", ">canary", *rules_below("A dashboard"))
    redis("ACL", "LOG", "RESET")
    return redis


@pytest.fixture
def redis(start_redis):
    return permit(start_redis())


@pytest.fixture
def start_driver(cleanup):
    return cleanup.maker(Driver)


@pytest.fixture
def connect(cleanup):
    return cleanup.maker(Connection)


def denied(redis):
    return [entry for entry in redis("ACL", "LOG") if "teplo" in entry]


def test_a_broker_that_works(redis, start_broker, raw):
    options = {"url": redis.url, "username": "teplo", "password": "canary", "tick": "100ms"}
    broker = start_broker({"raw": raw.url}, options={"redis": options})
    broker.client().call("echo")
    broker.admin("teplo/flush")
    assert redis.row(redis.keys(f"{PREFIX}p:raw:*")[0])["calls_total"] == "1"
    wait_until(lambda: redis("HGET", PREFIX + "fleet", "calls_total") == "1", "the sum")
    broker.signal(1)
    broker.wait_log("reloaded")
    broker.client().call("echo")
    broker.admin("teplo/flush")
    broker.stop()
    assert not redis.keys(f"{PREFIX}i:*")
    assert denied(redis) == []


@pytest.mark.parametrize("has_role", [False, True], ids=["without ROLE", "with ROLE"])
def test_behind_sentinels(redis, cleanup, start_driver, has_role):
    def tell(connection, number):
        connection.recv(65536)
        connection.sendall(b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n" % (len(str(redis.port)), redis.port))
        connection.recv(65536)

    sentinel = cleanup.maker(FakeRedis)(tell)
    redis("ACL", "SETUSER", "teplo", "+role" if has_role else "-role")
    driver = start_driver(f"sentinel://teplo:canary@127.0.0.1:{sentinel.port}/m")
    if has_role:
        assert driver.flush() and denied(redis) == []
    else:
        line = driver.wait_log("redis_down")
        assert line["code"] == "NOPERM" and "role" in line["why"]


def test_in_a_cluster(cleanup, start_driver):
    """Of one node: all it needs that is different is the right to say ASKING, if a slot moves."""
    node = permit(cleanup.maker(Node)(), "+asking")
    node("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    wait_until(lambda: "cluster_state:ok" in node("CLUSTER", "INFO"), "the cluster", LONG_PATIENCE)
    driver = start_driver(f"redis://teplo:canary@127.0.0.1:{node.port}")
    assert driver.flush() and denied(node) == []
    teplo = Connection(node.port, "teplo", "canary")
    assert teplo("ASKING") == "OK"
    teplo.done()


def read(connection, key):
    """All of KEY."""
    kind = connection("TYPE", key)
    words = {
        "hash": ("HGETALL", key), "string": ("GET", key), "stream": ("XRANGE", key, "-", "+"),
        "zset": ("ZRANGE", key, 0, -1, "WITHSCORES"),
    }  # fmt: skip
    return connection(*words[kind])


def test_a_reader_reads_all(redis, start_driver, connect):
    driver = start_driver(f"redis://teplo:canary@127.0.0.1:{redis.port}")
    driver.ask("event health warn pool0 - 1 once")
    assert driver.flush()
    wait_until(lambda: redis.keys(PREFIX + "tbl:inst") and redis.keys(PREFIX + "ts10s:*"), "all kinds", LONG_PATIENCE)
    reader = connect(redis.port, "reader", "canary")
    keys = redis.keys()
    kinds = {key.removeprefix(PREFIX).split(":")[0] for key in keys}
    assert kinds >= {"i", "p", "f", "h", "cfg", "fleet", "tbl", "ts10s", "meta", "ev", "inst", "pools"}
    for key in keys:
        assert read(reader, key), key
    assert sorted(reader("SCAN", 0, "COUNT", 10000)[1]) == keys
    may = {rule[1:] for rule in rules_below("A dashboard") if rule.startswith("+")}
    for category in ("write", "admin", "dangerous", "scripting"):
        assert may & set(redis("ACL", "CAT", category)) == set(), category


def test_a_broker_touches_nothing_of_others(redis, connect):
    writer = connect(redis.port, "teplo", "canary")
    other = "teplo:{other}:v1:meta"
    for words in (("GET", "a"), ("SET", "a", 1), ("DEL", other), ("FLUSHALL",), ("KEYS", "*"), ("CONFIG", "GET", "*")):
        with pytest.raises(RedisError, match="NOPERM"):
            writer(*words)
    # Nor with a script, which is held to the same rules.
    with pytest.raises(RedisError):
        writer("EVAL", "return redis.call('SET', KEYS[1], 1)", 1, other)
    assert redis("EXISTS", other) == 0
