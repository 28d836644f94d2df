# SPDX-License-Identifier: MIT
"""Corners where a broker is tempted to say what it cannot know, or not to say anything."""

import json
import signal

from harness import make_config, wait_until


def own_id(raw, number=0):
    """The id that the broker gave its NUMBER-th tools/call."""
    return json.loads(raw.report().bodies("tools/call")[number])["id"]


def test_a_second_try_does_not_hide_that_the_first_may_have_run(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={"tools": {"hold": {"retry": "idempotent"}}})
    client = broker.client()
    call = client.start_call("hold", {"key": "never"})
    raw.wait_requests(1, "tools/call")
    broker.program.signal(signal.SIGQUIT)
    error = client.wait_error(call)
    assert (error.code, error.outcome) == (-31010, "unknown")


def test_a_bad_request_of_the_server_is_not_taken_for_an_answer(broker, raw):
    client = broker.client()
    call = client.start_call("hold", {"key": "k"})
    raw.wait_requests(1, "tools/call")
    bad = {"jsonrpc": "2.0", "id": own_id(raw), "method": "ping", "params": None}
    raw.ctl("event", message=bad)
    broker.wait_log("server_fault")
    raw.release("k")
    assert "content" in client.wait(call)


def test_a_list_comes_by_its_deadline_or_an_error_does(broker, raw):
    raw.set(post_never=["tools/list"])
    client = broker.client()
    call = client.start("tools/list", meta={"dev.teplo/deadlineMs": 300})
    assert client.wait_error(call, 5).outcome == "unknown"
    assert client.text("echo") == "echo"


def test_a_deadline_beyond_all_measure_is_a_long_one(broker):
    client = broker.client()
    assert client.call("echo", {}, meta={"dev.teplo/deadlineMs": (1 << 63) - 1})["content"]


def test_a_client_that_left_for_good_has_nothing_executed(start_broker, raw):
    pool = {"pool_size": 1, "max_inflight_per_session": 1}
    broker = start_broker({"raw": raw.url}, pool=pool)
    client = broker.client()
    held = client.start_call("hold", {"key": "place"})
    raw.wait_requests(1, "tools/call")
    ghost = broker.client()
    ghost.start_call("counter", {"key": "ghost"})
    broker.wait_pool(lambda row: row["waiting"] == 1, "the call waits")
    ghost.half_close()
    assert len(broker.admin("teplo/clients")["clients"]) == 2, "it may still want its answer"
    ghost.close()
    wait_until(lambda: len(broker.admin("teplo/clients")["clients"]) == 1, "it is gone")
    raw.release("place")
    client.wait(held)
    assert client.text("echo") == "echo"
    assert "ghost" not in raw.report().counters


def test_a_long_request_in_the_socket_is_refused_before_the_end(start_broker, raw):
    broker = start_broker({"raw": raw.url})
    client = broker.client()
    assert client.text("echo") == "echo"
    broker.program.signal(signal.SIGSTOP)
    call = client.start_call("echo", {"value": "x" * 150000})
    broker.program.signal(signal.SIGTERM)
    broker.program.signal(signal.SIGCONT)
    line = client.wait_line(call)
    assert "result" in line.message or line.message["error"]["code"] == -31004


def test_who_asks_after_a_change_gets_the_list_after_it(broker, raw):
    client = broker.client("legacy")
    assert client.request("tools/list")["tools"]
    before = raw.report().count("tools/list")
    raw.set(post_never=["tools/list"])
    raw.ctl("event", message={"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
    client.wait_notification("notifications/tools/list_changed")
    first = client.start("tools/list")
    raw.wait_requests(before + 1, "tools/list")
    raw.ctl("event", message={"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
    client.wait_notification("notifications/tools/list_changed", since=3)
    second = client.start("tools/list")
    raw.set(post_never=[])
    stale = {"jsonrpc": "2.0", "id": None, "result": {"tools": []}}
    stale["id"] = json.loads(raw.report().bodies("tools/list")[-1])["id"]
    raw.ctl("event", message=stale)
    assert client.wait(first)["tools"] == []
    assert client.wait(second)["tools"] != []


def test_an_answer_that_no_longer_fits_is_said_to_be_lost(start_broker, raw):
    servers = {"raw": raw.url}
    broker = start_broker(servers)
    client = broker.client()
    call = client.start_call("hold", {"key": "k"})
    raw.wait_requests(1, "tools/call")
    broker.write_config(make_config(servers, {"max_response": "1MiB", "max_frame": "1MiB"}))
    broker.signal(signal.SIGHUP)
    broker.wait_log("reloaded")
    error = {"code": 1, "message": "long", "data": "x" * (5 << 20)}
    raw.ctl("event", message={"jsonrpc": "2.0", "id": own_id(raw), "error": error})
    assert client.wait_error(call).outcome == "result_lost"
    assert client.text("echo") == "echo"


def test_a_listen_before_a_very_long_greeting_holds_nobody_up(start_broker, raw):
    raw.set(instructions="x" * (17 << 20))
    limits = {"max_response": "64MiB", "outbuf_max": "128MiB"}
    broker = start_broker({"raw": raw.url}, options=limits)
    client = broker.client()
    client.start("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    client.wait_notification("notifications/subscriptions/acknowledged", 30)
    with broker.client() as other:
        assert other.text("echo") == "echo"


def test_a_reload_while_it_stops_opens_no_door(start_broker, raw):
    broker = start_broker({"raw": raw.url})
    client = broker.client()
    call = client.start_call("hold", {"key": "end"})
    raw.wait_requests(1, "tools/call")
    broker.signal(signal.SIGTERM)
    broker.wait_log("draining")
    broker.write_config(make_config({"raw": raw.url, "late": raw.url}))
    broker.signal(signal.SIGHUP)
    broker.wait_log("reload_failed")
    assert not broker.socket_path("late").exists()
    raw.release("end")
    client.wait(call)
    assert broker.program.wait() == 0
