# SPDX-License-Identifier: MIT
"""
A small mem_limit: whoever takes most gives way, whoever asks little is served, what cannot be taken
is refused with its reason, and everything is as before once memory is free again.
"""

import json
import threading

import pytest

from harness import RpcError, make_config, wait_until

MIB = 1 << 20
# Everything that must be smaller than the limit.
SMALL = {"mem_limit": "16MiB", "outbuf_max": "12MiB", "max_response": "6MiB", "max_frame": "4MiB"}
# One call at a time, and room for all that wait: what is bounded here is memory.
POOL = {"pool_size": 1, "max_inflight_per_session": 1, "queue_timeout": "5m", "queue_bytes": "64MiB"}


def rows_of(broker):
    return {row["name"]: row for row in broker.admin("teplo/clients")["clients"]}


def fill(client, count, size):
    """
    Requests that wait, each with so many bytes, and a small one behind them; sent from a thread,
    since a client that is held cannot go on sending.
    """
    ids = [next(client.ids) for _ in range(count + 1)]

    def send():
        try:
            for one in ids[:-1]:
                client.start_call("counter", {"key": "fill", "pad": "x" * size}, request_id=one)
            client.start_call("counter", {"key": "late"}, request_id=ids[-1])
        except OSError:
            pass  # the test is over

    threading.Thread(target=send, daemon=True).start()
    return ids


@pytest.fixture
def busy(start_broker, raw):
    """A broker whose only session is taken: what is asked now waits.  bound(): memory is in bounds."""
    broker = start_broker({"raw": raw.url}, options=SMALL, pool=POOL)
    holder = broker.client(name="holder")
    holder.held = holder.start_call("hold", {"key": "busy"})
    raw.wait_requests(1, "tools/call")
    broker.holder = holder
    base = broker.rss_bytes()
    # A sanitizer keeps what is freed for a while.
    broker.is_bounded = lambda: broker.is_sanitized() or broker.rss_bytes() - base < 24 * MIB
    return broker


def test_the_heaviest_is_held_and_others_are_served(busy, raw):
    light = busy.client("legacy", name="light")
    hog = busy.client(name="hog")
    calls = fill(hog, 20, MIB)
    busy.wait_log("memory_tight", memory="tight")
    rows = rows_of(busy)
    assert rows["hog"]["held"] == "memory" and rows["light"]["held"] == "-", rows
    assert rows["hog"]["inflight"] < 20, "the rest stays outside"
    assert light.request("ping") == {}
    waiting = light.start_call("echo")
    wait_until(lambda: rows_of(busy)["light"]["inflight"] == 1, "the light one's call is taken")
    assert rows_of(busy)["hog"]["inflight"] < 20
    assert busy.is_bounded()
    raw.release("busy")
    assert busy.holder.wait(busy.holder.held)["content"][0]["text"] == "released busy"
    assert light.wait(waiting)["content"][0]["text"] == "echo"
    # On a slow machine it was held for so long that it was refused something.
    refused = sum(is_refusal(hog.wait_line(call, 30)) for call in calls)
    busy.wait_log("memory_ok")
    assert rows_of(busy)["hog"]["held"] == "-"
    counters = raw.report().counters
    assert counters["fill"] + counters.get("late", 0) == 21 - refused


def is_refusal(line):
    error = line.message.get("error") or {}
    return (error.get("data") or {}).get("teplo", {}).get("reason") == "out_of_memory"


def test_beyond_the_limit_new_requests_are_refused(busy, raw):
    hogs = [busy.client(name=f"hog{i}") for i in range(16)]
    light = busy.client("legacy", name="light")
    calls = [(hog, fill(hog, 4, MIB)) for hog in hogs]
    wait_until(lambda: any(hog.lines.find(is_refusal) for hog in hogs), "a refusal")
    error = RpcError(next(filter(None, (h.lines.find(is_refusal) for h in hogs))).message["error"])
    assert (error.code, error.outcome) == (-31001, "not_executed")
    assert error.teplo["retry_after_ms"] > 0 and "mem_limit" in error.message
    assert light.request("ping") == {}
    assert busy.is_bounded()
    # What was committed is not touched; what waits goes on; what was refused was not executed.
    raw.release("busy")
    assert busy.holder.wait(busy.holder.held)["content"][0]["text"] == "released busy"
    executed = refused = 0
    for hog, ids in calls:
        for call in ids:
            line = hog.wait_line(call, 60)
            assert "result" in line.message or is_refusal(line), line
            executed += "result" in line.message
            refused += is_refusal(line)
    assert executed + refused == 80 and executed > 0
    busy.wait_log("memory_ok")
    assert light.text("echo") == "echo"
    counters = raw.report().counters
    assert counters.get("fill", 0) + counters.get("late", 0) == executed


def test_the_heaviest_that_does_not_read_is_disconnected(start_broker, raw):
    broker = start_broker({"raw": raw.url}, options={**SMALL, "slow_client_timeout": "1h"})
    reader = broker.client(name="reader")
    assert reader.text("echo") == "echo"
    deaf = [broker.client(name=f"deaf{i}", read=False) for i in range(2)]
    for client, count in zip(deaf, (10, 5)):
        for _ in range(count):
            client.start_call("huge", {"bytes": MIB})
    closed = broker.wait_log("client_closed", why="slow_reader")
    assert (closed["level"], closed["name"]) == ("warn", "deaf0")
    wait_until(lambda: is_served(reader), "others are served again")
    # One was enough.
    assert set(rows_of(broker)) == {"reader", "deaf1"}
    deaf[1].start_reading()
    for call in range(1, 6):
        assert len(deaf[1].wait(call, 30)["content"][0]["text"]) == MIB


def is_served(client):
    try:
        return client.text("echo") == "echo"
    except RpcError as error:
        assert error.teplo["reason"] == "out_of_memory"
        return False


