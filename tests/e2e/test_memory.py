# SPDX-License-Identifier: MIT
"""
A small mem_limit: whoever takes most gives way, whoever asks little is served, what cannot be taken
is refused with its reason, and everything is as before once memory is free again.
"""

import threading

import pytest

from harness import RpcError, make_config, wait_until

MIB = 1 << 20
# Everything that must be smaller than the limit.
SMALL = {"mem_limit": "16MiB", "outbuf_max": "12MiB", "max_response": "6MiB", "max_frame": "4MiB"}
POOL = {"pool_size": 1, "max_inflight_per_session": 1}


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
    broker = start_broker({"raw": raw.url}, options=SMALL, pool={**POOL, "queue_timeout": "5m"})
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
    for call in calls:
        hog.wait(call, 30)
    busy.wait_log("memory_ok")
    assert rows_of(busy)["hog"]["held"] == "-"
    assert raw.report().counters["fill"] == 20


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
        make_config({"raw": raw.url}, {**SMALL, "mem_limit": "1GiB"}, {**POOL, "queue_timeout": "5m"})
    )
    busy.admin("teplo/reload")
    busy.wait_log("memory_ok")
    wait_until(lambda: rows_of(busy)["hog"]["inflight"] == 21, "all of its requests are taken")
    raw.release("busy")
    hog.wait(calls[-1], 30)
