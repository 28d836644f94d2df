# SPDX-License-Identifier: MIT
"""teploctl top: on a terminal, in a pipe, and what becomes of both when its source goes."""

import json
import os
import re
import signal

import pytest

from harness import PATIENCE, wait_until
from harness.fleet_seed import FLEET_FIELDS, INSTANCE_FIELDS, POOL_FIELDS, FleetSeed
from harness.terminal import Terminal
from teploctl_runner import NO_BROKER, OK, REFUSED, USAGE, command, environment, run

# What stty says of a terminal that a shell has: signals from the keyboard, line by line, echoed.
COOKED = re.compile(rb"\bopost\b[^$]*[^-]\bisig icanon\b[^$]*[^-]\becho\b")
ESCAPES = b"\x1b[2J\x1b]0;owned\x07"


@pytest.fixture
def redis(start_redis):
    return start_redis()


@pytest.fixture
def seed(redis):
    seed = FleetSeed(redis)
    seed.write()
    return seed


def terminal_environment(directory=None, **more):
    return environment(directory, **{"TERM": "xterm", "LC_ALL": "C.UTF-8", **more})


@pytest.fixture
def show(cleanup):
    """show("--redis", url) -> Terminal"""
    make = cleanup.maker(Terminal)

    def start(*words, directory=None, width=80, height=24, **env):
        return make(command("top", "--interval", "100ms", *words), terminal_environment(directory, **env), width, height)

    return start


@pytest.fixture
def top(show, redis, seed):
    # Long after the tests' patience, so that rows do not get old while one looks.
    seed.dead_ms, seed.tick_ms = 600_000, 600_000
    seed.write()
    terminal = show("--redis", redis.url)
    terminal.frame("search", "circuit_open")
    return terminal


def view_of(*words, **keywords):
    return json.loads(run(None, "top", "--json", *words, **keywords).expect(OK).out)


# ---- JSON


def test_json_is_what_redis_holds(redis, seed):
    seed.silent_ms = {seed.brokers[2]: 20000}
    seed.event("breaker", "error", pool="search", code="open", msg="five in a row")
    seed.write()
    view = view_of("--redis", redis.url)
    assert (view["v"], view["namespace"], view["source"], view["redis"]["state"]) == (1, "main", "redis", "up")
    assert (view["tick_ms"], view["dead_ms"], view["truncated"]) == (1000, 2500, False)
    assert [pool["pool"] for pool in view["pools"]] == ["search", "jira", "github", "wiki"]
    for pool in view["pools"]:
        holds(pool, redis.row(seed.key(f"f:{pool['pool']}")), POOL_FIELDS)
        assert (pool["inst_live"], pool["inst_dead"], pool["stale"]) == (2, 1, False)
        assert pool["cfg"] == {"upstream": f"http://{pool['pool']}.example:8080/mcp", "cap": 10}
        for member in pool["brokers"]:
            holds(member, redis.row(seed.key(f"p:{pool['pool']}:{member['inst']}")), POOL_FIELDS)
            assert member["dead"] == member["stale"] == (member["inst"] == seed.brokers[2])
    holds(view["fleet"], redis.row(seed.key("fleet")), FLEET_FIELDS)
    assert [(broker["inst"], broker["live"], broker["dead"]) for broker in view["brokers"]] == [
        (seed.brokers[0], True, False),
        (seed.brokers[1], True, False),
        (seed.brokers[2], False, True),
    ]
    for broker in view["brokers"]:
        holds(broker, redis.row(seed.key(f"i:{broker['inst']}")), INSTANCE_FIELDS)
    assert [event["type"] for event in view["events"]] == ["breaker", "start"]
    assert view["events"][0] | {"id": "", "at_ms": 0} == {
        "id": "", "at_ms": 0, "type": "breaker", "sev": "error", "inst": None, "pool": "search", "sess": None,
        "code": "open", "n": 1, "msg": "five in a row",
    }  # fmt: skip


