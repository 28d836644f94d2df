# SPDX-License-Identifier: MIT
"""A fleet of real brokers and a real Redis, held against proto/redis and REDIS.md: all of it."""

import json
import re
import threading
import urllib.request

import pytest

from harness import LONG_PATIENCE, RedisServer, free_port, places, wait_until
from redis_driver import PREFIX, Driver
from redis_schema import (
    MINUTE_PATIENCE_S,
    check_lifetimes,
    check_values,
    columns,
    event_types,
    fields,
    is_go_number,
    keys,
    plant_samples,
    samples,
)
from resp import Connection

# REDIS.md's formula, in bytes.
FIXED, BROKER, POOL, BROKER_POOL, SESSION, SERIES = 300_000, 1_100, 5_000, 2_900, 160, 310_000
EVENT_FIELDS = ["type", "sev", "inst", "pool", "sess", "code", "n", "msg"]
# Names that some parser would take for a number, and the longest ones.
NASTY = ["e5", "nan-1", "x" * 32]


@pytest.fixture
def redis(start_redis):
    return start_redis()


@pytest.fixture
def start_driver(cleanup):
    return cleanup.maker(Driver)


def entries(redis, key):
    return [dict(zip(flat[::2], flat[1::2])) for _, flat in redis("XRANGE", key, "-", "+")]


def check_streams(redis):
    """Each stream's entries have the fields of its kind, in order; texts are texts to Go."""
    numbers = dict.fromkeys(samples(), "NUMBER")
    kinds = {"tbl:pools": columns("pools"), "tbl:inst": columns("inst"), "tbl:sess": columns("sess")}
    for key in redis.keys(PREFIX + "*"):
        if redis("TYPE", key) != "stream":
            continue
        name = key[len(PREFIX) :]
        if name == "ev":
            for entry in entries(redis, key):
                assert list(entry) == EVENT_FIELDS, entry
                assert entry["type"] in event_types() and int(entry["n"]) >= 1
                assert not [f for f in EVENT_FIELDS if f != "n" and is_go_number(entry[f])], entry
            continue
        forms = kinds.get(":".join(name.split(":")[:2])) or numbers
        for entry in entries(redis, key):
            check_values(entry, forms, key)


def check_hashes(redis):
    extra = {"inst_live": "COUNT", "inst_bad": "COUNT", "inst_dead": "COUNT"}
    for pattern, forms in (
        ("i:*", fields("instance")),
        ("p:*", fields("pool")),
        ("f:*", {**fields("pool"), **extra}),
        ("fleet", fields("fleet")),
        ("cfg:*", fields("config")),
    ):
        found = redis.keys(PREFIX + pattern)
        assert found, pattern
        for key in found:
            check_values(redis.row(key), forms, key)


def test_all_that_a_fleet_writes_is_as_documented(start_broker, start_redis, cleanup, raw):
    redis = start_redis()
    options = {"redis": {"url": redis.url, "tick": "200ms", "forget_after": "1s"}}
    plant_samples(redis, PREFIX, NASTY)
    brokers = [start_broker({name: raw.url for name in NASTY}, options=options) for _ in range(2)]
    for broker in brokers:
        for name in NASTY:
            client = broker.client(pool=name)
            client.call("echo")
            client.call("is_error")
            client.call_error("cut")
        broker.admin("teplo/flush")
    wait_until(lambda: redis.keys(PREFIX + "ts1m:*"), "samples", MINUTE_PATIENCE_S)
    wait_until(lambda: len(redis.keys(PREFIX + "f:*")) == 3, "sums")
    check_hashes(redis)
    check_streams(redis)
    check_durations(redis, brokers[0], NASTY[0])
    # Dead: no key is left but those that are meant to be.
    victim = brokers.pop()
    victim.kill9()
    wait_until(lambda: redis.keys(PREFIX + "base:*"), "its totals are kept", LONG_PATIENCE)
    brokers[0].client(pool=NASTY[0]).call("echo")
    brokers[0].admin("teplo/flush")
    names = {key.name for key in keys()}
    wait_until(lambda: set(check_lifetimes(redis, PREFIX)) == names, "every kind of key", 30)
    check_streams(redis)
    check_one_slot(redis, cleanup)


