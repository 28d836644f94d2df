# SPDX-License-Identifier: MIT
"""
Who may use a pool, and which of its tools: "allow" and "deny".  What is denied is answered
"denied" (-31005, not executed), and the server never hears of it.
"""

import functools
import os
import signal

import pytest

from harness import RpcError, can_be_others, connect_as, make_config

ALICE, BOB = 54321, 54322  # users that no system has
STAFF = 54330

needs_others = pytest.mark.skipif(not can_be_others(), reason="only root can connect as others")


def server(raw, **access):
    return {"url": raw.url, "teplo": access}


@pytest.fixture
def start_open(start_broker):
    """A broker whose sockets every user can reach: the rules alone decide."""

    def start(servers, **keywords):
        options = {"socket_mode": "0666", **keywords.pop("options", {})}
        broker = start_broker(servers, options=options, **keywords)
        broker.directory.chmod(0o755)
        broker.runtime.chmod(0o755)
        return broker

    return start


def stranger(broker, uid, era="modern", gid=None, groups=(), **keywords):
    connect = functools.partial(connect_as, uid=uid, gid=gid, groups=groups)
    return broker.client(era, connect=connect, **keywords)


def assert_denied(error):
    assert (error.code, error.outcome, error.teplo["reason"]) == (-31005, "not_executed", "denied")
    assert error.teplo["safe_to_retry"] is True


def reload(broker, servers, options=None):
    since = broker.log_position()
    broker.write_config(make_config(servers, {"socket_mode": "0666", **(options or {})}))
    broker.signal(signal.SIGHUP)
    broker.wait_log("reloaded", since=since)


# Users and groups.


@needs_others
def test_d12_only_the_allowed_user_is_served(start_open, raw):
    broker = start_open({"raw": server(raw, allow={"users": [ALICE]})})
    assert stranger(broker, ALICE).text("echo") == "echo"
    bob = stranger(broker, BOB)
    assert_denied(bob.call_error("echo"))
    for method in ("tools/list", "server/discover", "prompts/list", "vendor/own"):
        with pytest.raises(RpcError) as caught:
            bob.request(method, {})
        assert_denied(caught.value)
    # The superuser is nobody special.
    assert_denied(broker.client().call_error("echo"))
    assert raw.report().count("tools/call") == 1


@needs_others
def test_d12_a_denied_user_opens_no_session(start_open, raw):
    broker = start_open({"raw": server(raw, allow={"users": [ALICE]})})
    bob = stranger(broker, BOB, "legacy", greet=False)
    with pytest.raises(RpcError) as caught:
        bob.greet()
    assert_denied(caught.value)
    assert_denied(stranger(broker, BOB).call_error("echo"))
    report = raw.report()
    assert (report.streams_total, report.requests) == (0, []), "the server heard nothing"


@needs_others
def test_d12_groups_are_primary_or_supplementary(start_open, raw):
    broker = start_open({"raw": server(raw, allow={"groups": [STAFF]})})
    assert stranger(broker, BOB, gid=STAFF).text("echo") == "echo"
    assert stranger(broker, BOB, groups=[1, 2, STAFF]).text("echo") == "echo"
    many = [*range(60000, 60300), STAFF]
    assert stranger(broker, BOB, groups=many).text("echo") == "echo"
    assert_denied(stranger(broker, BOB, groups=[1, 2]).call_error("echo"))
    assert_denied(stranger(broker, STAFF, gid=BOB).call_error("echo"))
    assert raw.report().count("tools/call") == 3


@needs_others
def test_d12_pools_of_others_are_not_named(start_open, raw):
    servers = {
        "hers": server(raw, allow={"users": [ALICE]}),
        "his": server(raw, allow={"users": [BOB]}),
        "open": server(raw),
    }
    broker = start_open(servers)
    alice = stranger(broker, ALICE)
    error = alice.call_error("echo")
    assert error.code == -32602
    assert '"hers", "open"' in error.message and "his" not in error.message
    assert_denied(stranger(broker, ALICE, meta_pool="his").call_error("echo"))
    assert_denied(stranger(broker, ALICE, pool="his").call_error("echo"))
    assert stranger(broker, ALICE, pool="hers").text("echo") == "echo"
    assert stranger(broker, ALICE, meta_pool="open").text("echo") == "echo"


