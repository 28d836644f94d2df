# SPDX-License-Identifier: MIT
"""
Whatever happens to Redis, calls do not notice: none fails, none is slower, and the figures are fresh
soon after Redis is back.  A real teplod and a real redis-server, under load by a client that counts.

Calls beside a Redis in trouble are compared with those beside a good one in the same run, in turns,
by the median of the phases' 99th percentiles.  A shared machine is noisy: the gate is wide, and
TEPLO_REDIS_LONG=1 takes more and longer phases and a narrow one (and flaps for ten minutes).
"""

import os
import pathlib
import statistics
import threading
import time

import pytest

from harness import LONG_PATIENCE, free_port, places, wait_until
from harness.broker import sanitizer_options
from harness.scripted import ScriptedServer
from load_clients import Caller, Load, check_honest
from redis_driver import PREFIX, FakeNames
from redis_schema import check_lifetimes
from resp import Connection, RedisError

LONG = os.environ.get("TEPLO_REDIS_LONG") == "1"
CALLS = 5000 if LONG else 1500  # in a phase
ROUNDS = 9 if LONG else 1
RATIO = 1.05 if LONG else 3
RECOVERY_S = 5 * places.SLOWNESS
MIB = 1 << 20
PRELOAD = pathlib.Path(places.TEPLOD).parents[1] / "tests/support/faulty_host.so"


@pytest.fixture
def server(cleanup):
    return cleanup.maker(ScriptedServer)()


@pytest.fixture
def redis(start_redis):
    return start_redis()


def options_of(redis, **more):
    return {"redis": {"url": redis.url, "tick": "200ms", **more}}


def start(start_broker, server, redis, **more):
    broker = start_broker({"s": server.url}, options=options_of(redis, **more))
    broker.wait_log("redis_up")
    return broker


def start_load(broker):
    """One caller, one call at a time: what is measured is how long a call takes, not how many fit."""
    return Load([Caller(broker.socket_path(), 1)])


def answered(load, seconds=LONG_PATIENCE):
    """A phase: CALLS more calls, from now on; how long each took."""
    told = load.callers[0].told
    first = len(told)
    wait_until(lambda: len(told) > first + CALLS or load.failure, "calls go on", seconds)
    assert not load.failure, load.failure
    return [one.seconds for one in told[first : first + CALLS]]


def p99(seconds):
    return statistics.quantiles(seconds, n=100)[98]


# What happens to Redis.


class Trouble:
    """HARM and MEND a Redis; SAID is what the broker's log says of it, each line once."""

    said = ("redis_down", "redis_up")
    recovery_s = RECOVERY_S

    def __init__(self, redis, connection):
        self.redis = redis
        self.admin = connection


class Stopped(Trouble):
    def harm(self):
        self.redis.kill()

    def mend(self):
        self.redis.start()


class Frozen(Trouble):
    said = ("redis_slow", "redis_down", "redis_up")

    def harm(self):
        self.redis.freeze()

    def mend(self):
        self.redis.thaw()


class Full(Trouble):
    said = ("redis_oom", "redis_up")

    def harm(self):
        self.admin("CONFIG", "SET", "maxmemory-policy", "noeviction")
        self.admin("CONFIG", "SET", "maxmemory", "1mb")

    def mend(self):
        self.admin("CONFIG", "SET", "maxmemory", "0")


class Wiped(Trouble):
    said = ()

    def harm(self):
        self.admin("FLUSHALL")

    def mend(self):
        self.admin("FLUSHALL")


class ReadOnly(Trouble):
    said = ("redis_readonly", "redis_up")

    def harm(self):
        self.admin("REPLICAOF", "127.0.0.1", free_port())

    def mend(self):
        self.admin("REPLICAOF", "NO", "ONE")


class Restarted(Trouble):
    def harm(self):
        self.redis.kill()
        self.redis.start()

    def mend(self):
        pass


class WrongPassword(Trouble):
    """A broker whose password is refused tries again after half a minute only."""

    recovery_s = 35 * places.SLOWNESS

    def harm(self):
        self.admin("CONFIG", "SET", "requirepass", "another")
        self.admin("CLIENT", "KILL", "TYPE", "normal")

    def mend(self):
        self.admin("CONFIG", "SET", "requirepass", "")


TROUBLES = [Stopped, Frozen, Full, Wiped, ReadOnly, Restarted]


def row_of(redis, kind):
    keys = redis.keys(f"{PREFIX}{kind}:*")
    return redis.row(keys[0]) if len(keys) == 1 else {}


def is_fresh(redis, since_ms):
    """The rows of the broker and of its pool are of after SINCE_MS, and whole."""
    instance, pool = row_of(redis, "i"), row_of(redis, "p")
    return (
        int(instance.get("hb_at_ms", 0)) > since_ms
        and int(pool.get("updated_at_ms", 0)) > since_ms
        and "calls_total" in pool
        and "upstream" in pool
    )


