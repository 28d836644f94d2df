# SPDX-License-Identifier: MIT
"""
A Redis that is absent, killed, frozen, full, read-only, wiped, forbidden or no Redis at all.  The
publisher says so once, never holds its loop up, never grows, and is back when Redis is.
"""

import pytest

from harness import LONG_PATIENCE, RedisServer, free_port, places, wait_until
from redis_driver import (
    IS_SANITIZED,
    PREFIX,
    Driver,
    FakeNames,
    FakeRedis,
    Obedient,
    answer_all,
    hold,
)
from resp import Connection

MIB = 1 << 20


@pytest.fixture
def redis(start_redis):
    return start_redis("--enable-debug-command", "yes", "--enable-protected-configs", "yes")


@pytest.fixture
def start_driver(cleanup):
    return cleanup.maker(Driver)


@pytest.fixture
def start_fake(cleanup):
    return cleanup.maker(FakeRedis)


@pytest.fixture
def connect(cleanup):
    return cleanup.maker(Connection)


@pytest.fixture
def up(redis, start_driver):
    """A driver whose Redis is well."""
    driver = start_driver(redis.url)
    driver.wait_log("redis_up")
    assert driver.flush()
    return driver


def is_whole(redis, driver):
    """All rows are there with all their fields, and a tick younger than this question."""
    return (
        driver.flush()
        and redis.row(driver.key("i")).get("state") == "serving"
        and len(redis.row(driver.key("p", "pool0"))) == len(fields_of_pool())
        and redis("ZSCORE", PREFIX + "inst", driver.instance) is not None
        and redis("ZSCORE", PREFIX + "pools", "pool0") is not None
        and redis("HGET", PREFIX + "meta", "schema") == "1"
        and all(redis("TTL", key) > 0 for key in redis.keys())
    )


def fields_of_pool():
    text = (places.REPO / "proto" / "redis" / "pool_fields.def").read_text()
    return [line for line in text.splitlines() if line.startswith("POOL_")]


def wait_whole(redis, driver):
    wait_until(lambda: is_whole(redis, driver), "everything is in Redis again", LONG_PATIENCE)


# Away.


@pytest.mark.valgrind
def test_absent_at_the_start(start_redis, start_driver):
    driver = start_driver(f"redis://127.0.0.1:{free_port()}")
    line = driver.wait_log("redis_down")
    assert (line["level"], line["code"]) == ("warn", "LOST") and "refused" in line["why"]
    assert not driver.flush()
    assert driver.state() == "down"
    # However often it tries.
    hold(1.5, lambda: len(driver.log("redis_down")) == 1, "one line")
    assert int(driver.ask("close", "closed")["ms"]) < 100 * places.SLOWNESS


@pytest.mark.valgrind
def test_killed_and_started_again(redis, up):
    up.ask("event health warn pool0 - 1 before")
    wait_until(lambda: redis.events(PREFIX + "ev"), "the event")
    up.reset_gap()
    redis.kill()
    up.wait_log("redis_down")
    assert not up.flush()
    up.ask("event health warn pool0 - 3 while it was away")
    since = up.position()
    redis.start()
    up.wait_log("redis_up", LONG_PATIENCE, since)
    up.check_gap()
    wait_whole(redis, up)
    events = wait_until(lambda: redis.events(PREFIX + "ev"), "the events")
    assert [event["n"] for event in events if event["msg"] == "while it was away"] == ["3"]
    states = [event["msg"] for event in events if event["type"] == "redis_state"]
    assert len(states) == 2 and states[0].startswith("down") and states[1] == "up"
    assert len(up.log("redis_down")) == 1 and len(up.log("redis_up")) == 2
    assert up.ask("state")["reconnects"] == "1"


def test_frozen(redis, up):
    up.reset_gap()
    redis.freeze()
    slow = up.wait_log("redis_slow")
    down = up.wait_log("redis_down")
    assert down["code"] == "TIMEOUT" and slow["ts"] < down["ts"]
    hold(5, lambda: up.state() == "down", "down as long as it is frozen")
    up.check_gap()
    since = up.position()
    redis.thaw()
    up.wait_log("redis_up", LONG_PATIENCE, since)
    wait_whole(redis, up)
    up.check_gap()
    assert [len(up.log(event)) for event in ("redis_slow", "redis_down")] == [1, 1]


