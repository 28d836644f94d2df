# SPDX-License-Identifier: MIT
"""
Three real brokers, two pools, load and faults: what the clients counted, redis-cli, /metrics, `teploctl
top`, teplo-dash and its page say the same at the same moment, field by field.
"""

import collections
import contextlib
import json
import re
import socket
import subprocess
import threading

import pytest
from playwright.sync_api import expect

from harness import Broker, LONG_PATIENCE, RawServer, RpcError, places, wait_until

P = "teplo:{main}:v1:"
POOL_FIELD = re.compile(r"^POOL_(\w+)\((\w+),(?: \d+,)? (\w+)\)", re.MULTILINE)
SCHEMA = (places.REPO / "proto" / "redis" / "pool_fields.def").read_text()
FIELDS = {name: (kind, fold) for kind, name, fold in POOL_FIELD.findall(SCHEMA)}
CALLS = {"echo": 30, "is_error": 7, "error": 5, "cut": 1}
OUTCOMES = {
    "ok": "ok_total",
    "tool_error": "tool_err_total",
    "rpc_error": "rpc_err_total",
    "not_executed": "not_executed_total",
    "unknown": "unknown_total",
    "result_lost": "result_lost_total",
    "cancelled": "cancelled_total",
}
STATES = ("connecting", "idle", "active", "testing", "draining", "broken")
SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="([^"]*)"')


class Story:
    """The brokers, what their clients were told, and everybody who can be asked about it."""

    def __init__(self, redis, brokers, dash):
        self.redis, self.brokers, self.dash = redis, brokers, dash
        self.told = {"alpha": collections.Counter(), "beta": collections.Counter()}
        self.lock = threading.Lock()

    def count(self, pool, outcome):
        with self.lock:
            self.told[pool][outcome] += 1

    def flush(self):
        """Twice: the second of the reporter has what the first of the others wrote."""
        for _ in range(2):
            for broker in self.brokers:
                if broker.program.running():
                    answer = broker.admin("teplo/flush")
                    assert answer["redis"] == "up" and answer["seq"] > 0, answer

    def rows(self, pool):
        return [self.redis.row(key) for key in self.redis.keys(f"{P}p:{pool}:*")]

    def top(self):
        command = [places.TEPLOCTL, "top", "--redis", self.redis.url, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONG_PATIENCE)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def metrics(self):
        """{(name, labels without the process's own): sum over the brokers}"""
        sums = collections.Counter()
        for broker in self.brokers:
            for line in scrape(broker).splitlines():
                found = SAMPLE.match(line)
                if found:
                    sums[found[1], frozenset(LABEL.findall(found[2] or ""))] += float(found[3])
        return sums


def scrape(broker):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(LONG_PATIENCE)
        connection.connect(str(broker.runtime / "admin.sock"))
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        with connection.makefile("rb") as stream:
            head, _, body = stream.read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    return body.decode()


def play(story, broker, pool):
    """One client's calls, each counted by what it was told."""
    client = broker.client(pool=pool)
    for tool, count in CALLS.items():
        for _ in range(count):
            try:
                result = client.call(tool, seconds=LONG_PATIENCE)
                story.count(pool, "tool_error" if result.get("isError") else "ok")
            except RpcError as failure:
                story.count(pool, failure.outcome or "rpc_error")