@needs_others
def test_d12_the_only_pool_that_one_may_use_is_the_only_one(start_open, raw):
    servers = {
        "hers": server(raw, allow={"users": [ALICE]}),
        "his": server(raw, allow={"users": [BOB]}),
    }
    broker = start_open(servers)
    assert stranger(broker, ALICE).text("echo") == "echo"
    assert_denied(broker.client().call_error("echo"))
    pools = {row["name"]: row["calls_total"] for row in broker.admin("teplo/pools")["pools"]}
    assert pools == {"hers": 1, "his": 0}


@needs_others
def test_d15_a_socket_handed_on_stays_its_connectors(start_open, raw):
    """The harness, which is root, holds the socket; the process that connected has ended."""
    broker = start_open({"raw": server(raw, allow={"users": [ALICE]})})
    alice, bob = stranger(broker, ALICE), stranger(broker, BOB)
    child = os.fork()
    if child == 0:
        # A fork that speaks on the same socket is the same client.
        bob.start_call("counter", {"key": "fork"}, request_id=77)
        os._exit(0)
    os.waitpid(child, 0)
    assert_denied(bob.wait_error(77))
    assert alice.text("echo") == "echo"
    rows = {row["uid"] for row in broker.admin("teplo/clients")["clients"]}
    assert rows == {ALICE, BOB}
    assert "fork" not in raw.report().counters


# Tools.


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_d12_a_denied_tool_is_neither_listed_nor_callable(start_broker, raw, era):
    broker = start_broker({"raw": server(raw, deny={"tools": ["echo", "h*"]})})
    client = broker.client(era)
    listed = [tool["name"] for tool in client.request("tools/list")["tools"]]
    assert "counter" in listed and not [name for name in listed if name == "echo" or name[0] == "h"]
    assert client.text("counter", {"key": "k"}) == "1"
    for tool in ("echo", "hold", "huge", "h"):
        assert_denied(client.call_error(tool, {"key": "no"}))
    assert raw.report().count("tools/call") == 1


def test_d12_only_allowed_tools(start_broker, raw):
    broker = start_broker({"raw": server(raw, allow={"tools": ["echo", "co*er"]}, deny={"tools": ["counter"]})})
    client = broker.client()
    assert [tool["name"] for tool in client.request("tools/list")["tools"]] == ["echo"]
    assert client.text("echo") == "echo"
    assert_denied(client.call_error("counter", {"key": "k"}))
    assert_denied(client.call_error("nowhere"))
    assert raw.report().count("tools/call") == 1


def test_the_other_fields_of_a_filtered_list_stay(start_broker, raw):
    raw.set(tools_pages=3)
    plain = start_broker({"raw": raw.url}).client().request("tools/list")
    broker = start_broker({"raw": server(raw, deny={"tools": ["echo"]})})
    filtered = broker.client().request("tools/list")
    assert filtered == {**plain, "tools": [t for t in plain["tools"] if t["name"] != "echo"]}
    assert len(filtered["tools"]) == len(plain["tools"]) - 1


TRICKS = {
    "escaped": rb'"name":"\u0063ounter"',
    "all escaped": rb'"name":"\u0063\u006f\u0075\u006e\u0074\u0065\u0072"',
    "an escaped key": rb'"n\u0061me":"counter"',
    "a NUL behind": rb'"name":"counter\u0000"',
    "a control byte": rb'"name":"counter\u000a"',
    "half a surrogate pair": rb'"name":"counter\ud800"',
    "not a text": rb'"name":["counter"]',
    "null": rb'"name":null',
}


@pytest.mark.parametrize("what", TRICKS)
def test_d12_no_spelling_passes(start_broker, raw, what):
    broker = start_broker({"raw": server(raw, deny={"tools": ["counter"]})})
    client = broker.client("legacy")
    client.send_raw(
        b'{"jsonrpc":"2.0","id":"t","method":"tools/call","params":{%s,"arguments":{"key":"t"}}}\n'
        % TRICKS[what]
    )
    assert_denied(client.wait_error("t"))
    report = raw.report()
    assert report.count("tools/call") == 0 and "t" not in report.counters


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":"t","method":"tools/call","params":{"name":"echo","name":"counter"}}',
        b'{"jsonrpc":"2.0","id":"t","method":"tools/call","params":{"name":"echo","n\\u0061me":"counter"}}',
        b'{"jsonrpc":"2.0","id":"t","method":"tools/call","params":{"name":"echo"},"params":{"name":"counter"}}',
    ],
)
def test_d12_a_name_twice_is_no_request(start_broker, raw, line):
    broker = start_broker({"raw": server(raw, deny={"tools": ["counter"]})})
    client = broker.client("legacy")
    client.send_raw(line + b"\n")
    found = client.lines.wait(lambda line: line.message.get("error"), "a refusal").message
    assert found["error"]["code"] == -32600
    assert raw.report().count("tools/call") == 0


