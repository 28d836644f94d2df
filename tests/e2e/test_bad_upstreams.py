# SPDX-License-Identifier: MIT
"""Servers that cannot be used: the caller hears why, and what to do, and nothing was executed."""

import time

import pytest

from harness import Client, RawServer, free_port

QUICK = {"connect_timeout": "500ms", "init_timeout": "700ms", "queue_timeout": "2s"}


def refused(start_broker, url, headers=None, pool=None):
    """The broker, and the error of a call that could not be made."""
    server = {"url": url, "headers": headers or {}}
    broker = start_broker({"bad": server}, pool={**QUICK, **(pool or {})})
    begun = time.monotonic()
    error = broker.client().call_error("echo")
    assert time.monotonic() - begun < 10
    assert error.outcome == "not_executed", error
    assert error.code in (-31002, -31003)
    return broker, error


@pytest.mark.valgrind
def test_nobody_listens(start_broker):
    """Row A1 of the fault matrix."""
    port = free_port()
    broker, error = refused(start_broker, f"http://127.0.0.1:{port}/sse")
    assert f"127.0.0.1:{port}" in error.message
    assert "refuses connections" in error.message
    assert len(broker.log("server_fault")) <= 2, "one line, not one for each attempt"


def test_a_name_that_does_not_resolve(start_broker):
    """Row A23 of the fault matrix."""
    _, error = refused(start_broker, "http://no-such-host.invalid:8000/sse")
    assert "no-such-host.invalid" in error.message


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"host": "localhost"}, ["421", "Host"]),
        ({"bearer": "secret"}, ["401", "Authorization"]),
        ({"get_status": 403, "get_body": "Invalid Origin header"}, ["403"]),
        ({"get_status": 404, "get_body": "Not Found"}, ["404", "/sse"]),
        ({"get_status": 500, "get_body": "oops"}, ["500"]),
        ({"get_body": "<html>hello</html>", "get_type": "text/html"}, ["text/html"]),
        ({"get_body": "{}", "get_type": "application/json"}, ["application/json"]),
        ({"mute_streams": True}, []),
        ({"endpoint": "none"}, ["endpoint"]),
        ({"endpoint": "cross"}, ["origin"]),
        ({"endpoint": "//127.0.0.2:9{path}"}, ["origin"]),
        ({"endpoint": "http://user:pass@127.0.0.1{path}"}, []),
        ({"preamble": "event: message\r\ndata: {}\r\n\r\n", "endpoint": "none"}, []),
        ({"post_never": ["initialize"]}, ["initialize"]),
        ({"mute_methods": ["initialize"]}, ["initialize"]),
        ({"post_status": 400, "post_body": "Invalid session ID"}, ["400"]),
        ({"initialize_error": {"code": -32603, "message": "немає бази"}}, ["initialize", "немає бази"]),
        ({"protocol_version": "1999-01-01"}, ["1999-01-01", "2025-11-25"]),
    ],
    ids=lambda value: str(value)[:50] if isinstance(value, dict) else None,
)
def test_the_reason_is_told(start_broker, start_raw, settings, words):
    """Row A3 and B1 of the fault matrix."""
    raw = start_raw(**settings)
    broker, error = refused(start_broker, raw.url)
    for word in words:
        assert word in error.message, error.message
    assert raw.report().count("tools/call") == 0
    row = broker.pool("bad")
    assert row["last_error"] not in ("", "-", None)
    errors = broker.admin("teplo/errors")["errors"]
    assert errors and errors[0]["pool"] == "bad"


def test_a_server_that_is_no_http(start_broker, start_redis):
    redis = start_redis()
    _, error = refused(start_broker, f"http://127.0.0.1:{redis.port}/sse")
    assert str(redis.port) in error.message


def test_initialize_and_discover_fail_with_the_same_reason(start_broker, start_raw):
    raw = start_raw(get_status=404, get_body="Not Found")
    broker = start_broker({"bad": raw.url}, pool=QUICK)
    client = broker.client("legacy", greet=False)
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "0"}}
    assert "404" in client.wait_error(client.start("initialize", params)).message
    modern = broker.client()
    assert "404" in modern.wait_error(modern.start("server/discover")).message


def test_the_host_header_that_the_server_wants_makes_it_work(start_broker, start_demo):
    demo = start_demo(["--strict-host", "localhost"])
    _, error = refused(start_broker, demo.url)
    assert "421" in error.message and "Host" in error.message
    broker = start_broker({"demo": {"url": demo.url, "headers": {"Host": "localhost"}}})
    assert "success" in broker.client().text("list_graphs")


def test_secrets_are_in_no_message(start_broker, start_raw):
    raw = start_raw(bearer="other")
    headers = {"Authorization": "Bearer canary-4711"}
    broker, error = refused(start_broker, raw.url + "?key=canary-4712", headers)
    client = broker.client()
    for tool in range(3):
        client.call_error("echo")
    config = str(broker.admin("teplo/config"))
    said = broker.program.output() + str(error) + config + str(broker.admin("teplo/errors"))
    assert "canary-4711" not in said
    assert "canary-4712" not in broker.program.output() + str(error)


def test_the_server_comes_up_later(start_broker, cleanup):
    port = free_port()
    broker = start_broker(
        {"late": f"http://127.0.0.1:{port}/sse"}, pool={"backoff_max": "100ms", "queue_timeout": "20s"}
    )
    client = broker.client()
    waiting = client.start_call("echo", {})
    broker.wait_pool(lambda row: row["last_error"] not in ("", "-", None), "a failed attempt")

    class LateServer(RawServer):
        def start(self, _):
            super().start(port)

    raw = cleanup.maker(LateServer)()
    assert client.wait(waiting, 20)["content"][0]["text"] == "echo"
    assert raw.report().count("tools/call") == 1


def test_a_bad_server_does_not_disturb_a_good_one(start_broker, raw):
    servers = {"bad": f"http://127.0.0.1:{free_port()}/sse", "good": raw.url}
    broker = start_broker(servers, pool=QUICK)
    bad, good = broker.client(meta_pool="bad"), broker.client(meta_pool="good")
    failing = [bad.start_call("echo", {}) for _ in range(20)]
    for _ in range(50):
        assert good.text("echo") == "echo"
    for call in failing:
        assert bad.wait_error(call).outcome == "not_executed"


def test_a_request_without_a_pool_names_the_pools(start_broker, raw):
    broker = start_broker({"one": raw.url, "two": raw.url})
    error = broker.client().call_error("echo")
    assert error.code == -32602
    assert "one" in error.message and "two" in error.message
    assert broker.client(meta_pool="two").text("echo") == "echo"
    by_socket = Client(broker.socket_path("one"))
    assert by_socket.text("echo") == "echo"
    by_socket.close()