def test_slow_but_alive(redis, up, connect):
    up.reset_gap()
    since = up.position()
    connect(redis.port).socket.sendall(b"DEBUG SLEEP 1.8\r\n")
    up.wait_log("redis_slow")
    up.wait_log("redis_up", since=since)
    assert not up.log("redis_down")
    assert int(up.ask("state")["skipped"]) > 0
    up.check_gap()


def test_a_flush_of_a_frozen_redis_ends(redis, up):
    redis.freeze()
    since = up.position()
    assert up.ask("flushes 3", "flushes=")["flushes"] == "3"
    up.wait_for("flushed ok=0", 10, since)
    wait_until(lambda: len([x for x in up.program.lines.items[since:] if "flushed ok=0" in str(x)]) == 3, "all of them")


@pytest.mark.valgrind
def test_the_end_does_not_wait_for_a_frozen_redis(redis, up):
    redis.freeze()
    closed = up.ask("close", "closed")
    assert 450 <= int(closed["ms"]) < 700 * places.SLOWNESS


@pytest.mark.slow
def test_connections_that_are_cut_cost_nothing(redis, start_driver):
    driver = start_driver(redis.url, tick_ms=50)
    assert driver.flush()
    driver.reset_gap()

    def cut(times):
        for _ in range(times):
            before = int(driver.ask("state")["reconnects"])
            redis("CLIENT", "KILL", "TYPE", "normal")
            wait_until(
                lambda: (state := driver.ask("state"))["word"] == "up" and int(state["reconnects"]) > before, "up again"
            )

    cut(20)
    rss, fds = driver.usage()
    cut(180)
    rss_after, fds_after = driver.usage()
    assert fds_after <= fds
    assert rss_after - rss < (2 if not IS_SANITIZED else 64) * MIB
    driver.check_gap()


# Refusing.


def test_full(redis, up):
    up.reset_gap()
    redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
    redis("CONFIG", "SET", "maxmemory", "1mb")
    line = up.wait_log("redis_oom")
    assert line["code"] == "OOM" and "maxmemory" in line["why"]
    up.ask("event health warn pool0 - 1 while it was full")
    assert not up.flush()
    # The heartbeat is kept alive.
    redis("PEXPIRE", up.key("i"), 5000)
    wait_until(lambda: redis("PTTL", up.key("i")) > 20000, "the heartbeat")
    redis("CONFIG", "SET", "maxmemory", "0")
    up.wait_log("redis_up", 15 * places.SLOWNESS, since=up.position() - 1)
    wait_whole(redis, up)
    wait_until(
        lambda: "while it was full" in [event["msg"] for event in redis.events(PREFIX + "ev")], "the event"
    )
    assert len(up.log("redis_oom")) == 1
    up.check_gap()


def test_a_flush_tries_a_full_redis_at_once(redis, up):
    redis("CONFIG", "SET", "maxmemory", "1mb")
    up.wait_log("redis_oom")
    redis("CONFIG", "SET", "maxmemory", "0")
    assert up.flush()
    assert up.state() == "up"


def test_a_replica(redis, up):
    redis("REPLICAOF", "127.0.0.1", free_port())
    line = up.wait_log("redis_readonly")
    assert line["code"] == "READONLY" and "master" in line["why"]
    since = up.position()
    redis("REPLICAOF", "NO", "ONE")
    up.wait_log("redis_up", LONG_PATIENCE, since)
    wait_whole(redis, up)
    assert len(up.log("redis_readonly")) == 1
    assert int(up.ask("state")["reconnects"]) >= 1