def wait_fresh(redis, seconds):
    """How long it took, from now on."""
    begun = time.monotonic()
    since_ms = int(time.time() * 1000)

    def asked():
        try:
            return is_fresh(redis, since_ms)
        except (RedisError, OSError):
            return False

    wait_until(asked, "the figures are fresh", seconds)
    return time.monotonic() - begun


def lines_of_redis(broker, since):
    wanted = ("redis_up", "redis_down", "redis_slow", "redis_oom", "redis_readonly")
    return [line["event"] for line in broker.program.lines.items[since:] if line.get("event") in wanted]


def state_events(redis, since_ms):
    entries = redis("XRANGE", PREFIX + "ev", since_ms, "+")
    rows = [dict(zip(flat[::2], flat[1::2])) for _, flat in entries]
    changes = [row for row in rows if row["type"] == "redis_state"]
    assert {row["n"] for row in changes} <= {"1"}
    return ["redis_" + row["msg"].split(":")[0] for row in changes]


class Run:
    """A broker under load, and what becomes of it in each trouble."""

    def __init__(self, redis, broker, load):
        self.redis = redis
        self.broker = broker
        self.load = load
        self.good, self.bad = [], {}

    def suffer(self, kind):
        self.good.append(p99(answered(self.load)))
        admin = Connection(self.redis.port)
        trouble = kind(self.redis, admin)
        since = self.broker.log_position()
        since_ms = int(time.time() * 1000)
        trouble.harm()
        for event in trouble.said[:-1]:
            self.broker.wait_log(event, LONG_PATIENCE, since)
        self.bad.setdefault(kind.__name__, []).append(p99(answered(self.load)))
        trouble.mend()
        took = wait_fresh(self.redis, trouble.recovery_s)
        if trouble.said:
            self.broker.wait_log("redis_up", LONG_PATIENCE, since)
            # One line a change, and one event.
            wait_until(lambda: state_events(self.redis, since_ms) == list(trouble.said), f"events of {trouble.said}")
        assert lines_of_redis(self.broker, since) == list(trouble.said)
        admin.done()
        print(f"{kind.__name__}: fresh after {took:.2f} s, p99 {self.bad[kind.__name__][-1] * 1e6:.0f} us")

    def ratio(self):
        bad = [value for values in self.bad.values() for value in values]
        return statistics.median(bad) / statistics.median(self.good)


def test_calls_do_not_notice_what_happens_to_redis(start_broker, server, redis):
    broker = start(start_broker, server, redis)
    load = start_load(broker)
    answered(load)
    rss = broker.rss_bytes()
    run = Run(redis, broker, load)
    for number in range(ROUNDS + 3):
        if number < ROUNDS or (run.ratio() > RATIO and not LONG):
            for kind in TROUBLES:
                run.suffer(kind)
    told = load.finish()
    print(f"p99 in trouble {run.ratio():.3f} of p99 without, over {len(told)} calls")
    for name, values in run.bad.items():
        print(f"{name}: {statistics.median(values) / statistics.median(run.good):.3f}")
    assert check_honest(told, server.ledger()) == {"result": len(told)}
    if not broker.is_sanitized():
        assert broker.rss_bytes() - rss < 8 * MIB
        assert run.ratio() < RATIO


def test_a_password_that_is_refused(start_broker, server, redis):
    broker = start(start_broker, server, redis)
    load = start_load(broker)
    admin = Connection(redis.port)
    trouble = WrongPassword(redis, admin)
    since = broker.log_position()
    trouble.harm()
    line = broker.wait_log("redis_down", since=since)
    assert line["code"] in ("LOST", "NOAUTH")
    answered(load)
    trouble.mend()
    if LONG:
        wait_fresh(redis, trouble.recovery_s)
    admin.done()
    told = load.finish()
    assert check_honest(told, server.ledger()) == {"result": len(told)}


def test_a_name_server_that_never_answers(start_broker, cleanup, server, redis, tmp_path):
    names = cleanup.maker(FakeNames)(tmp_path, None)
    env = {
        **names.env,
        "LD_PRELOAD": str(PRELOAD),
        "ASAN_OPTIONS": sanitizer_options()["ASAN_OPTIONS"] + ":verify_asan_link_order=0",
    }
    url = f"redis://redis.example:{redis.port}"
    broker = start_broker({"s": server.url}, options={"redis": {"url": url, "tick": "200ms"}}, env=env)
    plain = start_broker({"s": server.url}, options=options_of(redis, namespace="plain"))
    wait_until(lambda: names.asked > 0, "the question")
    loads = [start_load(one) for one in (broker, plain)]
    slow, usual = [], []
    for _ in range(3 if not LONG else 11):
        slow.append(p99(answered(loads[0])))
        usual.append(p99(answered(loads[1])))
    ratio = statistics.median(slow) / statistics.median(usual)
    print(f"p99 {ratio:.3f} of that of a broker whose Redis has an address")
    assert broker.wait_log("redis_down", LONG_PATIENCE)["code"] == "LOST"
    # Now it answers.
    names.addresses = ["127.0.0.1"]
    wait_until(lambda: redis.keys(PREFIX + "i:*"), "its rows", LONG_PATIENCE)
    for load in loads:
        told = load.finish()
        assert {one.outcome for one in told} == {"result"}
    if not broker.is_sanitized():
        assert ratio < RATIO


