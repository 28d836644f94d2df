# SPDX-License-Identifier: MIT
"""Faults of the event stream, by the rows of the fault matrix (B: SSE; A11: cut answers)."""

import json
import socket
import time

import pytest

from harness import places

QUICK = {"connect_timeout": "500ms", "init_timeout": "500ms", "queue_timeout": "1500ms"}
# Sessions that end young make a pool careful; these tests end very many.
ROUGH = {"backoff_min": "10ms", "backoff_max": "50ms", "call_timeout": "300ms"}


# B1: the endpoint.


@pytest.fixture
def evil():
    with socket.socket() as evil:
        evil.bind(("127.0.0.1", 0))
        evil.listen()
        evil.settimeout(0)
        yield evil


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.2:{port}{path}",
        "http://127.0.0.1:{evil}{path}",
        "https://127.0.0.1:{port}{path}",
        "//127.0.0.1:{evil}{path}",
        "//evil.example{path}",
        "http://user@127.0.0.1:{port}{path}",
        "http://127.0.0.1:{port}@127.0.0.1:{evil}{path}",
        "{path}\nX-Evil: 1",
        "{path}\tx",
        "{path}#fragment",
        "ftp://127.0.0.1:{port}{path}",
        "javascript:alert(1)",
        "/" + "x" * (100 << 10),
        "http://[::1",
        "",
    ],
    ids=lambda endpoint: ascii(endpoint)[1:40],
)
def test_b01_an_endpoint_elsewhere_is_refused_and_gets_no_token(start_broker, raw, evil, endpoint):
    there = evil.getsockname()[1]
    raw.set(endpoint=endpoint.replace("{port}", str(raw.port)).replace("{evil}", str(there)))
    server = {"url": raw.url, "headers": {"Authorization": "Bearer canary"}}
    error = start_broker({"raw": server}, pool=QUICK).client().call_error("echo", seconds=10)
    assert error.outcome == "not_executed"
    report = raw.report()
    assert all(request["http"].startswith("GET ") for request in report.requests)
    with pytest.raises(BlockingIOError):
        evil.accept()


def test_b01_a_second_endpoint_ends_the_session(broker, raw):
    client = broker.client()
    held = client.start_call("hold", {"key": "never"})
    raw.wait_requests(1, "tools/call")
    raw.ctl("send", text="event: endpoint\r\ndata: /messages/?session_id=other\r\n\r\n")
    assert client.wait_error(held, 5).outcome == "unknown"


def test_b01_an_endpoint_that_comes_late(start_broker, raw):
    raw.set(endpoint="none")
    client = start_broker({"raw": raw.url}, pool={"init_timeout": "20s"}).client()
    call = client.start_call("echo", {})
    raw.wait_streams(1)
    (stream,) = raw.ctl("streams")["streams"]
    raw.ctl("send", text=f"event: endpoint\r\ndata: /messages/?session_id={stream}\r\n\r\n")
    assert client.wait(call)["content"][0]["text"] == "echo"


# A11: an answer that is cut.

ANSWER = len(json.dumps({"jsonrpc": "2.0", "id": 100, "result": {"content": []}}))


@pytest.mark.slow
def test_a11_a_stream_cut_at_every_byte_of_the_answer(start_broker, raw):
    client = start_broker({"raw": raw.url}, pool=ROUGH).client()
    # The last byte may be missing: a CR alone ends the line as well.
    cuts = range(2, ANSWER + len("event: message\r\ndata: \r\n\r\n"))
    for cut in cuts:
        error = client.call_error("cut_at", {"at": -cut}, seconds=5)
        assert (error.code, error.outcome) == (-31010, "unknown"), cut
    assert raw.report().counters["tool cut_at"] == len(cuts)


@pytest.mark.slow
def test_a11_an_answer_truncated_at_every_byte(start_broker, raw):
    """Lost where it is known whose it was, else unknown; half a result is never given out."""
    client = start_broker({"raw": raw.url}, pool=ROUGH).client()
    outcomes = {}
    for at in range(1, ANSWER - 3):
        error = client.call_error("truncated", {"at": at}, seconds=5)
        outcomes[at] = error.outcome
    assert set(outcomes.values()) == {"unknown", "result_lost"}
    assert outcomes[ANSWER - 4] == "result_lost"


