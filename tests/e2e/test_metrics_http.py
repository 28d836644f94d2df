# SPDX-License-Identifier: MIT
"""What /metrics says: by the rules of its formats, and the same as the broker says elsewhere."""

import json
import os
import sys
import time

import pytest

from harness import Program, RpcError, make_config, places, wait_until
from harness.pages import Pages
from harness.scripted import ScriptedServer

CALLS = "mcp_client_operation_duration_seconds"
SERVED = "mcp_server_operation_duration_seconds"
TOOL_NAMES = int(os.environ.get("TEPLO_TOOL_NAMES", "10000"))
LISTEN = {"metrics_listen": "127.0.0.1:0"}
CEILING = 20000


@pytest.fixture
def scripted(cleanup):
    return cleanup.maker(ScriptedServer)()


@pytest.fixture
def start(start_broker, raw):
    def start(servers=None, **options):
        return start_broker(servers or {"raw": raw.url}, options={**LISTEN, **options})

    return start


def some_calls(broker):
    """Of every end that a server can give a call."""
    client = broker.client()
    for _ in range(3):
        client.text("echo")
    client.call("is_error")
    for _ in range(2):
        with pytest.raises(RpcError):
            client.call("error", {"code": -32050})
    client.request("tools/list")
    client.request("tools/list")
    return client


@pytest.mark.parametrize("door", ["port", "admin"])
@pytest.mark.parametrize("is_openmetrics", [False, True])
def test_figures_are_those_of_show_pools(start, door, is_openmetrics):
    broker = start()
    some_calls(broker)
    found = Pages(broker, door).scrape(is_openmetrics)
    row = broker.pool()
    outcomes = {labels["outcome"]: value for labels, value in found.select("teplo_calls_total")}
    assert outcomes["ok"] == row["ok_total"] and outcomes["tool_error"] == 1
    assert outcomes["rpc_error"] == row["rpc_err_total"] == 2
    assert sum(outcomes.values()) == row["calls_total"]
    assert found.value("teplo_sessions", state="idle") == row["s_idle"] == 1
    assert found.sum("teplo_sessions") == row["s_total"]
    assert found.value("teplo_sessions_opened_total") == row["sess_opened_total"]
    assert found.value("teplo_cache_requests_total", result="hit") == row["cache_hit_total"]
    assert found.value("teplo_posts_total") == row["up_posts_total"]
    assert found.value("teplo_sessions_max") == row["cap"] == 8
    assert found.value("teplo_breaker_state", state=row["breaker"]) == 1
    assert found.value("teplo_health_status", status=row["health"]) == 1
    for name, count in (("teplo_breaker_state", 3), ("teplo_health_status", 6), ("teplo_errors_total", 16)):
        assert len(found.select(name)) == count
    assert found.sum("teplo_health_status") == 1 and found.sum("teplo_errors_total") == 0
    stats = broker.admin("teplo/stats")
    assert found.value("teplo_config_hash_info", hash=stats["cfg_hash"]) == 1
    assert found.value("process_max_fds") == stats["fds_max"]
    assert found.value("teplo_providers") == 1
    assert not found.select("teplo_redis_up")


def test_operations_are_told_as_opentelemetry_names_them(start, raw):
    broker = start()
    some_calls(broker)
    found = Pages(broker).scrape(True)
    ends = {
        labels.get("error_type"): value
        for labels, value in found.select(CALLS + "_count", mcp_method_name="tools/call")
    }
    assert ends == {None: 3, "tool_error": 1, "-32050": 2}
    labels, _ = found.select(CALLS + "_count", error_type="-32050")[0]
    assert labels == {
        "pool": "raw",
        "mcp_method_name": "tools/call",
        "error_type": "-32050",
        "rpc_response_status_code": "-32050",
        "mcp_protocol_version": broker.pool()["proto"],
        "network_transport": "tcp",
        "server_address": "127.0.0.1",
        "server_port": str(raw.port),
    }
    labels, _ = found.select(SERVED + "_count", error_type="tool_error")[0]
    assert labels["network_transport"] == "unix"
    assert labels["server_address"] == str(broker.socket_path())
    bounds = [labels["le"] for labels, _ in found.select(CALLS + "_bucket", error_type="tool_error")]
    otel = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300]
    assert bounds == [str(float(bound)) for bound in otel] + ["+Inf"]
    assert found.value("teplo_session_create_seconds_count") == 1
    assert found.value("teplo_session_create_seconds_sum") > 0
    assert found.value("teplo_checkout_wait_seconds_count") == broker.pool()["wait_n"]


def test_counters_never_fall(start, scripted):
    broker = start({"scripted": scripted.url})
    pages = Pages(broker)
    client = broker.client()
    before = {}
    for round_number in range(5):
        for number in range(10):
            client.start_call("call", {"u": round_number * 100 + number + 1})
        now = pages.scrape(round_number % 2 == 0).monotone()
        for key, value in before.items():
            assert now[key] >= value, key
        before = now


def test_a_removed_pool_takes_its_series_along(start, raw):
    broker = start({"one": raw.url, "two": raw.url})
    pages = Pages(broker)
    assert {labels["pool"] for labels, _ in pages.scrape().select("teplo_sessions")} == {"one", "two"}
    broker.write_config(make_config({"one": raw.url}, LISTEN))
    broker.admin("teplo/reload")
    assert {labels["pool"] for labels, _ in pages.scrape().select("teplo_sessions")} == {"one"}


