# SPDX-License-Identifier: MIT
"""
What one client may cost: requests, output, time and descriptors.  Who is over a limit is held
back, or ended with a reason; everybody else is served meanwhile.
"""

import array
import contextlib
import json
import os
import socket
import subprocess
import sys

import pytest

from harness import Deadline, Overdue, make_config, wait_until

SMALL_OUTPUT = {"outbuf_max": "1MiB", "max_frame": "256KiB", "max_response": "512KiB"}


@pytest.fixture
def neighbour_of():
    """Another client of that broker, which must notice nothing."""

    def make(broker):
        neighbour = broker.client(name="neighbour")
        assert neighbour.text("echo") == "echo"
        return neighbour

    return make


def rows_of(broker, name):
    return [row for row in broker.admin("teplo/clients")["clients"] if row["name"] == name]


def row_of(broker, name="harness"):
    rows = rows_of(broker, name)
    assert len(rows) == 1, rows
    return rows[0]


def wait_row(broker, is_wanted, what, name="harness"):
    """It has no name before its first request was read."""

    def asked():
        return next(filter(is_wanted, rows_of(broker, name)), None)

    return wait_until(asked, what)


def call_line(request_id, tool="echo", arguments=None):
    params = {
        "name": tool,
        "arguments": arguments or {},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "harness", "version": "0"},
        },
    }
    message = {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params}
    return json.dumps(message).encode() + b"\n"


# Requests.


def test_d10_at_the_cap_nothing_more_is_read(start_broker, raw, neighbour_of):
    options = {"max_inflight_per_client": 2, "max_queued_per_client": 3}
    broker = start_broker({"raw": raw.url}, options=options)
    neighbour = neighbour_of(broker)
    client = broker.client()
    held = [client.start_call("hold", {"key": "cap"}) for _ in range(5)]
    more = [client.start_call("counter", {"key": "more"}) for _ in range(3)]
    row = wait_row(broker, lambda row: row["held"] == "requests", "it is held")
    assert (row["inflight"], row["calls_total"]) == (5, 5)
    assert neighbour.text("echo") == "echo"
    assert [client.find_answer(call) for call in held + more] == [None] * 8
    raw.release("cap")
    for call in held:
        assert client.wait(call)["content"][0]["text"] == "released cap"
    # Two at a time, each on a connection of its own: which of them is first is the server's doing.
    assert sorted(client.wait(call)["content"][0]["text"] for call in more) == ["1", "2", "3"]
    assert row_of(broker)["held"] == "-"


def test_d10_what_needs_no_place_passes_at_the_cap(start_broker, raw):
    """Pings, and the cancel that makes room: a client at its cap can help itself."""
    options = {"max_inflight_per_client": 1, "max_queued_per_client": 1}
    broker = start_broker({"raw": raw.url}, options=options)
    client = broker.client("legacy")
    sent = client.start_call("hold", {"key": "stuck"})
    raw.wait_requests(1, "tools/call")
    waiting = client.start_call("counter", {"key": "waiting"})
    wait_row(broker, lambda row: row["inflight"] == 2, "it is at its cap")
    for _ in range(3):
        assert client.request("ping") == {}
    client.send_raw(b"no json\n")
    assert client.lines.wait(lambda line: "error" in line.message, "an error").message["error"]["code"] == -32700
    client.cancel(waiting)
    wait_row(broker, lambda row: row["inflight"] == 1, "the cancel was taken")
    call = client.start_call("echo")
    wait_row(broker, lambda row: row["inflight"] == 2 and row["held"] == "-", "there is room for one more")
    raw.release("stuck")
    client.wait(sent)
    assert client.wait(call)["content"][0]["text"] == "echo"
    assert client.find_answer(waiting) is None
    assert "waiting" not in raw.report().counters