def test_a_redis_that_cannot_save(redis, up):
    gone = redis.directory / "gone"
    gone.mkdir()
    redis("CONFIG", "SET", "dir", gone)
    gone.rmdir()
    redis("CONFIG", "SET", "save", "3600 1")
    redis("SET", "x", 1, "EX", 600)
    redis("BGSAVE")
    line = up.wait_log("redis_readonly")
    assert line["code"] == "MISCONF" and "save" in line["why"]
    since = up.position()
    redis("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
    up.wait_log("redis_up", 15 * places.SLOWNESS, since)
    wait_whole(redis, up)
    # Such a Redis is asked again on the same connection.
    assert up.ask("state")["reconnects"] == "0"


@pytest.mark.parametrize("refuses_time", [False, True], ids=["", "time"])
@pytest.mark.parametrize("word", ["LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"])
def test_what_passes_is_waited_for(start_fake, start_driver, word, refuses_time):
    obedient = Obedient(refuses_time)
    obedient.error = f"{word} not now"
    fake = start_fake(obedient)
    driver = start_driver(fake.url)
    assert driver.wait_log("redis_down")["code"] == word
    obedient.error = None
    driver.wait_log("redis_up", 15 * places.SLOWNESS)
    # On the same connection.
    assert (fake.accepted, len(driver.log("redis_down"))) == (1, 1)


def test_the_clock_of_redis_jumps(start_fake, start_driver):
    obedient = Obedient()
    driver = start_driver(start_fake(obedient).url)
    assert driver.flush()
    for ahead_s in (3600, -3600):
        obedient.ahead_s = ahead_s
        del obedient.events[:]
        wait_until(lambda: [event["type"] for event in obedient.events] == ["clock_jump"], "the event")
        offset = float(driver.ask("state")["offset_ms"]) / 1000
        assert abs(offset - ahead_s) < 2


def test_wiped(redis, up):
    for _ in range(5):
        redis("FLUSHALL")
        wait_whole(redis, up)
    # Also when only a row is lost.
    redis("DEL", up.key("p", "pool0"))
    wait_whole(redis, up)
    assert up.state() == "up"


def test_wiped_without_a_pool(redis, start_driver):
    driver = start_driver(redis.url, pools=0)
    assert driver.flush()
    redis("FLUSHALL")
    wait_until(lambda: redis("HGET", PREFIX + "meta", "schema") == "1", "meta is back")


def test_somebody_elses_keys_are_left_alone(redis, start_driver):
    names = ("inst", "pools", "meta", "ev")
    for name in names:
        redis("SET", PREFIX + name, "mine")
    driver = start_driver(redis.url)
    driver.ask("event health warn pool0 - 1 nowhere to go")
    for name in names:
        line = driver.wait_log("redis_key_refused", key=PREFIX + name)
        assert line["level"] == "warn" and "WRONGTYPE" in line["why"]
    assert driver.flush() and driver.flush()
    assert driver.state() == "up"
    assert len(redis.row(driver.key("p", "pool0"))) == len(fields_of_pool())
    driver.ask("close", "closed")
    for name in names:
        assert (redis("GET", PREFIX + name), redis("TTL", PREFIX + name)) == ("mine", -1)
    assert len(driver.log("redis_key_refused")) == 4


def test_a_row_of_somebody_else(redis, up):
    redis("DEL", up.key("p", "pool0"))
    redis("SET", up.key("p", "pool0"), "mine")
    up.wait_log("redis_key_refused")
    assert up.flush()
    assert redis("GET", up.key("p", "pool0")) == "mine" and up.state() == "up"


# Without memory.


@pytest.mark.valgrind
@pytest.mark.parametrize("every", [1, 2, 3])
def test_without_memory(redis, start_driver, every):
    driver = start_driver(redis.url, tick_ms=20)
    driver.ask(f"starve {every}")
    driver.ask("pools 40")
    driver.ask("sessions 40")
    for _ in range(20):
        driver.ask("flushes 3", "flushes=")
    hold(0.3, lambda: driver.state() in ("up", "down"), "it goes on")
    redis("CLIENT", "KILL", "TYPE", "normal")
    hold(0.3, lambda: driver.state() in ("up", "down"), "it goes on")
    driver.ask("starve 0")
    wait_until(driver.flush, "a flush", LONG_PATIENCE)
    assert len(redis.row(driver.key("p", "pool39"))) == len(fields_of_pool())


# Forbidden.


@pytest.mark.parametrize("credentials", ["", ":canary-1@", "teplo:canary-1@", "default:canary-1@"])
def test_a_wrong_password(cleanup, start_driver, credentials):
    redis = cleanup.maker(Secured)()
    driver = start_driver(f"redis://{credentials}127.0.0.1:{redis.port}")
    line = driver.wait_log("redis_down")
    assert line["code"] == ("NOAUTH" if not credentials else "WRONGPASS")
    assert "password" in line["why"]
    # It does not hammer.
    attempts = redis.attempts()
    hold(2, lambda: redis.attempts() == attempts, "no other attempt for a while")
    assert "canary" not in driver.program.output()
    good = start_driver(f"redis://:{Secured.PASSWORD}@127.0.0.1:{redis.port}")
    assert good.flush()
    assert Secured.PASSWORD not in good.program.output()


def test_a_password_where_none_is_wanted(redis, start_driver):
    driver = start_driver(f"redis://:canary-1@127.0.0.1:{redis.port}")
    line = driver.wait_log("redis_down")
    assert line["code"] == "NOPASS" and "canary" not in driver.program.output()


def test_a_renamed_auth_does_not_tell_the_password(start_redis, start_driver):
    redis = start_redis("--rename-command", "AUTH", "sesame")
    driver = start_driver(f"redis://teplo:canary-1@127.0.0.1:{redis.port}")
    driver.wait_log("redis_down")
    assert "canary" not in driver.program.output()


def test_missing_rights(redis, start_driver):
    redis("ACL", "SETUSER", "teplo", "on", ">x", "+@all", "-hset", "~*")
    driver = start_driver(f"redis://teplo:x@127.0.0.1:{redis.port}")
    line = driver.wait_log("redis_down")
    assert line["code"] == "NOPERM" and "hset" in line["why"]


def test_rows_without_events_if_only_those_are_forbidden(redis, start_driver):
    redis("ACL", "SETUSER", "teplo", "on", ">x", "+@all", "-xadd", "-client|setname", "~*")
    driver = start_driver(f"redis://teplo:x@127.0.0.1:{redis.port}")
    driver.ask("event health warn pool0 - 1 forbidden")
    driver.wait_log("redis_key_refused", key=PREFIX + "ev")
    assert driver.flush() and driver.state() == "up"
    driver.ask("event health warn pool0 - 1 dropped")
    assert int(driver.ask("state")["drops"]) >= 1


def test_no_place_for_one_more_client(start_redis, start_driver, connect):
    redis = start_redis()
    occupant = connect(redis.port)
    occupant("CONFIG", "SET", "maxclients", 1)
    driver = start_driver(redis.url)
    line = driver.wait_log("redis_down")
    assert line["code"] == "CLIENTS" and "maxclients" in line["why"]
    occupant("CONFIG", "SET", "maxclients", 100)
    driver.wait_log("redis_up", 15 * places.SLOWNESS)


def test_a_database_that_is_not_there(redis, start_driver):
    driver = start_driver(f"redis://127.0.0.1:{redis.port}/99")
    line = driver.wait_log("redis_down")
    assert line["code"] == "OTHER" and "DB index" in line["why"]


# Names.


@pytest.mark.parametrize("addresses", [None, []], ids=["no answer", "no such name"])
@pytest.mark.valgrind
def test_a_name_that_cannot_be_looked_up(cleanup, tmp_path, start_driver, addresses):
    names = cleanup.maker(FakeNames)(tmp_path, addresses)
    driver = start_driver("redis://redis.example:6379", env=names.env)
    driver.reset_gap()
    line = driver.wait_log("redis_down", LONG_PATIENCE)
    assert line["code"] == "LOST" and "lookup" in line["why"]
    asked = names.asked
    wait_until(lambda: names.asked > asked, "it is asked again", LONG_PATIENCE)
    driver.check_gap()
    # In the middle of the next lookup.
    assert int(driver.ask("close", "closed")["ms"]) < 500 * places.SLOWNESS


def test_stopping_in_the_middle_of_the_first_lookup(cleanup, tmp_path, start_driver):
    names = cleanup.maker(FakeNames)(tmp_path, None)
    driver = start_driver("redis://redis.example:6379", env=names.env)
    wait_until(lambda: names.asked > 0, "the question")
    driver.ask("close", "closed")


def test_each_address_of_a_name_is_tried(cleanup, tmp_path, redis, start_driver):
    names = cleanup.maker(FakeNames)(tmp_path, ["127.0.0.2", "127.0.0.3", "127.0.0.1"])
    driver = start_driver(f"redis://redis.example:{redis.port}", env=names.env)
    driver.reset_gap()
    driver.wait_log("redis_up")
    assert driver.flush()
    driver.check_gap()
    # A name that moves is looked up again.
    names.addresses = ["127.0.0.4"]
    redis("CLIENT", "KILL", "TYPE", "normal")
    driver.wait_log("redis_down")
    since = driver.position()
    names.addresses = ["127.0.0.1"]
    driver.wait_log("redis_up", LONG_PATIENCE, since)


def test_localhost(redis, start_driver):
    driver = start_driver(f"redis://localhost:{redis.port}")
    assert driver.flush()


# No Redis at all.

NONSENSE = {
    "http": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "resp3": b"%1\r\n+a\r\n+b\r\n",
    "a huge string": b"$1000000000\r\n" + b"x" * 200000,
    "a huge array": b"*2147483647\r\n",
    "deep arrays": b"*1\r\n" * 20,
    "a line without end": b"+" + b"x" * 200000,
    "replies to nothing": b"+OK\r\n" * 1000,
    "zeros": bytes(5000),
}


@pytest.mark.valgrind
@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense(start_fake, start_driver, what):
    def treat(connection, number):
        connection.recv(65536)
        connection.sendall(NONSENSE[what])
        connection.recv(65536)

    fake = start_fake(treat)
    driver = start_driver(fake.url)
    line = driver.wait_log("redis_down")
    assert line["code"] == "PROTOCOL", str(line)
    assert driver.state() == "down"


@pytest.mark.parametrize("answer", [b":1\r\n", b"+OK\r\n", b"*-1\r\n", b"*2\r\n$1\r\nx\r\n:1\r\n", b"$-1\r\n"])
def test_answers_that_do_not_fit(start_fake, start_driver, answer):
    driver = start_driver(start_fake(answer_all(answer)).url)
    assert driver.wait_log("redis_down")["code"] == "PROTOCOL"


def test_accepts_and_closes(start_fake, start_driver):
    fake = start_fake(lambda connection, number: connection.close())
    driver = start_driver(fake.url)
    driver.wait_log("redis_down")
    fake.wait_accepted(4)
    assert len(driver.log("redis_down")) == 1


def test_never_reads(start_fake, start_driver):
    """Silent from the start, and silent after a while: memory stays as it is."""
    fake = start_fake(lambda connection, number: None)
    driver = start_driver(fake.url, tick_ms=20, pools=300)
    driver.reset_gap()
    rss, _ = driver.usage()
    assert driver.wait_log("redis_down", LONG_PATIENCE)["code"] == "TIMEOUT"
    driver.ask("event health warn pool0 - 5000 {}")
    fake.wait_accepted(2)
    assert driver.usage()[0] - rss < 4 * MIB * (8 if IS_SANITIZED else 1)
    driver.check_gap()


class Secured:
    """A redis-server with a password."""

    PASSWORD = "canary-0"

    def __init__(self):
        self.server = RedisServer()
        self.server("CONFIG", "SET", "requirepass", self.PASSWORD)
        self.port = self.server.port
        self.connection = Connection(self.port, self.PASSWORD)

    def attempts(self):
        """Connections so far."""
        line = self.connection("INFO", "stats").split("total_connections_received:")[1]
        return int(line.split()[0])

    def done(self):
        self.connection.done()
        self.server.done()