# B3-B5: streams that end, and what overtakes what.


@pytest.mark.parametrize("count", range(1, 9))
def test_b03_as_many_unknown_as_calls_were_on_the_stream(start_broker, raw, count):
    broker = start_broker({"raw": raw.url}, pool={"pool_size": 1, "max_inflight_per_session": 8})
    client = broker.client()
    held = [client.start_call("hold", {"key": "never"}) for _ in range(count)]
    raw.wait_requests(count, "tools/call")
    raw.cut()
    assert [client.wait_error(call, 5).outcome for call in held] == ["unknown"] * count
    texts = [client.text("counter", {"key": "n"}) for _ in range(8)]
    assert texts == [str(number) for number in range(1, 9)]


def test_b04_accepted_then_the_session_is_gone(start_broker, raw):
    """The 202 proves nothing: the message is dropped, the stream stays open and is silent."""
    raw.set(mute_methods=["tools/call"])
    broker = start_broker({"raw": raw.url}, pool={"call_timeout": "500ms"})
    client = broker.client()
    begun = time.monotonic()
    error = client.call_error("counter", {"key": "n"}, seconds=5)
    assert (error.code, error.outcome) == (-31010, "unknown")
    assert time.monotonic() - begun < 3 * places.SLOWNESS
    raw.set(mute_methods=[])
    assert client.text("echo") == "echo"


# B10-B13: what a server may say.


def test_b10_two_messages_in_one_event(start_broker, raw):
    """The second would be another client's answer, were it passed on."""
    client = start_broker({"raw": raw.url}, pool={"call_timeout": "1s"}).client()
    call = client.start_call("two_in_one", request_id=7)
    assert client.wait_error(call, 5).outcome in ("result_lost", "unknown")
    assert client.text("echo") == "echo"
    assert not any("forged" in str(line) for line in client.lines.items)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\u2028"])
def test_b10_line_ends_between_tokens(broker, newline):
    """A line feed becomes a second data line; the others end the event, or are no JSON."""
    client = broker.client()
    text = f'{{{newline}"content":{newline}[],"a":{newline}{newline}1}}'
    call = client.start_call("result_text", {"text": text})
    line = client.wait_line(call)
    assert len(client.answers(call)) == 1
    assert b"\r" not in line.raw and b"\n" not in line.raw
    if newline == "\n":
        assert line.message["result"]["a"] == 1
    else:
        assert line.message["error"]["data"]["teplo"]["outcome"] == "result_lost"
    assert client.text("echo") == "echo"


def test_b11_a_flood_of_comments(broker, raw):
    client = broker.client()
    assert client.text("echo") == "echo"
    before = broker.rss_bytes()
    for _ in range(20):
        raw.ctl("send", text=": ping\r\n\r\n" * 50000)
    assert client.text("echo", seconds=20) == "echo"
    if not broker.is_sanitized():
        assert broker.rss_bytes() - before < 12 << 20


def test_b11_an_event_without_an_end(start_broker, raw):
    """The text is dropped as it streams by; what comes behind it is heard."""
    broker = start_broker({"raw": raw.url}, options={"max_response": "1MiB", "max_frame": "1MiB"})
    client = broker.client()
    assert client.text("echo") == "echo"
    before = broker.rss_bytes()
    raw.ctl("send", text="data: ")
    for _ in range(20):
        raw.ctl("send", text="x" * (2 << 20))
    raw.ctl("send", text="\r\n\r\n")
    assert client.text("echo", seconds=20) == "echo"
    if not broker.is_sanitized():
        assert broker.rss_bytes() - before < 24 << 20


def test_b13_progress_after_the_answer_or_for_nobody(broker, raw):
    client = broker.client()
    params = {"name": "progress_after"}
    call = client.start("tools/call", params, meta={"progressToken": "mine"})
    assert client.wait(call)["content"][0]["text"] == "done"
    for token in (1, 99, "mine", "x", None, 1.5):
        notice = {"progressToken": token, "progress": 1}
        raw.ctl("event", message={"jsonrpc": "2.0", "method": "notifications/progress", "params": notice})
    assert client.text("echo") == "echo"
    assert not client.notifications("notifications/progress")