def holds(shown, row, kinds):
    """Every field of the row is shown as it is; `-` is nothing."""
    assert set(kinds) == set(row) and set(kinds) <= set(shown)
    for name, kind in kinds.items():
        told = row[name] if kind == "text" else float(row[name])
        assert shown[name] == (None if told == "-" else told), name


def test_json_of_a_broker_has_the_same_shape(start_broker, raw, redis, seed):
    broker = start_broker({"raw": raw.url})
    fleet = view_of("--redis", redis.url)
    view = view_of("--runtime-dir", str(broker.runtime))
    assert view["source"] == "broker" and view["redis"] == {"state": "up", "why": "", "age_ms": 0}
    assert set(view) - {"clients"} == set(fleet)
    assert set(view["pools"][0]) == set(fleet["pools"][0])
    assert set(view["pools"][0]["brokers"][0]) == set(fleet["pools"][0]["brokers"][0])
    assert set(view["brokers"][0]) == set(fleet["brokers"][0])
    assert set(view["fleet"]) == set(fleet["fleet"])
    assert [pool["pool"] for pool in view["pools"]] == ["raw"]
    assert view["brokers"][0]["pid"] == broker.program.child.pid and view["brokers"][0]["live"]


def test_without_a_reporter_the_rows_are_added_up(redis, seed):
    redis("DEL", seed.key("fleet"), *(seed.key(f"f:{pool}") for pool in seed.pools))
    view = view_of("--redis", redis.url)
    assert view["fleet"]["stale"] and view["fleet"]["rollup"] == "reader"
    github = next(pool for pool in view["pools"] if pool["pool"] == "github")
    assert github["stale"] and github["rollup"] == "reader" and github["cap"] == 30
    assert "no broker reports" in run(None, "top", "--redis", redis.url).expect(OK).out


# ---- Redis as it should not be


def test_hostile_content_is_absent_and_harmless(redis, seed):
    redis("HSET", seed.key("f:github"), "waiting", "-1", "cap", "1e9", "upstream", ESCAPES.decode(), "rps", "nan")
    redis("DEL", seed.key("f:wiki"))
    redis("LPUSH", seed.key("f:wiki"), "x")
    redis("DEL", seed.key("ev"))
    redis("SET", seed.key("ev"), "y" * 100_000)
    redis("ZADD", seed.key("pools"), 1, "a\x1b[2J", 2, "UP", 3, "x:y")
    redis("ZADD", seed.key("inst"), "inf", "i-x-1", "-inf", "i-x-2", 1, "\x1b]0;x")
    redis("HSET", seed.key("p:jira:i-web1-00000001"), "health", "z" * 70_000, "health_code", "9" * 40)
    view = view_of("--redis", redis.url)
    assert {pool["pool"] for pool in view["pools"]} == set(seed.pools)
    github = next(pool for pool in view["pools"] if pool["pool"] == "github")
    assert (github["waiting"], github["cap"], github["rps"]) == (None, None, None)
    assert view["redis"]["state"] == "up" and "WRONGTYPE" in view["redis"]["why"]
    assert view["events"] == []
    assert {broker["inst"] for broker in view["brokers"]} == {*seed.brokers, "i-x-1", "i-x-2"}
    for words in (["--redis", redis.url], ["--redis", redis.url, "--json"]):
        out = run(None, "top", *words).expect(OK).raw
        assert b"\x1b" not in out and b"\x07" not in out


def test_an_empty_redis_and_one_that_denies(redis):
    ended = run(None, "top", "--redis", redis.url, "--namespace", "other").expect(OK)
    assert "no broker has written" in ended.out and "other" in ended.out and "there is" not in ended.out
    FleetSeed(redis).write()
    assert "as fleet other; there is: main" in run(None, "top", "--redis", redis.url, "--ns", "other").expect(OK).out
    redis("ACL", "SETUSER", "nobody", "on", ">hidden-1", "+ping")
    port = redis.port
    ended = run(None, "top", "--json", "--redis", f"redis://nobody:hidden-1@127.0.0.1:{port}")
    ended.expect(REFUSED, "NOPERM")
    assert json.loads(ended.out)["redis"]["state"] == "denied"
    ended = run(None, "top", env={"TEPLO_REDIS_URL": f"redis://nobody:hidden-2@127.0.0.1:{port}"})
    ended.expect(REFUSED, "WRONGPASS")
    assert "hidden" not in ended.out + ended.err
    redis("CONFIG", "SET", "requirepass", "hidden-3")
    run(None, "top", "--redis", redis.url).expect(REFUSED, "NOAUTH")