@pytest.fixture
def story(cleanup, start_redis, start_dash):
    redis = start_redis()
    servers = {name: cleanup.maker(RawServer)() for name in ("alpha", "beta")}
    urls = {name: server.url for name, server in servers.items()}
    options = {"redis": {"url": redis.url}}
    brokers = [cleanup.maker(Broker)(urls, options, {"pool_size": 2, "max_inflight_per_session": 1}) for _ in range(3)]
    story = Story(redis, brokers, start_dash(redis))
    threads = [
        threading.Thread(target=play, args=(story, broker, pool))
        for broker in brokers
        for pool in story.told
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Something is going on at the moment that is looked at, and one call waits.
    client = brokers[0].client(pool="alpha")
    story.held = [client.start_call("hold", {"key": "story"}) for _ in range(3)]
    servers["alpha"].wait_requests(1, "tools/call")
    wait_until(lambda: brokers[0].pool("alpha")["waiting"] == 1, "two run and one waits")
    cancelled = client.start_call("hold", {"key": "cancelled"})
    wait_until(lambda: brokers[0].pool("alpha")["waiting"] == 2, "another one waits")
    client.cancel(cancelled)
    wait_until(lambda: brokers[0].pool("alpha")["waiting"] == 1, "it was taken back")
    story.count("alpha", "cancelled")
    yield story
    with contextlib.suppress(OSError):
        servers["alpha"].release("story")


def number(text):
    return float(text)


def in_one_moment(story, pool):
    """The fleet's row of POOL, and what top and teplo-dash make of that very row."""

    def asked():
        row = story.redis.row(f"{P}f:{pool}")
        views = [story.top(), story.dash.fleet()]
        pools = [next(one for one in view["pools"] if one["pool"] == pool) for view in views]
        same = story.redis.row(f"{P}f:{pool}") == row
        moment = number(row["updated_at_ms"])
        return (row, pools) if same and all(one["updated_at_ms"] == moment for one in pools) else None

    return wait_until(asked, "all look at one row", LONG_PATIENCE)


def check_clients(story, pool, row):
    told = story.told[pool]
    for outcome, field in OUTCOMES.items():
        assert int(row[field]) == told[outcome], (pool, outcome, told, row)
    # Those that are held are calls, too.
    held = len(story.held) if pool == "alpha" else 0
    assert int(row["calls_total"]) == sum(told.values()) + held, (row["calls_total"], told)


def check_sums(story, pool, row):
    """The fleet's row is the sum of the brokers' rows."""
    rows = story.rows(pool)
    assert len(rows) == 3
    for name, (kind, fold) in FIELDS.items():
        if kind == "COUNT" and fold in ("SUM", "TOTAL"):
            assert int(row[name]) == sum(int(one[name]) for one in rows), name
    assert sum(int(row[f"s_{state}"]) for state in STATES) == int(row["s_total"])


def check_view(row, view):
    for name, (kind, _) in FIELDS.items():
        if kind == "TEXT":
            assert (view[name] or "-") == row[name], name
        else:
            assert view[name] == pytest.approx(number(row[name]), abs=0.001), name


def check_metrics(story, pool, row, metrics):
    def value(name, **labels):
        return metrics[name, frozenset({"pool": pool, **labels}.items())]

    for outcome, field in OUTCOMES.items():
        assert value("teplo_calls_total", outcome=outcome) == int(row[field]), outcome
    for state in STATES:
        assert value("teplo_sessions", state=state) == int(row[f"s_{state}"]), state
    for name in FIELDS:
        if name.startswith("e_"):
            kind = name.removeprefix("e_").removesuffix("_total")
            assert value("teplo_errors_total", **{"class": kind}) == int(row[name]), kind
    assert value("teplo_sessions_max") == int(row["cap"])
    assert value("teplo_pending_requests") == int(row["waiting"])
    assert value("teplo_requests_in_flight") == int(row["inflight"])
    assert value("teplo_retries_total") == int(row["retries_total"])
    assert value("teplo_sessions_opened_total") == int(row["sess_opened_total"])


def check_page(page, pool, row):
    line = page.locator("#pool-table > tbody > tr.row", has=page.locator(".expander", has_text=re.compile(f"^{pool}$")))

    def cell(label):
        return line.locator(f'td[data-label="{label}"]')

    other = int(row["s_total"]) - int(row["s_active"]) - int(row["s_idle"])
    expect(cell("Sessions")).to_have_text(f"{row['s_active']} / {row['s_idle']} / {other} of {row['cap']}")
    expect(cell("Health")).to_contain_text(row["health"].replace("_", " "))
    expect(cell("Waiting")).to_have_text(re.compile(rf"^{row['waiting']}( ·|$)"))
    expect(cell("Lost")).to_have_text(row["sess_lost_total"])
    expect(cell("Breaker")).to_have_text(row["breaker"].replace("_", " "))


def test_all_tell_the_same_story(story, open_page):
    story.flush()
    metrics = story.metrics()
    page = open_page(story.dash)
    for pool in story.told:
        row, views = in_one_moment(story, pool)
        check_clients(story, pool, row)
        check_sums(story, pool, row)
        for view in views:
            check_view(row, view)
        check_metrics(story, pool, row, metrics)
        check_page(page, pool, row)
    whole = story.redis.row(P + "fleet")
    assert whole["inst_live"] == "3" and whole["inst_dead"] == "0" and whole["pools"] == "2"
    told = sum(story.told.values(), collections.Counter())
    assert int(whole["ok_total"]) == told["ok"]
    assert int(whole["err_total"]) == told["not_executed"] + told["unknown"] + told["result_lost"] > 0
    expect(page.locator("#tile-brokers .value")).to_have_text("3 live")
    expect(page.locator("#tile-calls")).to_contain_text(f"{whole['inflight']} in flight")
    expect(page.locator("#tile-errors")).to_contain_text(f"{whole['err_total']} failed")
    expect(page.locator("#tile-waiting .value")).to_have_text(whole["waiting"])


def test_a_killed_broker_is_dead_on_the_page_and_its_calls_stay(story, open_page):
    story.flush()
    page = open_page(story.dash)
    before = story.redis.row(P + "fleet")
    leader = story.redis("GET", P + "leader")
    victim = next(broker for broker in story.brokers if broker.admin("teplo/stats")["pid"] == pid_of(story, leader))
    line = page.locator(f'#broker-table tr[data-inst="{leader}"]')
    expect(line).not_to_contain_text("dead", ignore_case=True)
    victim.kill9()
    # 3 s from the kill to what a person sees.
    expect(line).to_contain_text("dead", ignore_case=True, timeout=3000 * places.SLOWNESS)
    expect(page.locator("#tile-brokers .value")).to_have_text("2 live")
    # Another one reports: what readers see goes on, and no total has fallen.
    wait_until(lambda: story.redis.row(P + "fleet").get("reporter") not in ("", leader), "another reporter")
    after = story.redis.row(P + "fleet")
    for name in ("calls_total", "ok_total", "tool_err_total", "rpc_err_total", "err_total"):
        assert int(after[name]) >= int(before[name]), name
    assert after["inst_live"] == "2" and after["inst_dead"] == "1"
    view = story.dash.fleet()
    assert not view["fleet"]["stale"] and not any(pool["stale"] for pool in view["pools"])


def pid_of(story, inst):
    return int(story.redis("HGET", f"{P}i:{inst}", "pid"))