def test_half_messages_of_many_do_not_stop_each_other(start_broker, raw):
    """Every one holds almost a whole message: were all of them held, none would ever end."""
    broker = start_broker({"raw": raw.url}, options=SMALL)
    assert broker.client(name="first").text("echo") == "echo"
    senders = [broker.client("legacy", name=f"sender{i}") for i in range(5)]
    pad = b"x" * (3 * MIB)
    line = b'{"jsonrpc":"2.0","id":"big","method":"tools/call","params":{"name":"counter","arguments":{"key":"h","pad":"%s"}}}\n'
    for sender in senders:
        sender.socket.settimeout(0.3)  # one that is held takes no more: that is what is driven here
        sender.rest = line % pad
        try:
            while len(sender.rest) > 1000:
                sent = sender.socket.send(sender.rest[: len(sender.rest) - 1000])
                sender.rest = sender.rest[sent:]
        except TimeoutError:
            pass
        sender.socket.settimeout(None)
    for sender in senders:
        threading.Thread(target=sender.send_raw, args=[sender.rest], daemon=True).start()
    for sender in senders:
        message = sender.wait_line("big", 30).message
        assert "result" in message or message["error"]["data"]["teplo"]["reason"] == "out_of_memory"
    wait_until(lambda: all(row["held"] == "-" for row in rows_of(broker).values()), "nobody is held")


def test_a_reload_with_more_memory_lets_all_go_on(busy, raw):
    hog = busy.client(name="hog")
    calls = fill(hog, 20, MIB)
    busy.wait_log("memory_tight")
    busy.write_config(
        make_config({"raw": raw.url}, {**SMALL, "mem_limit": "1GiB"}, POOL)
    )
    busy.admin("teplo/reload")
    busy.wait_log("memory_ok")
    wait_until(lambda: rows_of(busy)["hog"]["inflight"] == 21, "all of its requests are taken")
    raw.release("busy")
    hog.wait(calls[-1], 30)


def test_who_holds_too_much_is_refused_rather_than_not_heard(busy, raw):
    """Its own calls do not end: after two seconds it is told so.  Others are served meanwhile."""
    light = busy.client("legacy", name="light")
    hog = busy.client(name="hog")
    calls = fill(hog, 80, MIB // 4)
    hog.lines.wait(is_refusal, "a refusal")
    tight = [line for line in busy.log("memory_tight") if "cause" in line]
    assert [(line["level"], line["cause"]) for line in tight] == [("warn", "clients")]
    waiting = light.start_call("echo")
    wait_until(lambda: rows_of(busy)["light"]["inflight"] == 1, "the light one's call is taken")
    # A small one may find room; none is left unheard.
    wait_until(lambda: rows_of(busy)["hog"]["inflight"] + len(hog.lines.items) == 81, "it was heard")
    assert busy.is_bounded()
    raw.release("busy")
    assert light.wait(waiting)["content"][0]["text"] == "echo"
    lines = [hog.wait_line(call, 30) for call in calls]
    refused = sum(map(is_refusal, lines))
    busy.wait_log("memory_ok")
    assert rows_of(busy)["hog"]["held"] == "-"
    counters = raw.report().counters
    assert counters["fill"] + counters.get("late", 0) == 81 - refused


# What servers hold.


@pytest.fixture
def stuffed(start_broker, raw):
    """stuffed(percent): a broker in which three servers' words, and no client, hold so much of mem_limit."""
    servers = {name: raw.url for name in ("one", "two", "three")}

    def stuff(percent):
        raw.set(instructions="x" * (5 * MIB))
        broker = start_broker(servers, options={**SMALL, "mem_limit": "1GiB"})

        def limit_memory(size):
            broker.write_config(make_config(servers, {**SMALL, "mem_limit": size}))
            broker.admin("teplo/reload")

        for name in servers:
            with broker.client(pool=name) as client:
                assert client.text("echo") == "echo"
        # The log says how much is in use.
        limit_memory(16 * MIB)
        in_use = int(broker.wait_log("memory_tight")["bytes"])
        limit_memory(in_use * 100 // percent)
        return broker

    return stuff


def big_line():
    params = {
        "name": "counter",
        "arguments": {"key": "big", "pad": "x" * (300 << 10)},
        "_meta": {
            "dev.teplo/pool": "one",
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return json.dumps(message).encode() + b"\n"


def holds_of(broker):
    return [row["held"] for row in broker.admin("teplo/clients")["clients"]]


@pytest.mark.parametrize("percent, is_taken", [(82, True), (92, False)])
def test_what_servers_hold_stops_no_client(stuffed, raw, percent, is_taken):
    """Holding clients back does not help: they go on in turn, and are told if there is no room."""
    broker = stuffed(percent)
    clients = [broker.client("bare") for _ in range(3)]
    line = big_line()
    for client in clients:
        client.send_raw(line[: 64 << 10])
    wait_until(lambda: holds_of(broker) == ["memory"] * 3, "all are held in the middle of a message")
    for client in clients:
        threading.Thread(target=client.send_raw, args=[line[64 << 10 :]], daemon=True).start()
    lines = [client.wait_line(1) for client in clients]
    assert ["result" in line.message for line in lines] == [is_taken] * 3
    assert [is_refusal(line) for line in lines] == [not is_taken] * 3
    assert raw.report().counters.get("big", 0) == (3 if is_taken else 0)
    assert broker.client(pool="two").text("echo") == "echo", "who asks little is served"
    wait_until(lambda: set(holds_of(broker)) == {"-"}, "nobody is held")
    tight = [line for line in broker.log("memory_tight") if "cause" in line]
    assert [(line["level"], line["cause"]) for line in tight] == [("warn", "servers")]