def check_durations(redis, broker, name):
    """What was measured gets to where the fleet's quantiles are made of it."""
    found = redis.keys(PREFIX + f"h:{name}:*")
    (key,) = [key for key in found if redis.row(instance_key(key)).get("pid") == str(broker.pid)]
    lat, wait, create = redis("GET", key).split(";")[2:]
    calls = int(redis.row(PREFIX + key[len(PREFIX) :].replace("h:", "p:", 1))["calls_total"])
    assert int(re.match(r"lat n=(\d+) ", lat)[1]) >= calls > 0
    assert int(re.match(r"wait n=(\d+) ", wait)[1]) > 0 and int(re.match(r"create n=(\d+) ", create)[1]) > 0
    row = redis.row(PREFIX + f"f:{name}")
    quantiles = [float(row[f"lat_{name}_ms"]) for name in ("p50", "p95", "p99", "max")]
    assert quantiles[0] > 0 and quantiles == sorted(quantiles)


def instance_key(key):
    return PREFIX + "i:" + key.split(":")[-1]


def check_one_slot(redis, cleanup):
    cluster = cleanup.maker(RedisServer)("--cluster-enabled", "yes", "--cluster-port", free_port())
    slots = {cluster("CLUSTER", "KEYSLOT", key) for key in redis.keys()}
    assert len(slots) == 1


# How much it weighs.


def weight(redis):
    connection = Connection(redis.port)
    total = sum(connection("MEMORY", "USAGE", key, "SAMPLES", 0) for key in redis.keys(PREFIX + "*"))
    connection.done()
    return total


FILL = """
local step, count = tonumber(ARGV[1]), tonumber(ARGV[2])
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
redis.call('DEL', KEYS[1])
for i = 1, count do
  local entry = {}
  for j = 1, #last[2], 2 do
    entry[j], entry[j + 1] = last[2][j], string.format('%d', i * j * 7919 % 100000)
  end
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', count, string.format('%.0f-0', 1700000000000 + i * step), unpack(entry))
end
"""


def test_the_keys_weigh_what_the_page_says(redis, start_driver):
    """Ten brokers, twenty pools, 64 sessions each, streams as long as they get."""
    brokers, pools, sessions = 10, 20, 64
    plant_samples(redis, PREFIX, [f"pool{number}" for number in range(pools)])
    drivers = [start_driver(redis.url, tick_ms=200, pools=pools) for _ in range(brokers)]
    for driver in drivers:
        driver.ask(f"sessions {sessions}")
        driver.ask("set calls_total 123456789")
        driver.ask("set ok_total 98765432")
        assert driver.flush()
    wait_until(lambda: len(redis.keys(PREFIX + "ts1m:*")) == pools + 1, "samples", MINUTE_PATIENCE_S)
    for driver in drivers:
        driver.program.kill()
    for name, step, count in (("ts10s", 10000, 360), ("ts1m", 60000, 1440)):
        for key in redis.keys(PREFIX + name + ":*"):
            redis("EVAL", FILL, 1, key, step, count)
    event = ["type", "session_lost", "sev", "warn", "inst", drivers[0].instance, "pool", "pool0", "sess", "-"]
    event += ["code", "reset", "n", 1, "msg", "the event stream ended: connection reset by peer"]
    for _ in range(2000):
        redis("XADD", PREFIX + "ev", "*", *event)
    weighs = weight(redis)
    formula = (
        FIXED + brokers * BROKER + pools * POOL + brokers * pools * BROKER_POOL
        + brokers * sessions * SESSION + (pools + 1) * SERIES
    )  # fmt: skip
    print(f"{weighs} bytes, {formula} by the formula")
    assert weighs < 1.2 * formula
    assert weighs > 0.5 * formula, "the formula is far too pessimistic"