def test_the_readers_rights_are_enough(redis, seed):
    redis("ACL", "SETUSER", "reader", "on", ">pw", *reader_rules(seed.namespace))
    view = view_of("--redis", f"redis://reader:pw@127.0.0.1:{redis.port}")
    assert view["redis"] == {"state": "up", "why": "", "age_ms": 0} and len(view["pools"]) == 4


def reader_rules(namespace):
    """As proto/REDIS.md says of a dashboard."""
    from harness.places import REPO

    page = (REPO / "proto/REDIS.md").read_text()
    rules = page.split("A dashboard (", 1)[1].split("```")[1].split()
    return [rule.replace("{main}", "{%s}" % namespace) for rule in rules]


def test_a_redis_that_does_not_answer_is_told_in_time(redis, seed):
    redis.freeze()
    ended = run(None, "top", "--redis", redis.url, "--timeout", "200ms")
    redis.thaw()
    ended.expect(NO_BROKER, "does not answer")
    assert "Redis is down" in ended.out


# ---- wrong usage


@pytest.mark.parametrize(
    "words, what",
    [
        (["--redis", "http://user:hidden@h"], "the url of Redis "),
        (["--namespace", "main"], "--redis"),
        (["--namespace", "a:b", "--redis", "redis://h"], "a fleet's name"),
        (["--count", "0", "--redis", "redis://h"], "--count 0"),
        (["--interval", "10ms", "--redis", "redis://h"], "--interval 10ms"),
        (["--once", "--count", "2", "--redis", "redis://h"], "exclude"),
    ],
)
def test_usage(words, what):
    ended = run(None, "top", *words).expect(USAGE, what)
    assert "hidden" not in ended.err and ended.out == ""


def test_count_prints_so_many_frames(redis, seed):
    out = run(None, "top", "--redis", redis.url, "--count", "3", "--interval", "100ms").expect(OK).out
    assert out.count("teplo top") == 3
    out = run(None, "top", "--redis", redis.url, "--count", "2", "--interval", "100ms", "--json").expect(OK).out
    assert [json.loads(line)["v"] for line in out.splitlines()] == [1, 1]


# ---- on a terminal


def test_keys(top):
    top.after("j", ">jira")
    top.after("\r", "failures by class", "i-web2-00000002", "jira/1")
    top.after("\x1b", ">jira", without=["failures by class"])
    top.after("2", "SESSION", "wiki/2")
    top.after("3", "BROKER", "serving")
    top.after("4", "TYPE", "the broker serves")
    top.after("1", "POOL")
    top.after("fwik\r", ">wiki", without=["jira"])
    top.after("\x1b", "jira", "wiki")
    top.after("s", "sort: waiting")
    top.after("p", "PAUSED")
    top.after("h", "Page Up")
    top.after("h", "PAUSED", without=["Page Up"])
    top.after("p", "teplo top", without=["PAUSED"])
    top.press("q")
    assert top.wait() == 0 and top.is_clean()


def test_a_burst_of_keys_is_read_one_by_one(top):
    top.after("j\rp", "jira/1", "PAUSED")
    top.press("qqq")
    assert top.wait() == 0


@pytest.mark.parametrize("number, status", [("SIGINT", 0), ("SIGTERM", -signal.SIGTERM), ("SIGHUP", -signal.SIGHUP)])
def test_signals_leave_the_terminal_clean(top, number, status):
    top.signal(getattr(signal, number))
    assert top.wait() == status and top.is_clean()


def test_ctrl_c_ends_it(top):
    top.press("\x03")
    assert top.wait() == 0 and top.is_clean()


