# SPDX-License-Identifier: MIT
"""teploctl's operations on admin.sock, its usage errors, and where it looks for the broker."""

import json
import os
import shutil
import socket
import stat
import subprocess
import time

import pytest

from fake_broker import FakeBroker, all_of, error, hang_up, result, silence, text_result
from harness.places import SLOWNESS, TEPLOCTL
from teploctl_runner import (
    NO_BROKER, OK, REFUSED, UNKNOWN, USAGE, admin, command, environment, fake, place, run,
    run_on_terminal, unprivileged,
)  # fmt: skip

# To start the program, and to be scheduled.
SLACK = 1.5 * SLOWNESS
POOL = {
    "name": "grynya", "upstream": "http://g:8000/sse", "transport": "sse", "proto": "2025-11-25",
    "health": "degraded", "health_reason": "err_pct", "s_connecting": 1, "s_idle": 2, "s_active": 3,
    "s_testing": 0, "s_draining": 0, "s_broken": 0, "s_total": 6, "cap": 8, "waiting": 4,
    "maxwait_ms": 61000, "inflight": 5, "calls_total": 12345678901234567890, "ok_total": 9,
    "tool_err_total": 1, "rpc_err_total": 1, "not_executed_total": 1, "unknown_total": 0,
    "result_lost_total": 0, "sess_opened_total": 7, "sess_lost_total": 1, "cache_hit_total": 2,
    "cache_miss_total": 1, "up_posts_total": 12, "last_error": "it\tbroke\x1b[2J",
}  # fmt: skip
STATS = {
    "version": "0.1.0", "pid": 4711, "uptime_s": 90061, "state": "serving", "providers": 3,
    "pools": 1, "s_total": 6, "inflight": 5, "waiting": 4, "calls_total": 120, "health": "degraded",
    "redis_state": "up",
}  # fmt: skip
SESSION = {"pool": "p", "session": "p/1", "state": "ready", "inflight": 0, "age_ms": 3_700_000,
           "idle_ms": 1234, "calls_total": 5, "proto": "2025-11-25"}  # fmt: skip
CLIENT = {"client": 7, "pool": "p", "era": "modern", "name": "чай", "uid": 0, "pid": 1,
          "inflight": 0, "queued_bytes": 0, "age_ms": 0, "calls_total": 1}  # fmt: skip
ERROR = {"at_ms": 1790000000000, "age_ms": 200_000_000, "pool": "p", "what": "conn_lost",
         "detail": "EOF", "n": 2, "class": "reset"}  # fmt: skip
CALL = {"at_ms": 1790000000000, "age_ms": 61_000, "call": "0199c0ff-0000-7000-8000-000000000001",
        "pool": "p", "client": 7, "session": "p/3", "method": "tools/call", "tool": "чай",
        "outcome": "unknown", "class": "timeout", "reason": "timeout", "rpc_code": 0, "attempts": 1,
        "wait_ms": 0.25, "sent_ms": 9.99, "accepted_ms": 10.5, "first_ms": 0, "total_ms": 61000.5,
        "trace": "4bf92f3577b34da6a3ce929d0e0e4736"}  # fmt: skip
ROWS = {"pools": POOL, "sessions": SESSION, "clients": CLIENT, "errors": ERROR, "calls": CALL}
ACTIONS = ["reload", "drain", "resume", "flush", "shutdown"]


@pytest.mark.parametrize("subject", ROWS)
def test_show_in_a_pipe_is_a_header_and_lines(place, admin, subject):
    row = ROWS[subject]
    admin.on(f"teplo/{subject}", result({subject: [row, {}]}))
    header, full, empty = run(place, "show", subject).expect(OK).out.splitlines()
    names = header.split("\t")
    assert set(names) == set(row)
    clean = {name: str(value).replace("\t", " ").replace("\x1b", "\ufffd") for name, value in row.items()}
    assert full.split("\t") == [clean[name] for name in names]
    assert empty.split("\t") == ["-"] * len(names)
    assert admin.requests == [{"jsonrpc": "2.0", "id": 1, "method": f"teplo/{subject}"}]