def test_names_of_tools_are_told_on_request(start, scripted):
    """And those that would break a line, or a label, do not."""
    names = ['with "quotes"', "back\\slash", "new\nline", "} 1\nteplo_evil 1", "ім'я", "x" * 300, "к" * 300]
    broker = start({"scripted": scripted.url}, metrics_tools="on")
    pages = Pages(broker)
    client = broker.client()
    for number, name in enumerate(names):
        client.call(name, {"u": number + 1})
    found = pages.scrape(True)
    told = {labels["gen_ai_tool_name"] for labels, _ in found.select(CALLS + "_count") if "gen_ai_tool_name" in labels}
    assert {names[0], names[1], names[4]} <= told and len(told) == len(names)
    assert max(map(len, told)) <= 64 and not any("\n" in name for name in told)
    assert not found.select("teplo_evil")
    broker.write_config(make_config({"scripted": scripted.url}, {**LISTEN, "metrics_tools": "off"}))
    broker.admin("teplo/reload")
    found = pages.scrape(True)
    assert not any("gen_ai_tool_name" in labels for labels, _ in found.select(CALLS + "_count"))
    assert found.sum(CALLS + "_count", mcp_method_name="tools/call") == len(names)


def test_ten_thousand_tools_keep_the_ceiling_and_the_sums(start, scripted):
    servers = {name: scripted.url for name in ("a", "b", "c", "d")}
    broker = start(servers, metrics_tools="on")
    each = TOOL_NAMES // len(servers)
    pages = Pages(broker)
    merged = False
    for number, name in enumerate(servers):
        client = broker.client(pool=name)
        for call in range(each):
            last = client.start_call(f"tool_{call}", {"u": number * each + call + 1})
            if call % 500 == 499 or call == each - 1:
                client.wait(last)
        wait_until(lambda pool=name: broker.pool(pool)["ok_total"] == each, "all are answered")
        found = pages.scrape(True)
        assert len(found.values) <= CEILING
        calls = found.select(CALLS + "_count", pool=name, mcp_method_name="tools/call")
        assert sum(value for _, value in calls) == each
        assert found.sum(SERVED + "_count", pool=name, mcp_method_name="tools/call") == each
        tools = {labels["gen_ai_tool_name"] for labels, _ in calls}
        assert "_other" in tools
        assert len(tools) == 1 or not merged, "once merged they stay so"
        merged = len(tools) == 1
    assert merged


SCRAPER = """
import socket, sys
while True:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
        connection.sendall(b"GET /metrics HTTP/1.0\\r\\n\\r\\n")
        size = 0
        while piece := connection.recv(1 << 20):
            size += len(piece)
    print(size, flush=True)
"""


def ninth_deciles(client, rounds):
    """Of the times of 100 calls, one after the other: the quietest of some rounds."""
    found = []
    for _ in range(rounds):
        taken = []
        for number in range(100):
            began = time.perf_counter()
            client.call("call", {"u": number + 1})
            taken.append(time.perf_counter() - began)
        found.append(sorted(taken)[90])
    return min(found)


def test_scrapes_do_not_hold_up_calls(start, scripted, cleanup):
    """Fifty pools, one scrape after the other: a call takes 5 ms more at most, and so does a scrape."""
    servers = {f"pool{number}": scripted.url for number in range(50)}
    broker = start(servers)
    pages = Pages(broker)
    clients = [broker.client(pool=name) for name in servers]
    for client in clients:
        client.call("call", {"u": 1})
    alone = ninth_deciles(clients[0], 3)
    scraper = Program([sys.executable, "-c", SCRAPER, str(pages.port)])
    cleanup.things.append(scraper)
    scraper.done = scraper.kill
    scraper.lines.wait(lambda line: int(line) > 100_000, "a scrape")
    beside = ninth_deciles(clients[0], 5)
    scraped = len(scraper.lines.items)
    scraper.kill()
    before = pages.scrape().value("process_cpu_seconds_total")
    for _ in range(20):
        pages.get("/metrics")
    cost = (pages.scrape().value("process_cpu_seconds_total") - before) / 21
    print(f"calls {alone * 1000:.2f} ms, beside {scraped} scrapes {beside * 1000:.2f} ms; CPU {cost * 1000:.2f} ms")
    assert scraped >= 5
    # Some ms each; the bound is for a machine that does other things as well.
    assert beside - alone <= 0.02 * places.SLOWNESS
    assert cost <= 0.02 * places.SLOWNESS


def test_redis_is_told_when_there_is_one(start, start_redis):
    redis = start_redis()
    broker = start(redis={"url": redis.url, "tick": "50ms"})
    pages = Pages(broker)
    wait_until(lambda: pages.scrape().value("teplo_redis_up") == 1, "Redis is up")
    found = pages.scrape(True)
    assert found.value("teplo_redis_rtt_seconds") > 0
    assert found.value("teplo_redis_dropped_events_total") == 0
    redis.kill()
    wait_until(lambda: pages.scrape().value("teplo_redis_up") == 0, "Redis is down")


def test_no_secret_is_on_any_page(start, raw):
    server = {"url": raw.url + "?token=sesame", "headers": {"Authorization": "Bearer sesame"}}
    broker = start({"raw": server})
    client = broker.client()
    client.call("echo", {"password": "sesame"})
    for page in ("/", "/metrics", "/healthz", "/readyz?verbose", "/livez"):
        assert "sesame" not in Pages(broker).get(page).text


def test_healthz_is_what_the_admin_socket_says(start):
    broker = start()
    some_calls(broker)
    reply = Pages(broker).get("/healthz")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    said, known = json.loads(reply.text), broker.admin("teplo/health")
    for one in (said, known):
        for pool in one["pools"]:
            pool.pop("age_ms")
    assert said == known and said["pools"][0]["name"] == "raw"