def test_d10_ten_thousand_pipelined_calls_are_all_answered(start_broker, raw, neighbour_of):
    broker = start_broker({"raw": raw.url}, options={"max_inflight_per_client": 8, "max_queued_per_client": 32})
    neighbour = neighbour_of(broker)
    hog = broker.client(name="hog")
    count = 2000 if broker.is_sanitized() else 10000
    hog.send_raw(b"".join(call_line(i).replace(b'"harness"', b'"hog"') for i in range(1, count + 1)))
    for _ in range(20):
        assert neighbour.text("echo") == "echo"
        rows = broker.admin("teplo/clients")["clients"]
        assert max(row["inflight"] for row in rows) <= 40, rows
    hog.wait_line(count, 60)
    answered = [line.message for line in hog.lines.items]
    assert sorted(message["id"] for message in answered) == list(range(1, count + 1))
    assert not [message for message in answered if "error" in message]


@pytest.mark.parametrize("raised", ["max_inflight_per_client", "max_queued_per_client"])
def test_d10_a_raised_cap_lets_the_held_go_on(start_broker, raw, raised):
    options = {"max_inflight_per_client": 1, "max_queued_per_client": 1}
    broker = start_broker({"raw": raw.url}, options=options)
    client = broker.client()
    held = [client.start_call("hold", {"key": "raise"}) for _ in range(2)]
    call = client.start_call("echo")
    wait_row(broker, lambda row: row["held"] == "requests", "it is held")
    broker.write_config(make_config({"raw": raw.url}, {**options, raised: 3}))
    broker.admin("teplo/reload")
    if raised == "max_inflight_per_client":
        assert client.wait(call)["content"][0]["text"] == "echo", "beside those that are held"
    else:
        wait_row(broker, lambda row: row["inflight"] == 3, "one more waits")
        raw.wait_requests(1, "tools/call")
        assert raw.report().count("tools/call") == 1, "one at a time, as before"
    raw.release("raise")
    for one in held + [call]:
        client.wait(one)


def test_d10_a_client_that_goes_while_it_is_held_is_forgotten(start_broker, raw):
    options = {"max_inflight_per_client": 1, "max_queued_per_client": 1}
    pool = {"pool_size": 1, "max_inflight_per_session": 1}
    broker = start_broker({"raw": raw.url}, options=options, pool=pool)
    client = broker.client()
    client.start_call("hold", {"key": "gone"})
    raw.wait_requests(1, "tools/call")
    client.start_call("counter", {"key": "gone"})
    client.start_call("counter", {"key": "gone"})
    wait_row(broker, lambda row: row["held"] == "requests", "it is held")
    client.close()
    wait_until(lambda: not broker.admin("teplo/clients")["clients"], "it is forgotten")
    raw.release("gone")
    assert broker.client().text("echo") == "echo"
    assert "gone" not in raw.report().counters, "what waited was dropped"


def test_d10_a_drain_leaves_no_request_of_a_held_client_unanswered(start_broker, raw):
    options = {"max_inflight_per_client": 1, "max_queued_per_client": 1}
    broker = start_broker({"raw": raw.url}, options=options)
    client = broker.client()
    sent = client.start_call("hold", {"key": "drain"})
    raw.wait_requests(1, "tools/call")
    # The first of them waits for its turn, the others to be read.
    unsent = [client.start_call("counter", {"key": "drain"}) for _ in range(4)]
    wait_row(broker, lambda row: row["held"] == "requests", "it is held")
    broker.signal(15)
    broker.wait_log("draining")
    for call in unsent:
        error = client.wait_error(call)
        assert (error.code, error.outcome) == (-31004, "not_executed")
    raw.release("drain")
    assert client.wait(sent)["content"][0]["text"] == "released drain"
    client.wait_end()
    assert broker.program.wait() == 0
    assert "drain" not in raw.report().counters


def test_d02_half_closed_and_held_hears_every_answer(start_broker, raw):
    options = {"max_inflight_per_client": 2, "max_queued_per_client": 2}
    broker = start_broker({"raw": raw.url}, options=options)
    client = broker.client()
    calls = [client.start_call("counter", {"key": "half"}) for _ in range(50)]
    client.half_close()
    for call in calls:
        client.wait(call)
    client.wait_end()
    assert raw.report().counters["half"] == 50