def test_show_on_a_terminal_aligns_and_says_ages(place, admin):
    other = {**SESSION, "session": "p/1000", "age_ms": 999, "calls_total": 1000000, "idle_ms": None}
    admin.on("teplo/sessions", result({"sessions": [SESSION, other]}))
    ended = run_on_terminal(place, "show", "sessions")
    assert ended.out.splitlines() == [
        "POOL  SESSION  STATE  INFLIGHT    AGE  IDLE    CALLS  PROTOCOL",
        "p     p/1      ready         0  1h 1m  1.2s        5  2025-11-25",
        "p     p/1000   ready         0  999ms     -  1000000  2025-11-25",
    ]
    admin.on("teplo/clients", result({"clients": [CLIENT]}))
    assert "\n7       p     modern  чай   " in run_on_terminal(place, "show", "clients").out
    admin.on("teplo/pools", result({"pools": [POOL]}))
    out = run_on_terminal(place, "show", "pools").out
    assert "it broke\ufffd[2J" in out and "1m 1s" in out and "\x1b" not in out
    admin.on("teplo/errors", result({"errors": [ERROR]}))
    assert "2d 7h  p " in run_on_terminal(place, "show", "errors").out


def test_show_calls_says_moments_and_asks_for_some(place, admin):
    admin.on("teplo/calls", result({"calls": [CALL, {**CALL, "call": "-", "total_ms": 0.04}]}))
    header, *lines = run_on_terminal(place, "-s", "p", "show", "calls", "--failed").out.splitlines()
    assert header.split() == ["AGO", "POOL", "CLIENT", "SESSION", "METHOD", "TOOL", "OUTCOME", "CLASS",
                              "TRIES", "WAIT", "SENT", "TAKEN", "FIRST", "TOTAL", "CALL"]  # fmt: skip
    assert lines[0].split() == ["1m", "1s", "p", "7", "p/3", "tools/call", "чай", "unknown", "timeout", "1",
                                "0.2ms", "9.9ms", "10ms", "-", "1m", "1s", CALL["call"]]  # fmt: skip
    assert lines[1].split()[-2:] == ["0ms", "-"]
    run(place, "show", "calls", "--failed").expect(OK)
    run(place, "show", "calls", "-s", "q").expect(OK)
    assert [request.get("params") for request in admin.requests] == [
        {"failed": True, "pool": "p"}, {"failed": True}, {"pool": "q"}]  # fmt: skip


@pytest.mark.parametrize("subject", ROWS)
def test_show_json_is_the_raw_result(place, admin, subject):
    raw = b'{"%s":[ {"a":12345678901234567890} ]}' % subject.encode()
    admin.on(f"teplo/{subject}", result(raw))
    assert run(place, "show", subject, "--json").expect(OK).raw == raw + b"\n"


@pytest.mark.parametrize("answer", [b"{}", b"[]", b"null", b"5", b'{"pools":{}}', b'{"pools":[5,null,"x"]}',
                                    b'{"pools":[{"name":{"a":[]},"s_total":"x","maxwait_ms":1e9}]}'])  # fmt: skip
def test_any_shape_of_answer_is_taken(place, admin, answer):
    admin.on("teplo/pools", result(answer)).on("teplo/stats", result(answer))
    run(place, "show", "pools").expect(OK)
    run(place, "status").expect(OK)
    assert run_on_terminal(place, "show", "pools").status == OK
    assert run_on_terminal(place, "status").status == OK


