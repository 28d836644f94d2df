# SPDX-License-Identifier: MIT
"""A server of the official Python SDK 2.x, over HTTP+SSE, behind the pool."""

import json

import pytest

from harness import CountingServer


@pytest.fixture(scope="module")
def server():
    server = CountingServer("mcp2")
    yield server
    server.done()


@pytest.fixture
def broker(start_broker, server):
    server.reset()
    return start_broker({"two": server.url})


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_calls_results_and_errors(broker, server, era):
    assert server.stats()["extra"]["sdk_major"] == 2
    client = broker.client(era)
    names = {tool["name"] for tool in client.request("tools/list")["tools"]}
    assert {"echo", "add", "fail"} <= names
    assert json.loads(client.text("echo", {"value": "дім"}))["value"] == "дім"
    assert client.call("fail")["isError"] is True
    prompt = client.request("prompts/get", {"name": "greeting", "arguments": {"name": "Ю"}})
    assert prompt["messages"][0]["content"]["text"] == "Вітаю, Ю!"
    assert server.stats()["rpc"]["initialize"] == 1, broker.program.output()


def test_a_cancelled_call_is_cancelled_in_the_server_and_not_answered(broker, server):
    client = broker.client()
    call = client.start_call("hold", {"key": "cancelled"})
    server.wait_held("cancelled")
    client.cancel(call)
    server.wait_stats(
        lambda stats: stats["extra"]["cancelled_inside"].get("cancelled"), "the call was cancelled"
    )
    assert client.text("add", {"a": 1, "b": 1}) == "2"
    assert client.find_answer(call) is None


def test_progress(broker):
    client = broker.client()
    client.call("slow_progress", {"steps": 3}, meta={"progressToken": 7})
    steps = [message["params"] for message in client.notifications("notifications/progress")]
    assert [(step["progressToken"], step["progress"]) for step in steps] == [(7, 1), (7, 2), (7, 3)]


def test_a_body_over_the_servers_limit_is_not_executed(start_broker, server):
    """SDK 2 refuses bodies over 4 MiB with 413; the session goes on."""
    server.reset()
    broker = start_broker({"two": server.url}, options={"max_frame": "8MiB"})
    client = broker.client()
    error = client.call_error("echo", {"value": "x" * (5 << 20)})
    assert error.outcome == "not_executed"
    assert "413" in error.message
    assert client.text("add", {"a": 1, "b": 1}) == "2"
    assert server.stats()["rpc"]["initialize"] == 1, broker.program.output()