def test_hashes_stay_compact_with_the_longest_names_and_texts(redis, start_driver):
    driver = start_driver(redis.url, namespace="n" * 32)
    prefix = driver.prefix
    for field, kind in fields("pool").items():
        if kind == "TEXT":
            driver.ask(f"set {field} " + "x" * 200)
        elif kind == "COUNT" and not field.startswith("s_"):
            driver.ask(f"set {field} 18446744073709551615")
    driver.ask("config " + "y" * 100)
    assert driver.flush() and driver.flush()
    for key in ("f:pool0", "fleet", "cfg:pool0", "meta"):
        wait_until(lambda: redis("EXISTS", prefix + key), key)
    for key in redis.keys(prefix + "*"):
        if redis("TYPE", key) == "hash" and key != prefix + "meta":
            assert redis("OBJECT", "ENCODING", key) in ("listpack", "ziplist"), key


# Secrets.


class Tape:
    """All that the server executes, as text."""

    def __init__(self, port):
        self.connection = Connection(port)
        self.connection("MONITOR")
        self.lines = []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while True:
                self.lines.append(self.connection.read())
        except (OSError, ValueError):
            pass

    def done(self):
        self.connection.socket.shutdown(2)
        self.thread.join()
        self.connection.done()


def all_of(redis):
    """Every value there is, as text."""
    readers = {
        "string": lambda key: redis("GET", key),
        "hash": lambda key: redis("HGETALL", key),
        "zset": lambda key: redis("ZRANGE", key, 0, -1, "WITHSCORES"),
        "stream": lambda key: redis("XRANGE", key, "-", "+"),
    }
    kinds = {key: redis("TYPE", key) for key in redis.keys()}
    return {key: repr(readers[kind](key)) for key, kind in kinds.items() if kind != "none"}


def pages(broker):
    """What is answered over HTTP."""
    address = broker.wait_log("http_listening")["address"]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    texts = []
    for path in ("/metrics", "/readyz?verbose", "/healthz"):
        with opener.open(f"http://{address}{path}", timeout=LONG_PATIENCE) as response:
            texts.append(response.read().decode())
    return "\n".join(texts)


def test_no_secret_is_anywhere_that_operators_look(start_broker, start_redis, cleanup, start_raw):
    redis = start_redis()
    admin = Connection(redis.port)
    admin("CONFIG", "SET", "requirepass", "canary-redis")
    admin("CONFIG", "SET", "requirepass", "")
    admin("ACL", "SETUSER", "teplo", "on", ">canary-redis", "+@all", "~*")
    tape = cleanup.maker(Tape)(redis.port)
    raw = start_raw(bearer="canary-bearer")
    server = {
        "url": raw.url + "?token=canary-query",
        "headers": {"Authorization": "Bearer canary-bearer", "X-Api-Key": "canary-header"},
    }
    url = f"redis://teplo:canary-redis@127.0.0.1:{redis.port}/0"
    options = {
        "redis": {"url": url, "tick": "100ms"},
        "log_level": "debug",
        "metrics_listen": "127.0.0.1:0",
        "metrics_tools": "on",
    }
    broker = start_broker({"raw": server}, options=options)
    client = broker.client()
    client.call("echo", {"secret": "canary-argument"})
    client.call("echo", {"canary-key": {"deep": ["canary-deep"]}}, meta={"x": "canary-meta"})
    client.call_error("error", {"message": "canary-error"})
    client.call("is_error", {"text": "canary-result"})
    session_ids = {entry for entry in raw.ctl("streams")["streams"]}
    client.call_error("cut", {"x": "canary-cut"})
    assert session_ids
    broker.admin("teplo/flush")
    wait_until(lambda: "session_lost" in str(all_of(redis)), "events")
    looked = {f"Redis {key}": text for key, text in all_of(redis).items()}
    looked["MONITOR"] = "\n".join(tape.lines)
    looked["the log"] = broker.program.output()
    looked["/metrics"] = pages(broker)
    assert "teplo_sessions" in looked["/metrics"]
    methods = re.findall(r'COMMAND\("(teplo/\w+)"', (places.REPO / "broker/control/admin_commands.def").read_text())
    for method in methods:
        if method not in ("teplo/shutdown", "teplo/reload", "teplo/drain", "teplo/resume", "teplo/outcome"):
            looked[method] = json.dumps(broker.admin(method))
    assert len(looked["MONITOR"]) > 1000 and len(looked) > 20
    for where, text in looked.items():
        found = re.search("|".join(["canary-[a-z]+", *session_ids]), text)
        assert not found, (where, found)
    admin.done()