@pytest.mark.valgrind
def test_status(place, admin):
    admin.on("teplo/stats", result(STATS)).on("teplo/pools", result({"pools": [POOL, {"name": "b"}]}))
    lines = run(place, "status").expect(OK).out.splitlines()
    assert lines[:4] == ["version\t0.1.0", "pid\t4711", "uptime_s\t90061", "state\tserving"]
    assert lines[-2:] == ["pool\tgrynya\tdegraded\terr_pct\t6\t8\t5\t4", "pool\tb\t-\t-\t-\t-\t-\t-"]
    out = run_on_terminal(place, "status").out
    assert out.startswith("teplod 0.1.0, pid 4711, up 1d 1h: serving\n")
    assert "\npool grynya: degraded (err_pct), sessions 6 of 8, in flight 5, waiting 4\n" in out
    assert "\npool b: -, sessions - of -" in out
    admin.on("teplo/stats", result({**STATS, "uptime_s": 61.987}))
    assert ", up 1m 1s: serving\n" in run_on_terminal(place, "status").out
    admin.on("teplo/stats", result(STATS))
    whole = json.loads(run(place, "status", "--json").expect(OK).out)
    assert whole == {"stats": STATS, "pools": [POOL, {"name": "b"}]}


def test_actions(place, admin):
    admin.on("teplo/reload", result({"reloaded": True, "servers": 3}))
    admin.on("teplo/flush", result({"redis": "down", "seq": 9}))
    for name in ("drain", "resume", "shutdown"):
        admin.on(f"teplo/{name}", result({}))
        assert run(place, name).expect(OK).out == ""
        assert run_on_terminal(place, name).out.count("\n") == 1
    assert run(place, "reload").expect(OK).out == "reloaded\ttrue\nservers\t3\n"
    assert run_on_terminal(place, "reload").out == "reloaded; servers: 3\n"
    assert run(place, "flush").expect(OK).out == "redis\tdown\nseq\t9\n"
    assert run_on_terminal(place, "flush").out == "Redis: down\n"
    assert run(place, "flush", "--json").expect(OK).out == '{"redis": "down", "seq": 9}\n'


def test_an_action_that_is_refused(place, admin):
    admin.on("teplo/reload", error(-32000, "teplo.json:7: unknown option 'pool_sise'"))
    ended = run(place, "reload").expect(REFUSED, "teploctl: teplo.json:7: unknown option 'pool_sise'")
    assert ended.out == ""


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_without_an_answer_is_unknown(place, admin, name):
    admin.on(f"teplo/{name}", hang_up)
    run(place, name).expect(UNKNOWN, "OUTCOME UNKNOWN: the broker hung up before it answered")


def test_a_question_without_an_answer(place, admin):
    admin.on("teplo/pools", hang_up)
    run(place, "show", "pools").expect(UNKNOWN, "teploctl: the broker hung up before it answered")
    admin.on("teplo/shutdown", all_of(result({}), hang_up))
    run(place, "shutdown").expect(OK)


# Usage.

WRONG = [
    ([], "a command is needed"),
    (["frob\x1b"], "there is no command 'frob\ufffd'"),
    (["tools", "x"], "tools does not take 'x'"),
    (["tools", "--format", "x"], "there is mcp, openai, openai-responses, gemini, gemini-openapi"),
    (["tools", "--format", "OpenAI"], "--format OpenAI: there is mcp, openai"),
    (["tools", "--strict"], "--strict is for a provider's format"),
    (["tools", "--format", "mcp", "--strict"], "--strict is for a provider's format"),
    (["call", "x", "--strict"], "call takes no --strict"),
    (["tools", "--format"], "--format needs a value"),
    (["tools", "--frob"], "there is no switch '--frob'"),
    (["tools", "-x"], "there is no switch '-x'"),
    (["tools", "--json=1"], "--json takes no value"),
    (["status", "--format", "mcp"], "status takes no --format"),
    (["-s", "x", "status"], "status takes no --pool"),
    (["-s", "../x", "tools"], "cannot be a pool's name"),
    (["-sadmin", "tools"], "cannot be a pool's name"),
    (["--pool=Caps", "tools"], "cannot be a pool's name"),
    (["call"], "call needs more: call TOOL"),
    (["call", ""], "cannot be a tool's name"),
    (["call", "t", "--timeout", "5"], "a whole number with its unit"),
    (["call", "t", "--timeout", "0s"], "a whole number with its unit"),
    (["call", "t", "--timeout", "-1s"], "a whole number with its unit"),
    (["call", "t", "--timeout", "25h"], "a whole number with its unit"),
    (["call", "t", "--timeout", "99999999999999999999s"], "a whole number with its unit"),
    (["call", "t", "--timeout", "1.5s"], "a whole number with its unit"),
    (["show"], "show needs more: show pools|sessions|clients|errors"),
    (["show", "x"], "there is no 'x' to show"),
    (["show", "pools", "--failed"], "show pools takes no --failed"),
    (["-s", "p", "show", "errors"], "show errors takes no --pool"),
    (["status", "--failed"], "status takes no --failed"),
    (["check-config"], "check-config needs more: check-config FILE"),
    (["help", "x"], "there is no command 'x'"),
    (["call", "t", *["a"] * 1024], "more than 1024"),
    (["--runtime-dir", "/tmp/" + "x" * 100, "tools"], "a socket's path has 107 bytes at most"),
    (["--runtime-dir", "/" + "x" * 9000, "tools"], "a socket's path has 107 bytes at most"),
]