def test_resize(top):
    frame = top.frame("search")
    assert max(map(len, frame.lines)) <= 80 and "P99" not in frame.text
    since = len(top.frames.items)
    top.resize(160, 40)
    wide = top.frame("P99", "BREAKER", since=since)
    assert len(wide.lines) == 40
    since = len(top.frames.items)
    top.resize(30, 6)
    small = top.frames.wait(lambda frame: len(frame.lines) <= 6, "a small frame", since=since)
    assert max(map(len, small.lines)) <= 30


def test_suspended_and_resumed_in_a_shell(redis, seed, cleanup):
    env = terminal_environment(PS1="$ ", HISTFILE="/dev/null")
    shell = cleanup.maker(Terminal)(["bash", "--norc", "--noprofile", "--noediting", "-i"], env)
    shell.press(" ".join(command("top", "--interval", "100ms", "--redis", redis.url)) + "\n")
    shell.frame("search")
    shell.press("\x1a")
    shell.wait_for_output(b"Stopped")
    before = len(shell.written)
    shell.press("stty -a; echo le''ft\n")
    shell.wait_for_output(b"left")
    assert COOKED.search(shell.written[before:])
    since = len(shell.frames.items)
    shell.press("fg\n")
    shell.frame("search", since=since)
    shell.after("3", "BROKER")
    shell.press("q")
    wait_until(lambda: shell.written.count(b"\x1b[?1049l") == 2, "the screen is left again")
    shell.press("stty -a; echo retu''rned; exit\n")
    shell.wait_for_output(b"returned")
    assert COOKED.search(shell.written[shell.written.rfind(b"\x1b[?1049l") :])
    assert shell.wait() == 0


def test_redis_goes_and_comes_back(top, redis, seed):
    redis.kill()
    top.next_frame("Redis is down", "search", "old")
    redis.start()
    top.next_frame("no broker has written")
    seed.write()
    top.next_frame("search", without=["down", "no broker has written"])
    top.press("q")
    assert top.wait() == 0 and top.is_clean()


def test_keys_are_answered_while_redis_is_not(top, redis):
    redis.freeze()
    top.after("3", "BROKER", "i-web1")
    top.press("q")
    assert top.wait() == 0 and top.is_clean()


def test_a_dead_broker_and_a_new_event_come_by_themselves(show, redis, seed):
    terminal = show("--redis", redis.url, width=120)
    terminal.frame("3/3 brokers")
    seed.silent_ms = {seed.brokers[1]: 8000}
    seed.write()
    terminal.next_frame("1 broker is dead: i-web2-00000002", "2/3 brokers")


def test_the_broker_goes_and_comes_back(show, start_broker, raw):
    broker = start_broker({"raw": raw.url})
    terminal = show("--runtime-dir", str(broker.runtime))
    terminal.frame("broker", "raw")
    terminal.after("5", "CLIENT")
    broker.kill9()
    terminal.next_frame("the broker is down", "trying again")
    terminal.after("1", "raw", "old")
    terminal.press("q")
    assert terminal.wait() == 0 and terminal.is_clean()


def test_colours_and_letters_are_as_the_environment_says(show, redis, seed):
    plain = show("--redis", redis.url, NO_COLOR="1")
    assert "\x1b[" not in plain.frame("search").raw.replace("\x1b[K", "")
    assert "\x1b[1;31m" in show("--redis", redis.url).frame("search").raw
    ascii_only = show("--redis", redis.url, LC_ALL="C").frame("search")
    assert ascii_only.text.isascii() and "# circuit_open" in ascii_only.text


def test_a_dumb_terminal_gets_frames_one_below_the_other(cleanup, redis, seed):
    words = command("top", "--redis", redis.url, "--interval", "100ms")
    terminal = cleanup.maker(Terminal)(words, environment(None, TERM="dumb"))
    wait_until(lambda: terminal.written.count(b"teplo top") >= 2, "two frames")
    assert b"\x1b" not in terminal.written


def test_its_terminal_goes(top):
    """The other side hangs up: nothing is left running."""
    os.kill(top.child.pid, signal.SIGHUP)
    assert top.child.wait(PATIENCE) == -signal.SIGHUP
