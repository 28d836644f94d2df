# SPDX-License-Identifier: MIT
"""proto/REDIS.md: its commands and Grafana targets work, and its access rules are the least that do."""

import csv
import json
import re
import shlex
import socket
import subprocess
import threading

import pytest

from harness import places, wait_until
from redis_driver import PREFIX, Driver
from redis_schema import MINUTE_PATIENCE_S, is_go_number, plant_samples
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


@pytest.fixture
def driver(redis, start_driver):
    """All that the page tells of is there."""
    plant_samples(redis, PREFIX, ["pool0"])
    driver = start_driver(redis.url)
    driver.ask("sessions 2")
    driver.ask("event start info - - 1 serving")
    wait_until(lambda: redis.keys(PREFIX + "ts1m:*") and redis.events(PREFIX + "ev"), "samples", MINUTE_PATIENCE_S)
    assert driver.flush()
    return driver


def block_below(heading):
    """The lines of the first code block below a line that begins so."""
    return REDIS_MD.partition(f"\n{heading}")[2].partition("```\n")[2].partition("```")[0].splitlines()


# Reading.


def run_line(redis, driver, line):
    first = block_below("## Reading")[0]
    line = line.replace("redis-cli", f"redis-cli -e -p {redis.port}").replace("grynya", "pool0")
    script = f"{first}\n{line}".replace("i-web1-7f3a9c21", driver.instance)
    return subprocess.Popen(
        ["bash", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def is_blocked(redis):
    return "cmd=xread" in redis("CLIENT", "LIST")


def test_the_commands_of_the_page_work(redis, driver):
    lines = block_below("## Reading")[1:]
    assert len(lines) >= 17
    for line in lines:
        program = run_line(redis, driver, line.replace("BLOCK 1000", "BLOCK 20000"))
        if "XREAD" in line:
            wait_until(lambda: is_blocked(redis), "it waits")
            driver.ask("event reload info - - 1 another")
        output, errors = program.communicate(timeout=30)
        assert program.returncode == 0 and not errors, (line, output, errors)
        assert output.strip() and "(error)" not in output, (line, output)


def test_samples_for_a_spreadsheet(redis, driver):
    (line,) = [line for line in block_below("## Reading") if "--csv" in line]
    output, _ = run_line(redis, driver, line).communicate(timeout=30)
    rows = list(csv.reader(output.splitlines()))
    moments = [int(word.split("-")[0]) for word in rows[0] if re.fullmatch(r"\d{13}-0", word)]
    assert moments and all(moment % 10000 == 0 for moment in moments)
    assert moments == sorted(set(moments))


# Grafana.


def frame(redis, target):
    """The rows that the plugin makes of a target: what is empty is left out, as it does."""
    assert target["type"] == "command" and target["query"] == ""
    key = target["keyName"].replace("$pool", "pool0")
    if target["command"] == "hmget":
        names = target["field"].split(" ")
        return [dict(zip(names, redis("HMGET", key, *names)))]
    ends = [target.get("start", "-"), target.get("end", "+")]
    count = ["COUNT", target["count"]] if "count" in target else []
    order = ends if target["command"] == "xrange" else reversed(ends)
    entries = redis(target["command"].upper(), key, *order, *count)
    return [{"$streamId": name, **dict(zip(flat[::2], flat[1::2]))} for name, flat in entries]


def test_grafana_makes_columns_of_one_type_of_each_target(redis, driver):
    lines = block_below("## Grafana")
    assert len(lines) >= 6
    driver.ask("event health warn pool0 - 1 and another")
    assert driver.flush()
    for line in lines:
        rows = frame(redis, json.loads(line))
        assert rows, line
        for row in rows:
            assert list(row) == list(rows[0]), line
            for name, value in row.items():
                assert value is not None, (line, name)
                assert is_go_number(value) == is_go_number(rows[0][name]), (line, name, value, rows[0][name])


# Access.


class Monitor:
    """What each client and what scripts have the server execute."""

    LINE = re.compile(r'[\d.]+ \[\d+ (\S+)\] "([^"]+)"(.*)')

    def __init__(self, port):
        self.connection = Connection(port)
        self.commands = {}
        self.connection("MONITOR")
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def done(self):
        self.connection.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.connection.done()

    def run(self):
        try:
            while True:
                found = self.LINE.match(self.connection.read())
                who, command, rest = found.groups()
                words = self.commands.setdefault(who, set())
                words.add(command.lower())
                if command.lower() == "client":
                    words.add("client|" + shlex.split(rest)[0].lower())
        except (OSError, ValueError, AttributeError):
            pass

    def of_brokers(self):
        """Scripts' included."""
        used = set(self.commands.get("lua", ()))
        for who, words in list(self.commands.items()):
            if "client|setname" in words:
                used |= words
        return used - {"client", "auth"}


def permit(redis, name, password, heading):
    rules = " ".join(block_below(heading)).split()
    redis("ACL", "SETUSER", name, "on", f">{password}", *rules)
    return {rule[1:] for rule in rules if rule.startswith("+")}


def denials(redis):
    return [entry for entry in redis("ACL", "LOG") if "teplo" in entry]


def test_the_access_rules_of_the_page_are_enough_and_the_least(redis, cleanup, start_driver, connect):
    rights = permit(redis, "teplo", "a@b/c", "A broker:")
    redis("ACL", "LOG", "RESET")
    monitor = cleanup.maker(Monitor)(redis.port)
    url = f"redis://teplo:a%40b%2Fc@127.0.0.1:{redis.port}/1"
    one, other = [start_driver(url, forget_ms=1000, pools=2) for _ in range(2)]
    observer = connect(redis.port, database=1)
    for driver in (one, other):
        driver.ask("sessions 1")
        driver.ask("set calls_total 7")
        driver.ask("event health warn pool0 - 1 once")
        assert driver.flush()
    # One of them dies, and is added up by the other.
    other.program.kill()
    wait_until(lambda: observer.keys(PREFIX + "base:*"), "its totals are kept", 30)
    wait_until(lambda: observer("EXISTS", other.key("i")) == 0, "it is forgotten", 30)
    redis("CONFIG", "SET", "maxmemory", "1mb")
    one.wait_log("redis_oom")
    wait_until(lambda: "xtrim" in monitor.of_brokers(), "it makes room")
    redis("CONFIG", "SET", "maxmemory", "0")
    wait_until(one.flush, "a flush", 30)
    one.ask("close", "closed")
    assert observer("EXISTS", one.key("i")) == 0
    assert denials(redis) == []
    assert rights - monitor.of_brokers() == set()


def test_a_dashboard_may_read_and_nothing_else(redis, start_driver, connect):
    permit(redis, "grafana", "x", "A dashboard")
    driver = start_driver(redis.url)
    driver.ask("event health warn pool0 - 1 once")
    assert driver.flush()
    dashboard = connect(redis.port, "grafana", "x")
    wait_until(lambda: dashboard("XLEN", PREFIX + "ev") >= 1, "the event")
    assert dashboard("HGET", driver.key("p", "pool0"), "s_total") is not None
    assert dashboard("GET", driver.key("h", "pool0")).startswith("s3;")
    for command in (
        ("HSET", driver.key("i"), "state", "x"),
        ("DEL", driver.key("i")),
        ("SET", PREFIX + "leader", "me"),
        ("GET", "somebody:else"),
        ("EVAL", "return 1", 0),
        ("FLUSHALL",),
        ("KEYS", "*"),
    ):
        with pytest.raises(RedisError, match="NOPERM"):
            dashboard(*command)


def test_without_scripts_a_broker_writes_its_own_rows(redis, start_driver):
    permit(redis, "teplo", "x", "A broker:")
    redis("ACL", "SETUSER", "teplo", "-eval", "-evalsha")
    driver = start_driver(f"redis://teplo:x@127.0.0.1:{redis.port}")
    assert driver.flush() and driver.state() == "up"
    assert redis.row(driver.key("p", "pool0"))["s_total"]
    assert redis("EXISTS", PREFIX + "leader", PREFIX + "fleet") == 0