@pytest.mark.parametrize("words, complaint", WRONG)
def test_wrong_usage(place, words, complaint):
    assert run(place, *words).expect(USAGE, complaint).out == ""


def test_help_and_version(place):
    whole = run(place, "--help").expect(OK).out
    assert run(place, "help").out == run(place, "-h").out == whole
    for name in ("tools", "call", "connect", "status", "show", "check-config", "top", "redis", *ACTIONS):
        assert f"\n  {name}" in whole
        one = run(place, "help", name).expect(OK).out
        assert one.startswith("usage: teploctl ") and one == run(place, name, "--help").out
        assert " \n" not in one
    texts = [line for line in whole.splitlines() if line.startswith("      ")]
    assert len(texts) == 16 and all(text.endswith(".") for text in texts), texts
    assert run(place, "--version").expect(OK).out.startswith("teploctl 0.")
    assert run(place, "tools", "-V").expect(OK).out == run(place, "--version").out


# Where the broker is.


def test_no_socket_file(place):
    remedy = "(start it: teplod --server NAME=URL)"
    for words, name in [(["tools"], "teplo"), (["call", "t"], "teplo"), (["-s", "p", "tools"], "p"),
                        (["status"], "admin"), (["show", "pools"], "admin"), (["drain"], "admin")]:  # fmt: skip
        ended = run(place, *words)
        ended.expect(NO_BROKER, f"no broker: {place}/{name}.sock does not exist {remedy}")


def test_a_pool_that_the_broker_does_not_have(place, fake):
    run(place, "-s", "nope", "tools").expect(NO_BROKER, "the broker beside it has no pool 'nope'")


def test_a_socket_that_nobody_listens_on(place):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(f"{place}/teplo.sock")
    run(place, "tools").expect(NO_BROKER, f"nothing listens on {place}/teplo.sock any more (start it")


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_what_is_no_socket(place, kind):
    path = f"{place}/teplo.sock"
    if kind == "file":
        open(path, "w").close()
    else:
        os.mkdir(path)
    run(place, "tools").expect(NO_BROKER, f"no broker: {path} is not a socket")


def test_a_socket_without_permission(place, fake):
    os.chmod(fake.path, 0 if os.getuid() else stat.S_IRUSR | stat.S_IWUSR)
    ended = run(place, "tools", **unprivileged())
    ended.expect(NO_BROKER, f"you have no permission to use {place}/teplo.sock")


def test_a_broker_that_does_not_accept(place):
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(f"{place}/teplo.sock")
        listener.listen(0)
        first.connect(f"{place}/teplo.sock")
        ended = run(place, "call", "t", "--timeout", "50ms")
    ended.expect(NO_BROKER, "is there, but nobody accepts")


