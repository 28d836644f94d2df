# SPDX-License-Identifier: MIT
"""The pool is lazy, cached and shared: what a thousand first calls cost the server."""

import pytest

CONNECTIONS, CALLS_EACH, POOL_SIZE = 50, 20, 4


@pytest.fixture
def broker(start_broker, counting):
    return start_broker({"counting": counting.url}, pool={"pool_size": POOL_SIZE})


def test_nothing_is_opened_before_the_first_request(broker, counting):
    broker.admin("teplo/pools")
    assert counting.stats()["http"] == {}


def test_a_thousand_first_calls_open_few_sessions_and_list_once(broker, counting):
    clients = [broker.client() for _ in range(CONNECTIONS)]
    lists = [client.start("tools/list") for client in clients]
    calls = [
        (client, number, client.start_call("add", {"a": number, "b": 1}))
        for number in range(CALLS_EACH)
        for client in clients
    ]
    for client, request_id in zip(clients, lists):
        assert len(client.wait(request_id, 60)["tools"]) > 5
    for client, number, request_id in calls:
        assert client.wait(request_id, 60)["content"][0]["text"] == str(number + 1)
    stats = counting.stats()
    assert 1 <= stats["streams_total"] <= POOL_SIZE
    assert stats["rpc"]["initialize"] == stats["streams_total"]
    assert stats["rpc"]["tools/list"] == 1
    assert stats["tools"] == {"add": CONNECTIONS * CALLS_EACH}
    check_posts(stats)


def check_posts(stats):
    """Each call cost exactly one POST."""
    posts = sum(count for what, count in stats["http"].items() if what.startswith("POST"))
    overhead = 2 * stats["streams_total"] + stats["rpc"].get("tools/list", 0)
    assert posts == stats["rpc"]["tools/call"] + overhead, stats
    assert set(stats["statuses"]) == {"202"}


def test_afterwards_each_call_is_one_post(broker, counting):
    client = broker.client()
    client.request("tools/list")
    client.text("add", {"a": 1, "b": 1})
    counting.reset()
    for number in range(200):
        assert client.text("add", {"a": number, "b": 1}) == str(number + 1)
    stats = counting.stats()
    assert stats["http"] == {next(iter(stats["http"])): 200}
    assert stats["rpc"] == {"tools/call": 200}


def test_sequential_calls_of_many_clients_use_one_session(broker, counting):
    for era in ("legacy", "modern") * 10:
        with broker.client(era) as client:
            client.request("tools/list")
            client.text("add", {"a": 1, "b": 1})
    stats = counting.stats()
    assert stats["streams_total"] == 1
    assert stats["rpc"]["initialize"] == 1
    assert stats["rpc"]["tools/list"] == 1


def test_greetings_of_many_clients_open_one_session(broker, counting):
    clients = [broker.client("legacy", greet=False) for _ in range(20)]
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "0"}}
    waiting = [client.start("initialize", params) for client in clients]
    for client, request_id in zip(clients, waiting):
        greeting = client.wait(request_id)
        assert greeting["protocolVersion"] == "2025-06-18"
        assert greeting["serverInfo"]["name"] == "counting"
        assert greeting["instructions"] == "Рахує все."
    assert counting.stats()["rpc"]["initialize"] == 1


def test_the_pool_grows_while_busy_and_shrinks_when_idle(start_broker, counting):
    pool = {"pool_size": POOL_SIZE, "max_inflight_per_session": 2, "session_idle_timeout": "300ms"}
    broker = start_broker({"counting": counting.url}, pool=pool)
    client = broker.client()
    held = [client.start_call("hold", {"key": "grow"}) for _ in range(2 * POOL_SIZE)]
    counting.wait_held("grow", 2 * POOL_SIZE)
    assert broker.pool()["s_active"] == POOL_SIZE
    counting.release("grow")
    for request_id in held:
        client.wait(request_id)
    broker.wait_sessions("counting", 0)
    counting.wait_stats(lambda stats: stats["streams_open"] == 0, "all streams are closed")


def test_a_slow_call_does_not_hold_up_others(start_broker, counting):
    pool = {"pool_size": 1, "max_inflight_per_session": 8}
    broker = start_broker({"counting": counting.url}, pool=pool)
    slow, fast = broker.client(), broker.client()
    held = slow.start_call("hold", {"key": "slow"})
    counting.wait_held("slow")
    for _ in range(50):
        assert fast.text("add", {"a": 1, "b": 1}) == "2"
    assert slow.find_answer(held) is None
    counting.release("slow")
    slow.wait(held)


def test_the_list_is_fetched_again_after_a_change_notice(start_broker, raw):
    broker = start_broker({"raw": raw.url})
    client = broker.client("legacy")
    for _ in range(5):
        client.request("tools/list")
    assert raw.report().count("tools/list") == 1
    client.text("list_changed")
    client.wait_notification("notifications/tools/list_changed")
    client.request("tools/list")
    assert raw.report().count("tools/list") == 2


def test_a_list_of_many_pages_is_fetched_once_and_served_whole(start_broker, start_raw):
    raw = start_raw(tools_pages=5)
    client = start_broker({"raw": raw.url}).client()
    for _ in range(2):
        result = client.request("tools/list")
        names = [tool["name"] for tool in result["tools"]]
        assert len(names) == len(set(names)) > 20
        assert "nextCursor" not in result
    assert raw.report().count("tools/list") == 5
    error = client.wait_error(client.start("tools/list", {"cursor": "page-1"}))
    assert error.code == -32602
    assert "cursor" in error.message


def test_a_cached_list_is_served_while_the_server_is_down(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={"queue_timeout": "500ms", "connect_timeout": "300ms"})
    client = broker.client()
    tools = client.request("tools/list")["tools"]
    raw.kill()
    broker.wait_sessions("raw", 0)
    stale = client.request("tools/list")
    assert stale["tools"] == tools
    assert stale["_meta"]["dev.teplo/stale"] is True
    assert client.call_error("echo").outcome == "not_executed"