def test_64_listens_and_no_more(start_broker, raw):
    options = {"max_inflight_per_client": 1, "max_queued_per_client": 1}
    broker = start_broker({"raw": raw.url}, options=options)
    client = broker.client()
    wanted = {"notifications": {"toolsListChanged": True}}
    listens = [client.start("subscriptions/listen", wanted) for _ in range(64)]
    acknowledged = "notifications/subscriptions/acknowledged"
    wait_until(lambda: len(client.notifications(acknowledged)) == 64, "64 acknowledgements")
    error = client.wait_error(client.start("subscriptions/listen", wanted))
    assert (error.code, error.outcome, error.teplo["reason"]) == (-31006, "not_executed", "client_limit")
    assert client.text("echo") == "echo", "listens are no calls"
    client.cancel(listens[0])
    client.start("subscriptions/listen", wanted)
    wait_until(lambda: len(client.notifications(acknowledged)) == 65, "one more in its place")


# Output.


def ended_within(client, seconds, broker):
    """The broker closed it.  The time is the rhythm of who drips, not what is waited for."""
    try:
        if client.reader:
            client.wait_end(seconds)
        else:
            broker.wait_log("client_closed", seconds)
        return True
    except Overdue:
        return False


def test_d03_64_large_answers_unread(start_broker, raw, neighbour_of):
    limits = {"outbuf_max": "8MiB", "max_response": "4MiB", "slow_client_timeout": "1h"}
    broker = start_broker({"raw": raw.url}, options=limits)
    neighbour = neighbour_of(broker)
    before = broker.rss_bytes()
    deaf = broker.client(read=False)
    for _ in range(64):
        deaf.start_call("huge", {"bytes": 1 << 20})
    broker.wait_log("client_closed", why="slow_reader")
    for _ in range(20):
        assert neighbour.text("echo") == "echo"
    # A sanitizer keeps what is freed for a while.
    assert broker.is_sanitized() or broker.rss_bytes() - before < 32 << 20


def test_d03_a_soft_limit_of_ones_own(start_broker, raw, neighbour_of):
    """Above outbuf_soft the client is only asked for no more; it is served on when it reads."""
    options = {**SMALL_OUTPUT, "outbuf_max": "16MiB", "outbuf_soft": "64KiB"}
    broker = start_broker({"raw": raw.url}, options=options)
    client = broker.client(read=False)
    neighbour = neighbour_of(broker)
    for _ in range(10):
        client.start_call("huge", {"bytes": 100 << 10})
    wait_row(broker, lambda row: row["held"] == "output", "it is held for its output")
    last = client.start_call("echo")
    assert neighbour.text("echo") == "echo"
    client.start_reading()
    assert client.wait(last)["content"][0]["text"] == "echo"
    wait_row(broker, lambda row: row["held"] == "-", "it is no longer held")


def test_d04_a_drop_at_a_time_is_too_slow(start_broker, raw, neighbour_of):
    broker = start_broker({"raw": raw.url}, options={**SMALL_OUTPUT, "slow_client_timeout": "500ms"})
    neighbour = neighbour_of(broker)
    client = broker.client(read=False)
    client.start_call("huge", {"bytes": 500 << 10})
    deadline = Deadline()
    while not ended_within(client, 0.05, broker):
        assert not deadline.over()
        assert client.socket.recv(1)
        assert neighbour.text("echo") == "echo"
    assert broker.log("client_closed")[0]["why"] == "slow_reader"


