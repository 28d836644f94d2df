# SPDX-License-Identifier: MIT
"""Redis sees how the pool is doing; without it, everything works all the same."""

import time

import pytest

from harness import free_port, wait_until

PREFIX = "teplo:{main}:v1:"


def redis_options(redis, **more):
    return {"redis": {"url": redis.url, "tick": "100ms", **more}}


def pool_row(redis, pool="raw"):
    keys = redis.keys(f"{PREFIX}p:{pool}:*")
    return redis.row(keys[0]) if keys else {}


@pytest.mark.valgrind
def test_the_rows_follow_the_calls(start_broker, start_redis, raw):
    redis = start_redis()
    broker = start_broker({"raw": raw.url}, options=redis_options(redis))
    client = broker.client()
    for _ in range(7):
        client.call("echo")
    client.call("is_error")
    client.call_error("error")
    row = wait_until(lambda: (row := pool_row(redis)).get("calls_total") == "9" and row, "9 calls")
    assert (row["ok_total"], row["tool_err_total"], row["rpc_err_total"]) == ("7", "1", "1")
    assert row["s_total"] == row["s_idle"] == "1"
    assert row["inflight"] == "0"
    (instance,) = redis.keys(f"{PREFIX}i:*")
    assert redis.row(instance)["calls_total"] == "9"


def test_the_figures_are_those_of_the_admin_socket(start_broker, start_redis, raw):
    redis = start_redis()
    broker = start_broker({"raw": raw.url}, options=redis_options(redis))
    broker.client().call("echo")
    broker.admin("teplo/flush")
    ours = broker.pool("raw")
    row = wait_until(lambda: (row := pool_row(redis)).get("calls_total") == "1" and row, "the row")
    for field in ("s_total", "calls_total", "ok_total", "sess_opened_total", "health"):
        assert row[field] == str(ours[field]), field


def test_sums_of_states_hold_in_every_snapshot(start_broker, start_redis, raw):
    redis = start_redis()
    broker = start_broker({"raw": raw.url}, options=redis_options(redis, tick="50ms"))
    client = broker.client()
    states = ("connecting", "idle", "active", "testing", "draining", "broken")
    wait_until(lambda: pool_row(redis), "the row")
    for number in range(40):
        client.call_error("cut") if number % 4 == 0 else client.call("echo")
        row = pool_row(redis)
        assert sum(int(row[f"s_{state}"]) for state in states) == int(row["s_total"]), row


def test_events_tell_of_start_loss_and_stop(start_broker, start_redis, raw):
    redis = start_redis()
    broker = start_broker({"raw": raw.url}, options=redis_options(redis))
    client = broker.client()
    client.call("echo")
    client.call_error("cut")

    def types():
        return [event["type"] for event in redis.events(f"{PREFIX}ev")]

    wait_until(lambda: {"start", "session_lost"} <= set(types()), "events of start and loss")
    broker.stop()
    assert types()[-1] == "stop"


def test_no_secret_is_in_redis(start_broker, start_redis, raw):
    redis = start_redis()
    raw.set(bearer="canary-815")
    server = {"url": raw.url + "?k=canary-816", "headers": {"Authorization": "Bearer canary-815"}}
    broker = start_broker({"raw": server}, options=redis_options(redis))
    broker.client().call("echo", {"secret": "canary-817"})
    wait_until(lambda: pool_row(redis).get("calls_total") == "1", "the row")
    for key in redis.keys():
        dump = str(redis("DUMP", key)) + str(redis.row(key) if redis("TYPE", key) == "hash" else "")
        assert "canary" not in dump, key


def test_without_redis_there_is_one_log_line_and_everything_works(start_broker, raw):
    url = f"redis://127.0.0.1:{free_port()}/0"
    broker = start_broker({"raw": raw.url}, options={"redis": {"url": url, "tick": "50ms"}})
    client = broker.client()
    line = broker.wait_log(level="warn")
    assert "redis" in line["event"]
    for _ in range(200):
        assert client.text("echo") == "echo"
    assert broker.pool("raw")["calls_total"] == 200
    lines = [line for line in broker.log() if "redis" in line.get("event", "")]
    assert len(lines) <= 2, [str(line) for line in lines]


@pytest.mark.parametrize("harm", ["kill", "freeze"])
def test_redis_going_away_harms_no_call_and_it_comes_back(start_broker, start_redis, raw, harm):
    redis = start_redis()
    broker = start_broker({"raw": raw.url}, options=redis_options(redis))
    client = broker.client()
    client.call("echo")
    wait_until(lambda: pool_row(redis).get("calls_total") == "1", "the row")
    getattr(redis, harm)()
    slowest = 0.0
    for _ in range(300):
        begun = time.monotonic()
        assert client.text("echo") == "echo"
        slowest = max(slowest, time.monotonic() - begun)
    assert slowest < 1.0
    redis.start() if harm == "kill" else redis.thaw()
    wait_until(lambda: pool_row(redis).get("calls_total") == "301", "the row is back", 60)


def test_a_wiped_redis_is_filled_again(start_broker, start_redis, raw):
    redis = start_redis()
    broker = start_broker({"raw": raw.url}, options=redis_options(redis))
    client = broker.client()
    client.call("echo")
    wait_until(lambda: pool_row(redis).get("calls_total") == "1", "the row")
    redis("FLUSHALL")
    client.call("echo")
    wait_until(lambda: pool_row(redis).get("calls_total") == "2", "the row")
    wait_until(lambda: pool_row(redis).get("transport"), "all its fields")


def test_a_full_redis_harms_no_call(start_broker, start_redis, raw):
    redis = start_redis("--maxmemory", "1mb", "--maxmemory-policy", "noeviction")
    broker = start_broker({"raw": raw.url}, options=redis_options(redis))
    client = broker.client()
    for _ in range(100):
        assert client.text("echo") == "echo"
