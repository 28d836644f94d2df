# SPDX-License-Identifier: MIT
"""The master is where the sentinels say, also after a failover, and whatever the sentinels are."""

import time

import pytest

from harness import LONG_PATIENCE, free_port, places, wait_until
from harness.redis_server import decode
from redis_driver import PREFIX, Driver, FakeNames, FakeRedis, hold
from redis_places import Authority, Sentinel, TlsRedis, is_synced


@pytest.fixture
def start_driver(cleanup):
    return cleanup.maker(Driver)


@pytest.fixture
def start_sentinel(cleanup):
    return cleanup.maker(Sentinel)


@pytest.fixture
def start_fake(cleanup):
    return cleanup.maker(FakeRedis)


def url_of(*sentinels, master="m"):
    return f"sentinel://{','.join(f'127.0.0.1:{sentinel.port}' for sentinel in sentinels)}/{master}"


class Says:
    """A sentinel of the test's own: treats a connection with ANSWER(words), which may change."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def __call__(self, connection, number):
        with connection.makefile("rb") as stream:
            while True:
                words = decode(stream)
                self.asked.append(words)
                answer = self.answer(words)
                if answer is not None:
                    connection.sendall(answer)


def address(port, host="127.0.0.1"):
    return b"*2\r\n$%d\r\n%s\r\n$%d\r\n%d\r\n" % (len(host), host.encode(), len(str(port)), port)


def leads_to(redis):
    return Says(lambda words: address(redis.port))


# Failover.


def seconds_to_new_rows(redis, driver):
    """How long until the rows there are those of a new tick."""
    begin = time.monotonic()
    before = redis.row(driver.key("i")).get("seq")
    wait_until(lambda: redis.row(driver.key("i")).get("seq", before) != before, "a new row", LONG_PATIENCE)
    return time.monotonic() - begin


@pytest.fixture
def watched(start_redis, start_sentinel):
    """A master, its replica, and a sentinel that knows both."""
    master = start_redis()
    replica = start_redis("--replicaof", "127.0.0.1", master.port, "--repl-diskless-sync-delay", 0)
    wait_until(lambda: is_synced(replica), "the replica has the data", LONG_PATIENCE)
    sentinel = start_sentinel(master)
    wait_until(sentinel.knows_replica, "the sentinel knows the replica", LONG_PATIENCE)
    return master, replica, sentinel


def wait_switch(sentinel, replica):
    wait_until(lambda: sentinel.master_port() == replica.port, "the switch", LONG_PATIENCE * 2)


def test_the_master_dies(watched, start_driver):
    master, replica, sentinel = watched
    driver = start_driver(url_of(sentinel))
    line = driver.wait_log("redis_up")
    assert line["at"] == f"127.0.0.1:{master.port}"
    assert driver.flush()
    driver.reset_gap()
    master.kill()
    wait_switch(sentinel, replica)
    assert seconds_to_new_rows(replica, driver) < 5 * places.SLOWNESS
    assert driver.flush()
    driver.check_gap()
    # One word for each change.
    assert [len(driver.log(event)) for event in ("redis_down", "redis_up")] == [1, 2]
    assert driver.log("redis_up")[1]["at"] == f"127.0.0.1:{replica.port}"
    events = wait_until(lambda: redis_states(replica), "the events")
    assert [event["msg"].split(":")[0] for event in events] == ["down", "up"]


def redis_states(redis):
    states = [event for event in redis.events(PREFIX + "ev") if event["type"] == "redis_state"]
    return states if len(states) > 1 else None


def test_the_master_is_replaced_by_command(watched, start_driver):
    master, replica, sentinel = watched
    driver = start_driver(url_of(sentinel))
    assert driver.flush()
    sentinel("SENTINEL", "FAILOVER", "m")
    wait_switch(sentinel, replica)
    assert seconds_to_new_rows(replica, driver) < 5 * places.SLOWNESS
    assert driver.log("redis_up")[-1]["at"] == f"127.0.0.1:{replica.port}"


# What sentinels can say.


@pytest.mark.valgrind
def test_the_first_of_three_that_knows(start_redis, start_fake, start_driver):
    """One is gone, one does not answer, one knows nothing."""
    redis = start_redis()
    silent = start_fake(lambda connection, number: None)
    ignorant = start_fake(Says(lambda words: b"*-1\r\n"))
    knowing = start_fake(leads_to(redis))
    gone = f"127.0.0.1:{free_port()}"
    places = ",".join(f"127.0.0.1:{fake.port}" for fake in (silent, ignorant, knowing))
    driver = start_driver(f"sentinel://{gone},{places}/m")
    driver.reset_gap()
    driver.wait_log("redis_up", LONG_PATIENCE)
    assert driver.flush() and not driver.log("redis_down")
    assert knowing.treat.asked == [["SENTINEL", "get-master-addr-by-name", "m"]]
    driver.check_gap()


ANSWERS = {
    "no such master": (b"*-1\r\n", "knows no master called m"),
    "an error": (b"-ERR sorry\r\n", "ERR sorry"),
    "no sentinel": (b"-ERR unknown command 'SENTINEL'\r\n", "unknown command"),
    "another answer": (b"+OK\r\n", "no sentinel"),
    "an array of numbers": (b"*2\r\n:1\r\n:2\r\n", "no sentinel"),
    "a port too many": (address(65536), "no sentinel"),
    "a long name": (address(1, "h" * 256), "no sentinel"),
    "nonsense": (b"HTTP/1.1 400\r\n\r\n", "Protocol error"),
    "a huge array": (b"*2147483647\r\n", "a reply too long"),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_none_knows(start_fake, start_driver, what):
    answer, words = ANSWERS[what]
    fake = start_fake(Says(lambda _: answer))
    driver = start_driver(f"sentinel://127.0.0.1:{free_port()},127.0.0.1:{fake.port}/m")
    line = driver.wait_log("redis_down")
    assert line["code"] == "SENTINEL" and words in line["why"], str(line)
    fake.wait_accepted(3)
    assert len(driver.log("redis_down")) == 1


@pytest.mark.valgrind
def test_all_are_silent(start_fake, start_driver):
    fakes = [start_fake(lambda connection, number: None) for _ in range(2)]
    driver = start_driver(url_of(*fakes))
    driver.reset_gap()
    line = driver.wait_log("redis_down", LONG_PATIENCE)
    assert line["code"] == "SENTINEL" and "no answer within 2 s" in line["why"]
    fakes[1].wait_accepted(2)
    driver.check_gap()
    assert int(driver.ask("close", "closed")["ms"]) < 500 * places.SLOWNESS


def test_a_replica_is_not_written(start_redis, start_fake, start_driver):
    """A sentinel may lag behind: what it calls the master says itself what it is."""
    master = start_redis()
    replica = start_redis("--replicaof", "127.0.0.1", master.port, "--replica-read-only", "no")
    says = leads_to(replica)
    driver = start_driver(url_of(start_fake(says)))
    line = driver.wait_log("redis_readonly")
    assert line["code"] == "READONLY" and "ROLE" in line["why"]
    hold(1, lambda: not replica.keys(driver.key("i")), "nothing is written")
    says.answer = lambda words: address(master.port)
    driver.wait_log("redis_up", LONG_PATIENCE)
    assert len(driver.log("redis_readonly")) == 1


def test_a_sentinel_that_is_cut_off(start_redis, start_fake, start_driver):
    """It leads to where nobody is, for ever; the other one is asked too."""
    redis = start_redis()
    nowhere = free_port()
    stale, good = start_fake(Says(lambda words: address(nowhere))), start_fake(leads_to(redis))
    driver = start_driver(url_of(stale, good))
    driver.wait_log("redis_up", LONG_PATIENCE)


def test_names(cleanup, tmp_path, start_redis, start_fake, start_driver):
    """Of a sentinel, and of the master in its answer; one name server never answers for another."""
    redis = start_redis()
    fake = start_fake(Says(lambda words: address(redis.port, "master.example")))
    names = cleanup.maker(FakeNames)(tmp_path, ["127.0.0.1"])
    driver = start_driver(f"sentinel://sentinel.example:{fake.port}/m", env=names.env)
    driver.wait_log("redis_up")
    assert driver.flush()


def test_names_that_are_never_answered(cleanup, tmp_path, start_redis, start_fake, start_driver):
    """The other sentinels have addresses: they are reached all the same."""
    redis = start_redis()
    fake = start_fake(leads_to(redis))
    names = cleanup.maker(FakeNames)(tmp_path, None)
    places = f"a.example,b.example,127.0.0.1:{fake.port}"
    driver = start_driver(f"sentinel://{places}/m", env=names.env)
    driver.reset_gap()
    driver.wait_log("redis_up", LONG_PATIENCE)
    assert names.asked > 0
    driver.check_gap()


# Secrets.


def test_each_its_own_password(start_redis, start_driver, cleanup):
    redis = start_redis()
    redis("ACL", "SETUSER", "teplo", "on", ">canary-r", "+@all", "~*")
    told = []

    def answer(words):
        told.extend(words)
        if words[0] == "AUTH":
            return b"+OK\r\n" if words[1:] == ["guard", "canary-s"] else b"-WRONGPASS canary-s\r\n"
        return address(redis.port)

    fake = cleanup.maker(FakeRedis)(Says(answer))
    passwords = {"TEPLO_TEST_SENTINEL_USERNAME": "guard", "TEPLO_TEST_SENTINEL_PASSWORD": "canary-s"}
    driver = start_driver(f"sentinel://teplo:canary-r@127.0.0.1:{fake.port}/m", env=passwords)
    assert driver.flush()
    assert "canary-r" not in told
    bad = start_driver(
        f"sentinel://teplo:canary-r@127.0.0.1:{fake.port}/m",
        env={"TEPLO_TEST_SENTINEL_PASSWORD": "canary-wrong"},
    )
    line = bad.wait_log("redis_down")
    assert line["code"] == "SENTINEL" and "redis.sentinel_password" in line["why"]
    assert "canary" not in driver.program.output() + bad.program.output()


def test_through_tls(cleanup, start_driver):
    """A real sentinel with a certificate, and a master with another."""
    authority = cleanup.maker(Authority)()
    master = cleanup.maker(TlsRedis)(authority)
    cert, key = authority.issue()
    tls_port = free_port()
    sentinel = cleanup.maker(Sentinel)(
        master, f"tls-port {tls_port}", f"tls-cert-file {cert}", f"tls-key-file {key}",
        f"tls-ca-cert-file {authority.ca}", "tls-auth-clients no", "tls-replication yes", port=master.tls_port,
    )  # fmt: skip
    driver = start_driver(f"sentinels://localhost:{tls_port}/m", env={"TEPLO_TEST_TLS_CA": str(authority.ca)})
    assert driver.flush()
    assert driver.log("redis_up")[0]["at"] == f"127.0.0.1:{master.tls_port}"
    assert sentinel.master_port() == master.tls_port