def test_d17_a_client_killed_with_unread_answers(start_broker, raw, neighbour_of):
    broker = start_broker({"raw": raw.url}, pool={"pool_size": 1, "max_inflight_per_session": 1})
    neighbour = neighbour_of(broker)
    talk = (
        "import socket, sys, time\n"
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.connect(sys.argv[1])\n"
        "s.sendall(sys.stdin.buffer.read()); print('said', flush=True); time.sleep(3600)\n"
    )
    files = 0
    for turn in range(12):
        lines = b"".join(call_line(i, "huge", {"bytes": 300 << 10}) for i in range(20))
        victim = subprocess.Popen(
            [sys.executable, "-c", talk, str(broker.socket_path())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        victim.stdin.write(lines)
        victim.stdin.close()
        assert victim.stdout.readline() == b"said\n"
        wait_row(broker, lambda row: row["queued_bytes"] > 0, "answers wait to be read")
        victim.kill()
        victim.wait()
        victim.stdout.close()
        wait_until(lambda: len(broker.admin("teplo/clients")["clients"]) == 1, "it is forgotten")
        assert neighbour.text("echo") == "echo"
        # The first turn opens the sessions.
        files = broker.open_files() if turn == 0 else files
    # The server may be given a few more connections, and none for each client.
    wait_until(lambda: broker.open_files() <= files + 5, "descriptors are given back")
    assert not [line for line in broker.log() if line.get("level") == "error"]


# Time.


def test_d05_who_says_nothing_is_told_so_and_closed(start_broker, raw, neighbour_of):
    broker = start_broker({"raw": raw.url}, options={"client_hello_timeout": "300ms"})
    neighbour = neighbour_of(broker)
    silent = broker.client("bare")
    dripping = broker.client("bare")
    deadline = Deadline()
    while not ended_within(dripping, 0.02, broker):
        assert not deadline.over()
        try:
            dripping.send_raw(b"{")  # bytes without end are no message
        except BrokenPipeError:
            pass
    silent.wait_end()
    error = silent.lines.items[0].message["error"]
    assert (error["code"], error["data"]["teplo"]["reason"]) == (-31006, "hello_timeout")
    assert "client_hello_timeout" in error["message"]
    assert silent.lines.items[0].message["id"] is None
    assert broker.wait_log("client_closed", why="hello_timeout", level="warn")
    assert neighbour.text("echo") == "echo"


def test_d05_one_message_is_enough(start_broker, raw):
    broker = start_broker({"raw": raw.url}, options={"client_hello_timeout": "200ms"})
    spoken, silent = broker.client(), broker.client("bare")
    assert spoken.text("echo") == "echo"
    silent.wait_end()
    assert spoken.text("echo") == "echo"


def test_d05_no_limit_for_the_first_message(start_broker, raw):
    broker = start_broker({"raw": raw.url}, options={"client_hello_timeout": "0s"})
    silent, short = broker.client("bare"), broker.client()
    assert short.text("echo") == "echo"
    silent.start("ping", request_id=1)
    assert silent.wait(1) == {}


def test_d05_a_long_line_without_an_end(start_broker, raw, neighbour_of):
    broker = start_broker({"raw": raw.url}, options={"max_frame": "64KiB"})
    neighbour = neighbour_of(broker)
    client = broker.client()
    before = broker.rss_bytes()
    client.send_raw(b"x" * 65537)
    error = client.lines.wait(lambda line: "error" in line.message, "an error").message["error"]
    assert (error["code"], error["data"]["teplo"]["reason"]) == (-31006, "frame_too_long")
    for _ in range(256):
        client.send_raw(b"x" * (1 << 20))
    assert neighbour.text("echo") == "echo"
    assert broker.is_sanitized() or broker.rss_bytes() - before < 8 << 20
    client.send_raw(b"\n")
    assert client.text("echo") == "echo"
    assert len([line for line in client.lines.items if "error" in line.message]) == 1


# Connections.


def test_d06_connects_by_the_thousand(start_broker, raw, neighbour_of):
    broker = start_broker({"raw": raw.url}, options={"max_clients": 50})
    neighbour = neighbour_of(broker)
    files = broker.open_files()
    for turn in range(2000):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(broker.socket_path()))
            if turn % 3 == 0:
                with contextlib.suppress(BrokenPipeError):  # one too many for the moment
                    connection.sendall(b'{"jsonrpc":"2.0","id":1,"me')
        if turn % 200 == 0:
            assert neighbour.text("echo") == "echo"
    wait_until(lambda: len(broker.admin("teplo/clients")["clients"]) == 1, "all others have gone")
    assert neighbour.text("echo") == "echo"
    wait_until(lambda: broker.open_files() <= files, "descriptors are given back")


def test_d06_one_client_too_many_hears_why(start_broker, raw):
    broker = start_broker({"raw": raw.url}, options={"max_clients": 4})
    wait_until(lambda: not broker.admin("teplo/clients")["clients"], "nobody is connected")
    clients = [broker.client() for _ in range(4)]
    for client in clients:
        assert client.text("echo") == "echo"
    for _ in range(100):
        refused = broker.client("bare")
        refused.wait_end()
        error = refused.lines.items[0].message["error"]
        assert (error["code"], error["data"]["teplo"]["reason"]) == (-31006, "max_clients")
    for client in clients:
        assert client.text("echo") == "echo"


def send_with_descriptors(connection, data, descriptors):
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
    connection.sendmsg([data], ancillary)


def test_d13_descriptors_sent_along_are_not_kept(start_broker, raw):
    broker = start_broker({"raw": raw.url})
    client = broker.client()
    assert client.text("echo") == "echo"
    files = broker.open_files()
    with open(os.devnull, "rb") as null:
        for i in range(1000, 1100):
            send_with_descriptors(client.socket, call_line(i), [null.fileno()] * 200)
            client.wait(i)
    client.socket.send(b"")
    client.socket.sendmsg([b""])
    assert client.text("echo") == "echo"
    assert broker.open_files() <= files


def test_d13_urgent_bytes_harm_nobody(start_broker, raw, neighbour_of):
    broker = start_broker({"raw": raw.url})
    neighbour = neighbour_of(broker)
    client = broker.client("bare")
    try:
        client.socket.send(b"!", socket.MSG_OOB)
    except OSError:
        pytest.skip("this kernel has no urgent bytes on Unix sockets")
    client.close()
    assert neighbour.text("echo") == "echo"


# Messages.

ENVELOPE = (
    b'"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
    b'"io.modelcontextprotocol/clientCapabilities":{}}'
)


@pytest.mark.parametrize(
    "token",
    [b"9223372036854775808", b"-9223372036854775809", b"0", b"-1", b'"x"', b'"1"', b'"\\u0031 \\"\\n"']
    + [b'"' + b"i" * 256 + b'"', '"їжак"'.encode()],
)
def test_d07_ids_come_back_byte_for_byte(broker, token):
    client = broker.client("bare")
    line = b'{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"echo",%s}}\n'
    for _ in range(2):  # and may be used again once answered
        seen = len(client.lines.items)
        client.send_raw(line % (token, ENVELOPE))
        found = client.lines.wait(lambda line: "result" in line.message, "an answer", since=seen)
        assert b'"id":%s,' % token in found.raw


@pytest.mark.parametrize("token", [b"null", b"1.5", b"1e3", b"true", b"[1]", b'"' + b"i" * 257 + b'"'])
def test_d07_other_ids_are_refused(broker, raw, token):
    client = broker.client("bare")
    line = b'{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"echo",%s}}\n'
    client.send_raw(line % (token, ENVELOPE))
    found = client.lines.wait(lambda line: "error" in line.message, "a refusal").message
    assert found["error"]["code"] == -32600
    assert raw.report().count("tools/call") == 0


def test_d07_an_id_in_flight_is_not_used_twice(broker, raw):
    client = broker.client()
    client.start_call("hold", {"key": "twice"}, request_id="a")
    raw.wait_requests(1, "tools/call")
    client.start_call("counter", {"key": "twice"}, request_id="a")
    assert client.wait_error("a").code == -32600
    # The same text as a number is another id.
    client.start_call("hold", {"key": "twice"}, request_id=1)
    client.start_call("hold", {"key": "twice"}, request_id="1")
    raw.wait_requests(3, "tools/call")
    raw.release("twice")
    client.wait(1)
    client.wait("1")
    assert "twice" not in raw.report().counters


BODIES = {
    # what: (the arguments, code of the refusal or None)
    "a batch": (None, -32600),
    "deeper than max_depth": (b"[" * 14 + b"]" * 14, -32600),
    "10,000 deep": (b"[" * 10000 + b"]" * 10000, -32600),
    "just deep enough": (b"[" * 13 + b"]" * 13, None),
    "more values than max_tokens": (b"[" + b"0," * 1500 + b"0]", -32600),
    "as many members": (b"{" + b",".join(b'"k%d":0' % i for i in range(1500)) + b"}", -32600),
    "members twice": (b'{"a":1,"a":2}', None),
    "a NUL escape": (b'"\\u0000"', None),
    "half a surrogate pair": (b'"\\ud800"', None),
    "a number of its own": (b"1e400", None),
    "overlong UTF-8": (b'"\xc0\xaf"', -32700),
    "a surrogate in UTF-8": (b'"\xed\xa0\x80"', -32700),
    "a raw control byte": (b'"\x01"', -32700),
    "NaN": (b"NaN", -32700),
    "Infinity": (b"-Infinity", -32700),
    "a leading zero": (b"01", -32700),
    "a comma too many": (b"[1,]", -32700),
    "a comment": (b"/**/1", -32700),
    "single quotes": (b"'a'", -32700),
}


@pytest.mark.parametrize("what", BODIES)
def test_d08_hostile_bodies(start_broker, raw, neighbour_of, what):
    body, code = BODIES[what]
    broker = start_broker({"raw": raw.url}, options={"max_depth": 16, "max_tokens": 1000})
    neighbour = neighbour_of(broker)
    client = broker.client("bare")
    line = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":%s},%s}}'
    line %= (body or b"0", ENVELOPE)
    client.send_raw((b"[" + line + b"]" if body is None else line) + b"\n")
    found = client.lines.wait(lambda line: "method" not in line.message, "an answer")
    if code is None:
        assert b'"structuredContent":{"a":%s}' % body in found.raw, found
    else:
        assert found.message["error"]["code"] == code
    assert neighbour.text("echo") == "echo"
    assert raw.report().count("tools/call") == (3 if code is None else 2)


def test_d08_a_higher_max_depth(start_broker, raw):
    broker = start_broker({"raw": raw.url}, options={"max_depth": 400})
    client = broker.client("bare")
    line = b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"echo","arguments":{"a":%s},%s}}\n'
    client.send_raw(line % (1, b"[" * 397 + b"]" * 397, ENVELOPE))
    client.send_raw(line % (2, b"[" * 398 + b"]" * 398, ENVELOPE))
    assert client.lines.wait(lambda line: "error" in line.message, "a refusal").message["id"] == 2
    raw.wait_requests(1, "tools/call")
    assert raw.report().bodies("tools/call")[0].count(b"[") == 397