@pytest.mark.slow
def test_a_stopped_broker_is_noticed(place, admin):
    admin.on("teplo/pools", silence)
    run(place, "show", "pools").expect(UNKNOWN, "no answer came in time")


@pytest.mark.parametrize("words", [("status",), ("show", "pools"), ("drain",)])
def test_timeout_holds_for_the_operations_too(place, admin, words):
    """All questions of a command together; their default is far more than is allowed here."""
    admin.on("teplo/stats", result(STATS))
    admin.on("teplo/pools", silence).on("teplo/drain", silence)
    began = time.monotonic()
    run(place, *words, "--timeout", "100ms").expect(UNKNOWN, "no answer came in time")
    assert time.monotonic() - began < 0.1 + SLACK


def test_sockets_by_name(place, tmp_path):
    with FakeBroker(place) as plain, FakeBroker(place, "p.sock") as pool:
        plain.on("tools/call", text_result("plain"))
        pool.on("tools/call", text_result("pool"))
        assert run(place, "call", "t").out == "plain\n"
        assert run(place, "-s", "p", "call", "t").out == "pool\n"
        assert run(place, "call", "t", "-sp").out == "pool\n"
        assert run("/nowhere", "--runtime-dir", place, "call", "t").out == "plain\n"
        direct = {"TEPLO_SOCKET": pool.path}
        assert run("/nowhere", "call", "t", env=direct).out == "pool\n"
        assert run("/nowhere", "--runtime-dir", place, "call", "t", env=direct).out == "plain\n"
        run("/nowhere", "-s", "p", "call", "t", env=direct).expect(NO_BROKER, "/nowhere/p.sock")
        run("/nowhere", "status", env=direct).expect(NO_BROKER, "/nowhere/admin.sock")


@pytest.mark.skipif(os.path.exists("/run/teplo"), reason="a broker is installed here")
def test_directories_of_a_user(place):
    who = unprivileged()
    uid = who.get("user", os.getuid())
    os.mkdir(f"{place}/teplo")
    with FakeBroker(f"{place}/teplo") as broker:
        os.chmod(broker.path, 0o666)
        broker.on("tools/call", text_result("mine"))
        assert run(None, "call", "t", env={"XDG_RUNTIME_DIR": place}, **who).expect(OK).out == "mine\n"
    own = f"/tmp/teplo-{uid}"
    if os.path.lexists(own):
        pytest.skip(f"{own} is in use")
    run(None, "tools", **who).expect(NO_BROKER, f"{own}/teplo.sock does not exist")
    if who:  # only root can make somebody else's directory
        os.mkdir(own)
        try:
            run(None, "tools", **who).expect(NO_BROKER, f"{own} belongs to somebody else")
        finally:
            os.rmdir(own)
        run(None, "tools").expect(NO_BROKER, "/run/teplo/teplo.sock does not exist")


# check-config


@pytest.mark.parametrize("where", [".", "../sbin", "../broker", "../../broker", "PATH"])
def test_check_config_runs_teplod(place, where):
    binary = f"{place}/build/client-lib/cli/teploctl"
    folder = os.path.normpath(f"{os.path.dirname(binary)}/{where}")
    os.makedirs(os.path.dirname(binary))
    shutil.copy(TEPLOCTL, binary)
    ended = subprocess.run(command("check-config", "a b", binary=binary), env={"PATH": folder},
                           capture_output=True, check=False)  # fmt: skip
    assert ended.returncode == NO_BROKER and b"teplod cannot be run" in ended.stderr
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/teplod", "w") as script:
        script.write('#!/bin/sh\nprintf "%s|" "$@"\nexit 42\n')
    os.chmod(f"{folder}/teplod", 0o755)
    ended = subprocess.run(command("check-config", "a b", binary=binary),
                           env=environment(place, PATH=folder), capture_output=True, check=False)  # fmt: skip
    assert (ended.returncode, ended.stdout) == (42, b"--check-config|a b|")
