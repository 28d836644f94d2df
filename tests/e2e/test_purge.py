# SPDX-License-Identifier: MIT
"""teploctl redis purge: exactly one fleet's keys go, and not under brokers that live."""

import os

import pytest

from harness import RedisServer, wait_until
from harness.fleet_seed import FleetSeed
from harness.terminal import Terminal
from teploctl_runner import NO_BROKER, NOT_EXECUTED, OK, REFUSED, USAGE, command, environment, run

LONG_AGO_MS = 3_600_000
# What must stay, however much it looks like keys of the fleet `main`.
NEIGHBOURS = [
    "teplo:{main2}:v1:fleet", "teplo:{mai}:v1:fleet", "teplo:{main}:v2:fleet", "teplo:{main}:v1", "teplo:main:v1:x",
    "xteplo:{main}:v1:x", "teplo:{Main}:v1:x", "teplo:{m?in}:v1:x", "graph", "teplo:{other}:v1:p:{main}:v1:x",
]  # fmt: skip


@pytest.fixture(scope="module")
def server():
    redis = RedisServer()
    yield redis
    redis.done()


@pytest.fixture
def redis(server):
    server("FLUSHALL")
    return server


@pytest.fixture
def seed(redis):
    """A fleet whose brokers are gone, and its neighbours."""
    seed = FleetSeed(redis)
    seed.silent_ms = dict.fromkeys(seed.brokers, LONG_AGO_MS)
    seed.write()
    seed.write_samples("github", count=5)
    for name in NEIGHBOURS:
        redis("SET", name, "x")
    return seed


def purge(redis, *words, **keywords):
    return run(None, "redis", "purge", "--redis", redis.url, *words, **keywords)


def test_exactly_that_fleet_goes(redis, seed):
    ours = redis.keys(seed.key("*"))
    out = purge(redis, "--ns", "main", "--yes").expect(OK).out
    assert f"removed {len(ours)} keys of the fleet main" in out
    assert "12 p" in out and "1 fleet" in out and "4 cfg" in out
    assert redis.keys() == sorted(NEIGHBOURS)
    assert "removed 0 keys" in purge(redis, "--ns", "main", "--yes").expect(OK).out


def test_a_dry_run_removes_nothing(redis, seed):
    before = redis.keys()
    ours = redis.keys(seed.key("*"))
    assert f"would remove {len(ours)} keys" in purge(redis, "--ns", "main", "--dry-run").expect(OK).out
    assert redis.keys() == before


def test_thousands_of_keys_go_in_batches(redis):
    seed = FleetSeed(redis, brokers=[], pools={})
    seed.pipeline([["SET", seed.key(f"p:pool-{number}:i"), "x"] for number in range(2500)])
    seed.pipeline([["SET", f"graph-{number}", "x"] for number in range(2500)])
    redis("CONFIG", "RESETSTAT")
    assert "removed 2500 keys" in purge(redis, "--ns", "main", "--yes").expect(OK).out
    assert redis("DBSIZE") == 2500
    calls = {
        line.split(":")[0].removeprefix("cmdstat_"): int(line.split("calls=")[1].split(",")[0])
        for line in redis("INFO", "commandstats").splitlines()
        if line.startswith("cmdstat_")
    }
    assert calls["unlink"] >= 25 and calls["scan"] >= 3
    assert not set(calls) & {"keys", "flushall", "flushdb", "select", "del"}


def test_live_brokers_keep_it(redis, seed):
    seed.silent_ms = {seed.brokers[0]: LONG_AGO_MS, seed.brokers[1]: LONG_AGO_MS}
    seed.write()
    before = redis.keys()
    ended = purge(redis, "--ns", "main", "--yes").expect(NOT_EXECUTED, seed.brokers[2])
    assert "1 brokers" in ended.err and redis.keys() == before
    purge(redis, "--ns", "main", "--yes", "--force").expect(OK)
    assert redis.keys() == sorted(NEIGHBOURS)


def test_what_a_real_broker_wrote_goes(start_broker, raw, redis):
    broker = start_broker({"raw": raw.url}, options={"redis": {"url": redis.url, "namespace": "mine"}})
    wait_until(lambda: redis.keys("teplo:{mine}:v1:i:*"), "the broker writes")
    purge(redis, "--ns", "mine", "--yes").expect(NOT_EXECUTED, "alive")
    broker.stop()
    # One that has ended well has said so, and is no longer among the brokers.
    purge(redis, "--ns", "mine", "--yes").expect(OK)
    assert redis.keys() == []


def test_its_rights(redis, seed):
    rules = ["~teplo:{main}:v1:*", "+scan", "+unlink", "+zrange", "+hmget", "+time"]
    redis("ACL", "SETUSER", "purger", "on", ">hidden", *rules)
    redis("ACL", "SETUSER", "looker", "on", ">hidden", *[rule for rule in rules if rule != "+unlink"])
    url = f"redis://looker:hidden@127.0.0.1:{redis.port}"
    ended = run(None, "redis", "purge", "--redis", url, "--ns", "main", "--yes").expect(REFUSED, "NOPERM")
    assert "hidden" not in ended.err and len(redis.keys(seed.key("*"))) > 20
    ended = run(None, "redis", "purge", "--ns", "main", "--yes", env={"TEPLO_REDIS_URL": url.replace("looker", "purger")})
    assert "hidden" not in ended.expect(OK).out
    assert redis.keys() == sorted(NEIGHBOURS)


def test_it_asks_on_a_terminal(redis, seed, cleanup):
    words = command("redis", "purge", "--redis", redis.url, "--ns", "main")
    for answer, status in (("n\n", NOT_EXECUTED), ("\n", NOT_EXECUTED), ("y\n", OK)):
        terminal = cleanup.maker(Terminal)(words, environment(None))
        terminal.wait_for_output(b"[y/N]")
        assert redis.keys(seed.key("*"))
        terminal.press(answer)
        assert terminal.wait() == status
    assert redis.keys() == sorted(NEIGHBOURS)


@pytest.mark.parametrize(
    "words, what",
    [
        (["purge", "--ns", "main"], "--yes"),
        (["purge", "--yes"], "which fleet"),
        (["purge", "--ns", "ma*n", "--yes"], "a fleet's name"),
        (["purge", "--ns", "", "--yes"], "a fleet's name"),
        (["flush", "--ns", "main", "--yes"], "purge"),
    ],
)
def test_usage(redis, seed, words, what):
    before = redis.keys()
    run(None, "redis", *words, "--redis", redis.url).expect(USAGE, what)
    assert redis.keys() == before


def test_no_redis():
    environment_has_it = "TEPLO_REDIS_URL" in os.environ
    if not environment_has_it:
        run(None, "redis", "purge", "--ns", "main", "--yes").expect(USAGE, "where is Redis")
    run(None, "redis", "purge", "--ns", "main", "--yes", "--redis", "unix:///nowhere/redis.sock").expect(NO_BROKER, "/nowhere")