def test_d14_requests_before_initialize(broker, raw):
    client = broker.client("legacy", greet=False)
    for method in ("tools/call", "tools/list", "logging/setLevel"):
        error = client.wait_error(client.start(method, {"name": "echo", "level": "info"}))
        assert error.code in (-32600, -32602)
    client.greet()
    assert client.text("echo") == "echo"
    assert raw.report().count("tools/call") == 1


def test_d14_initialize_twice(broker):
    client = broker.client("legacy")
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "0"}}
    assert client.wait_error(client.start("initialize", params)).code == -32600
    assert client.text("echo") == "echo"


@pytest.mark.parametrize("first", ["legacy", "modern"])
def test_d14_eras_do_not_mix(broker, raw, first):
    client = broker.client(first)
    assert client.text("echo") == "echo"
    if first == "legacy":
        client.send_raw(call_line("other"))
        assert client.wait_error("other").code == -32600
    else:
        client.send_raw(b'{"jsonrpc":"2.0","id":"other","method":"tools/call","params":{"name":"echo"}}\n')
        assert client.wait_error("other").code == -32602
        client.send_raw(
            b'{"jsonrpc":"2.0","id":"late","method":"initialize","params":{"protocolVersion":"2025-06-18",'
            b'"capabilities":{},"clientInfo":{"name":"x","version":"0"}}}\n'
        )
        assert client.wait_error("late").code == -32022
    assert client.text("echo") == "echo"
    assert raw.report().count("tools/call") == 2
