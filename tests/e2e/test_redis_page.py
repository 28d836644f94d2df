# SPDX-License-Identifier: MIT
"""proto/REDIS.md: its commands work, and its access rules are enough."""

import subprocess

import pytest

from harness import places, wait_until
from redis_driver import PREFIX, Driver
from resp import Connection, RedisError

REDIS_MD = (places.REPO / "proto" / "REDIS.md").read_text(encoding="utf-8")


@pytest.fixture
def redis(start_redis):
    return start_redis()


@pytest.fixture
def connect(cleanup):
    return cleanup.maker(Connection)


@pytest.fixture
def start_driver(cleanup):
    return cleanup.maker(Driver)


def block_below(heading):
    """The lines of the first code block below a line that begins so."""
    return REDIS_MD.partition(f"\n{heading}")[2].partition("```\n")[2].partition("```")[0].splitlines()


def test_the_commands_of_the_page_work(redis, start_driver):
    driver = start_driver(redis.url)
    driver.ask("event start info - - 1 serving")
    assert driver.flush()
    wait_until(lambda: redis.events(PREFIX + "ev"), "the event")
    lines = block_below("## Reading")
    assert len(lines) == 9
    for line in lines[1:]:
        line = line.replace("redis-cli", f"redis-cli -e -p {redis.port}").replace("grynya", "pool0")
        script = f"{lines[0]}\n{line}".replace("i-web1-7f3a9c21", driver.instance)
        if "XREAD" in line:
            driver.ask("event reload info - - 1 another")
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0 and not done.stderr, (script, done)
        assert done.stdout.strip() and "(error)" not in done.stdout, (script, done.stdout)


def test_the_access_rules_of_the_page_are_enough(redis, start_driver, connect):
    writer = " ".join(block_below("A broker:"))
    reader = " ".join(block_below("A dashboard"))
    redis("ACL", "SETUSER", "teplo", "on", ">a@b/c", *writer.split())
    redis("ACL", "SETUSER", "grafana", "on", ">x", *reader.split())
    redis("ACL", "LOG", "RESET")
    driver = start_driver(f"redis://teplo:a%40b%2Fc@127.0.0.1:{redis.port}/1")
    driver.ask("event health warn pool0 - 1 once")
    assert driver.flush()
    wait_until(lambda: driver.ask("state")["rtt_ms"] != "0.000", "TIME is answered")
    dashboard = connect(redis.port, "grafana", "x", database=1)
    wait_until(lambda: dashboard("XLEN", PREFIX + "ev") == 1, "the event")
    assert dashboard("HGET", driver.key("p", "pool0"), "s_total") is not None
    with pytest.raises(RedisError, match="NOPERM"):
        dashboard("HSET", driver.key("i"), "state", "x")
    with pytest.raises(RedisError, match="NOPERM"):
        dashboard("DEL", driver.key("i"))
    driver.ask("close", "closed")
    assert dashboard("EXISTS", driver.key("i")) == 0
    denied = [entry for entry in redis("ACL", "LOG") if "teplo" in entry]
    assert denied == []