def test_a_redis_that_comes_and_goes(start_broker, server, redis):
    """Memory and descriptors stay as they are, and every key is as it should be afterwards."""
    broker = start(start_broker, server, redis)
    load = start_load(broker)
    end = time.monotonic() + (600 if LONG else 20)
    marks = []
    number = 0
    while time.monotonic() < end:
        number += 1
        since = broker.log_position()
        redis.kill()
        broker.wait_log("redis_down", since=since)
        redis.start()
        broker.wait_log("redis_up", LONG_PATIENCE, since)
        if number in (3, 4) or time.monotonic() >= end:
            marks.append((broker.rss_bytes(), broker.open_files()))
    told = load.finish()
    print(f"{number} times, {len(told)} calls: {marks}")
    assert number >= 5
    assert check_honest(told, server.ledger()) == {"result": len(told)}
    (rss, files), (rss_after, files_after) = marks[0], marks[-1]
    if not broker.is_sanitized():  # which keeps what was freed
        assert rss_after - rss < 4 * MIB
    assert files_after <= max(files, marks[1][1])
    wait_fresh(redis, RECOVERY_S)
    broker.admin("teplo/flush")
    wait_until(lambda: all(redis("PTTL", key) != -1 for key in redis.keys()), "every key has its TTL")
    check_lifetimes(redis, PREFIX)


# What it costs.


def cpu_ns(broker):
    return int(pathlib.Path(f"/proc/{broker.pid}/schedstat").read_text().split()[0])


def writes(broker):
    text = pathlib.Path(f"/proc/{broker.pid}/io").read_text()
    return int(text.split("syscw:")[1].split()[0])


def seq_of(redis, broker):
    for key in redis.keys(PREFIX + "i:*"):
        row = redis.row(key)
        if row.get("pid") == str(broker.pid):
            return int(row["seq"])
    return 0


class Counter:
    """How often each client of a Redis says MULTI and EXEC."""

    def __init__(self, port):
        self.connection = Connection(port)
        self.connection("MONITOR")
        self.counts = {}
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while True:
                words = self.connection.read().split(" ", 4)
                key = (words[2].rstrip("]"), words[3].strip('"').upper())
                self.counts[key] = self.counts.get(key, 0) + 1
        except (OSError, ValueError, AttributeError, IndexError):
            pass

    def done(self):
        self.connection.socket.shutdown(2)
        self.thread.join()
        self.connection.done()


def address_of(redis, broker_pid, instance):
    for line in redis("CLIENT", "LIST").splitlines():
        fields = dict(word.partition("=")[::2] for word in line.split())
        if fields.get("name") == f"teplo:{instance}":
            return fields["addr"]
    raise AssertionError("no such client")


def test_what_the_publisher_costs(start_broker, cleanup, server, redis):
    """
    Twenty pools, a tick a second, nothing to do: a broker that leads, one that does not, and one
    without Redis, side by side.
    """
    servers = {f"pool-{number}": server.url for number in range(20)}
    options = {"redis": {"url": redis.url}}
    leader = start_broker(servers, options=options)
    leader.wait_log("redis_up")
    wait_until(lambda: redis("GET", PREFIX + "leader"), "it leads")
    other = start_broker(servers, options=options)
    other.wait_log("redis_up")
    without = start_broker(servers)
    wait_until(lambda: seq_of(redis, other) >= 2, "it is at work")
    (instance,) = [key.split(":")[-1] for key in redis.keys(PREFIX + "i:*") if redis.row(key)["pid"] == str(other.pid)]
    counter = cleanup.maker(Counter)(redis.port)
    address = address_of(redis, other.pid, instance)
    brokers = (leader, other, without)
    before = [cpu_ns(broker) for broker in brokers]
    begun, first_seq, first_writes = time.monotonic(), seq_of(redis, other), writes(other)
    first_count = counter.counts.get((address, "MULTI"), 0)
    ticks = 30 if LONG else 5
    wait_until(lambda: seq_of(redis, other) >= first_seq + ticks, "ticks", LONG_PATIENCE)
    seconds, last_writes = time.monotonic() - begun, writes(other)
    used = [100 * (cpu_ns(broker) - was) / 1e9 / seconds for broker, was in zip(brokers, before)]
    done = seq_of(redis, other) - first_seq
    multis = counter.counts.get((address, "MULTI"), 0) - first_count
    print(f"CPU of a core: leading {used[0]:.3f} %, not leading {used[1]:.3f} %, without Redis {used[2]:.3f} %")
    print(f"{done} ticks: {multis} transactions, {last_writes - first_writes} writes")
    if not other.is_sanitized():
        assert used[0] - used[2] < (1 if LONG else 3) and used[1] - used[2] < (1 if LONG else 3)
    assert abs(multis - done) <= 1
    # The tick, and the question who leads.
    assert last_writes - first_writes <= 2 * (done + 1) + 2