@pytest.mark.parametrize("method", [rb"tools\/call", rb"tools\u002fcall", rb"\u0074ools/call"])
def test_d12_no_spelling_of_the_method_passes(start_broker, raw, method):
    broker = start_broker({"raw": server(raw, deny={"tools": ["counter"]})})
    client = broker.client("legacy")
    client.send_raw(b'{"jsonrpc":"2.0","id":"t","method":"%s","params":{"name":"counter"}}\n' % method)
    assert_denied(client.wait_error("t"))
    assert raw.report().count("tools/call") == 0


def test_d12_case_makes_another_name(start_broker, raw):
    """Names are compared as MCP compares them: an allowed one in other letters is not allowed."""
    broker = start_broker({"raw": server(raw, allow={"tools": ["echo"]})})
    client = broker.client()
    for tool in ("Echo", "ECHO", "echo ", "ecHo", "е\u0441ho"):
        assert_denied(client.call_error(tool))
    assert raw.report().count("tools/call") == 0


# Reloads.


def test_a_reload_denies_what_waits_and_nothing_else(start_broker, raw):
    pool = {"pool_size": 1, "max_inflight_per_session": 1}
    broker = start_broker({"raw": server(raw, **pool)})
    client = broker.client()
    sent = client.start_call("hold", {"key": "sent"})
    raw.wait_requests(1, "tools/call")
    denied = client.start_call("counter", {"key": "denied"})
    allowed = client.start_call("echo")
    broker.wait_pool(lambda row: row["waiting"] == 2, "two calls wait")
    since = broker.log_position()
    broker.write_config(make_config({"raw": server(raw, deny={"tools": ["counter", "hold"]}, **pool)}))
    broker.signal(signal.SIGHUP)
    assert_denied(client.wait_error(denied))
    broker.wait_log("reloaded", since=since)
    assert client.find_answer(sent) is None
    raw.release("sent")
    assert client.wait(sent)["content"][0]["text"] == "released sent"
    assert client.wait(allowed)["content"][0]["text"] == "echo"
    assert_denied(client.call_error("hold", {"key": "again"}))
    assert "denied" not in raw.report().counters


def test_a_reload_with_other_tools_is_told(start_broker, raw):
    broker = start_broker({"raw": raw.url})
    client = broker.client("legacy")
    assert "echo" in [tool["name"] for tool in client.request("tools/list")["tools"]]
    broker.write_config(make_config({"raw": server(raw, deny={"tools": ["echo"]})}))
    broker.signal(signal.SIGHUP)
    client.wait_notification("notifications/tools/list_changed")
    assert "echo" not in [tool["name"] for tool in client.request("tools/list")["tools"]]
    assert raw.report().count("tools/list") == 1, "the cached list is whole"


@needs_others
def test_a_reload_denies_and_admits_users_that_are_connected(start_open, raw):
    broker = start_open({"raw": server(raw)})
    alice, bob = stranger(broker, ALICE, "legacy"), stranger(broker, BOB)
    assert bob.text("echo") == alice.text("echo") == "echo"
    listen = bob.start("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    bob.wait_notification("notifications/subscriptions/acknowledged")
    reload(broker, {"raw": server(raw, allow={"users": [ALICE]})})
    assert_denied(bob.wait_error(listen))
    assert_denied(bob.call_error("echo"))
    assert alice.text("echo") == "echo"
    reload(broker, {"raw": server(raw, allow={"users": [BOB]})})
    assert_denied(alice.call_error("echo"))
    assert bob.text("echo") == "echo"


def test_an_unknown_user_is_refused_with_its_place(start_broker, raw):
    broker = start_broker({"raw": raw.url})
    assert broker.client().text("echo") == "echo"
    broker.write_config(make_config({"raw": server(raw, allow={"users": ["no-such-user"]})}))
    done = broker.ctl("reload")
    assert done.returncode != 0
    assert "no-such-user" in done.stderr and "teplo.json:" in done.stderr
    assert broker.client().text("echo") == "echo", "the old rules are in force"
