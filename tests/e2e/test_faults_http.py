# SPDX-License-Identifier: MIT
"""Faults of the HTTP side of a server, by the rows of the fault matrix (A: HTTP)."""

import signal
import socket
import threading
import time

import pytest

from harness import free_port, places, wait_until

# Around the moment at which the server closes what has been idle for ten milliseconds.
SPREAD_MS = [9.8 + 0.05 * step for step in range(9)] + [10.3, 10.6, 11.0]


def race(broker, pool, calls):
    """CALLS calls, each sent as the last one's connection is being closed."""
    with broker.client(meta_pool=pool) as client:
        for number in range(calls):
            time.sleep(SPREAD_MS[number % len(SPREAD_MS)] / 1000)  # this is the fault
            yield client.wait_line(client.start_call("counter", {"key": pool})).message


@pytest.mark.slow
def test_a07_three_thousand_calls_race_the_close_of_an_idle_connection(start_broker, start_raw):
    """Many pools: each has to learn of the server's ways anew."""
    raw = start_raw(idle_close_ms=10)
    pools = [f"p{number}" for number in range(100)]
    broker = start_broker({pool: raw.url for pool in pools})
    for pool in pools:
        answers = list(race(broker, pool, 30))
        assert [answer["error"] for answer in answers if "error" in answer] == []
        texts = [answer["result"]["content"][0]["text"] for answer in answers]
        assert texts == [str(number) for number in range(1, 31)], "each ran once"
    assert [raw.report().counters[pool] for pool in pools] == [30] * 100


@pytest.mark.slow
def test_a07_three_thousand_calls_to_a_server_that_closes_silently_at_once(start_broker, start_raw):
    raw = start_raw(close_after_post="silent")
    client = start_broker({"raw": raw.url}).client()
    for number in range(1, 3001):
        assert client.text("counter", {"key": "n"}) == str(number)
    report = raw.report()
    assert report.counters["n"] == 3000
    assert report.count("initialize") == 1


# A1-A3: no connection, or none that speaks.

QUICK = {"connect_timeout": "300ms", "init_timeout": "300ms", "queue_timeout": "900ms"}


def assert_not_executed(error):
    assert error.outcome == "not_executed", error
    assert error.code in (-31002, -31003)


def test_a01_nobody_listens_and_waiting_calls_are_refused_at_once_then(start_broker):
    broker = start_broker({"bad": f"http://127.0.0.1:{free_port()}/sse"}, pool=QUICK)
    client = broker.client()
    assert_not_executed(client.call_error("echo", seconds=5))
    wait_until(lambda: elapsed(lambda: client.call_error("echo")) < 0.05, "the pool gives up", 5)
    begun = time.monotonic()
    for _ in range(50):
        assert_not_executed(client.call_error("echo", seconds=5))
    assert time.monotonic() - begun < 5 * places.SLOWNESS


def elapsed(action):
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


@pytest.fixture
def listener():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        yield listener


def url_of(listener, scheme="http"):
    return f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/sse"


def test_a02_a_black_hole(start_broker, listener):
    """The backlog is full: the kernel drops every further SYN."""
    fillers = []
    for _ in range(2):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    broker = start_broker({"hole": url_of(listener)}, pool={**QUICK, "init_timeout": "10s"})
    error = broker.client().call_error("echo", seconds=5)
    assert_not_executed(error)
    assert "connect_timeout" in error.message
    for filler in fillers:
        filler.close()


def test_a03_accepted_then_silent(start_broker, listener):
    broker = start_broker({"mute": url_of(listener)}, pool=QUICK)
    error = broker.client().call_error("echo", seconds=5)
    assert_not_executed(error)
    assert "init_timeout" in error.message


# A4-A9: connections that were kept alive.

REST = 0.02  # longer than a connection may rest and be used as it is


def rested_calls(client, count):
    for number in range(1, count + 1):
        time.sleep(REST)
        assert client.text("counter", {"key": "n"}) == str(number)


@pytest.mark.parametrize("manner", ["reset", "close", "417"])
def test_a04_a09_a_connection_that_ends_before_the_body(broker, raw, manner):
    """The head was heard and refused, or met an end: every call goes on and runs once."""
    raw.set(expect=manner)
    rested_calls(broker.client(), 20)
    report = raw.report()
    assert report.counters[f"expect {manner}"] >= 1
    assert report.counters["n"] == 20


def test_a08_a_server_that_ignores_the_question(broker, raw):
    raw.set(expect="ignore")
    client = broker.client()
    begun = time.monotonic()
    rested_calls(client, 20)
    took = time.monotonic() - begun
    report = raw.report()
    assert report.counters["n"] == 20
    assert report.counters["expect ignore"] == 1, "asked once, and not again"
    assert 0.25 <= took < 3 * places.SLOWNESS


@pytest.mark.parametrize("tool", ["no_status", "reset_after_all"])
@pytest.mark.parametrize("settings", [{}, {"close_after_post": "said"}], ids=["a05_warm", "a06_fresh"])
def test_a05_a06_a_connection_that_ends_after_the_body(start_broker, start_raw, settings, tool):
    raw = start_raw(**settings)
    client = start_broker({"raw": raw.url}).client()
    for number in range(1, 201):
        error = client.call_error(tool, {"key": "n"}, seconds=5)
        assert (error.code, error.outcome) == (-31010, "unknown")
    assert raw.report().counters[f"tool {tool}"] == 200, "never twice"
    assert client.text("echo") == "echo"


# A10-A12, A19-A21: replies that are none.

STATUS_LINE = "HTTP/1.1 202 Accepted\r\nContent-Length: 8\r\n\r\nAccepted"


@pytest.mark.parametrize("rest", [0, REST], ids=["hot", "rested"])
def test_a10_a_reply_cut_at_every_byte(broker, raw, rest):
    client = broker.client()
    for at in range(len(STATUS_LINE)):
        time.sleep(rest)
        error = client.call_error("raw_reply", {"text": STATUS_LINE[:at]}, seconds=5)
        assert (error.code, error.outcome) == (-31010, "unknown"), at
    assert raw.report().counters["fault"] == len(STATUS_LINE)
    assert client.text("echo") == "echo"


@pytest.mark.parametrize(
    "head, body, closes, outcome",
    [
        ("202 OK\r\nContent-Length: 7", "Accepted", False, None),
        ("202 OK\r\nContent-Length: 9", "Accepted", True, "unknown"),
        ("202 OK\r\nTransfer-Encoding: chunked", "9\r\nAccepted\r\n0\r\n\r\n", True, "unknown"),
        ("202 OK\r\nTransfer-Encoding: chunked", "7\r\nAccepted\r\n0\r\n\r\n", True, "unknown"),
        ("202 OK\r\nTransfer-Encoding: chunked", "8\r\nAccepted\r\n", True, "unknown"),
        ("202 OK\r\nContent-Length: 1\r\nContent-Length: 2", "ab", True, "unknown"),
        ("202 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3", "abc", True, "unknown"),
        ("101 Switching\r\nUpgrade: x\r\nConnection: upgrade", "", True, "unknown"),
    ],
)
def test_a12_lengths_that_lie(broker, raw, head, body, closes, outcome):
    client = broker.client()
    text = f"HTTP/1.1 {head}\r\n\r\n{body}"
    arguments = {"text": text, "closes": closes, "answers": outcome is None}
    if outcome is None:
        assert client.text("raw_reply", arguments) == "answered"
    else:
        assert client.call_error("raw_reply", arguments, seconds=5).outcome == outcome
    for number in range(1, 11):
        assert client.text("counter", {"key": "n"}) == str(number)
    assert raw.report().counters["fault"] == 1


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a19_a_compressed_stream_is_refused(start_broker, start_raw, encoding):
    raw = start_raw(get_headers=[["Content-Encoding", encoding]], get_body="data: x\n\n")
    error = start_broker({"raw": raw.url}, pool=QUICK).client().call_error("echo")
    assert_not_executed(error)
    assert "Content-Encoding" in error.message


@pytest.mark.parametrize("status, outcome", [(400, "not_executed"), (500, "unknown")])
def test_a19_a_compressed_refusal_is_not_read(broker, raw, status, outcome):
    text = f"HTTP/1.1 {status} X\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"
    error = broker.client().call_error("raw_reply", {"text": text, "closes": False})
    assert error.outcome == outcome
    assert "compressed" in error.message


def test_a20_an_endless_reply(broker, raw):
    client = broker.client()
    assert client.text("echo") == "echo"
    before = broker.rss_bytes()
    for _ in range(5):
        error = client.call_error("endless_reply", seconds=10)
        assert error.outcome == "unknown"
    if not broker.is_sanitized():
        assert broker.rss_bytes() - before < 4 << 20
    assert client.text("echo") == "echo"


@pytest.mark.parametrize("headers", ["X: y\r\n" * 20000, "X: " + "y" * (1 << 20) + "\r\n"], ids=["many", "long"])
def test_a21_too_many_headers(broker, headers):
    client = broker.client()
    text = f"HTTP/1.1 202 OK\r\n{headers}Content-Length: 0\r\n\r\n"
    error = client.call_error("raw_reply", {"text": text}, seconds=10)
    assert error.outcome == "unknown"
    assert client.text("echo") == "echo"


def test_a21_too_many_headers_of_the_stream(start_broker, start_raw):
    raw = start_raw(get_headers=[["X", "y" * 1000]] * 1000, get_body="no")
    assert_not_executed(start_broker({"raw": raw.url}, pool=QUICK).client().call_error("echo"))


# A13: answers that are somebody else's.


def test_a13_answers_to_ids_never_given_out_cost_the_server_our_trust(broker, raw):
    client = broker.client()
    held = client.start_call("hold", {"key": "k"})
    raw.wait_requests(1, "tools/call")
    for number in range(4):
        raw.ctl("event", message={"jsonrpc": "2.0", "id": 1000 + number, "result": {"content": []}})
    broker.wait_pool(lambda row: row["s_draining"] == 1, "the session takes no more calls")
    raw.release("k")
    assert client.wait(held)["content"][0]["text"] == "released k"
    assert client.text("echo") == "echo"
    assert raw.report().count("initialize") == 2


# A15-A17, A28: statuses.


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a15_nobody_is_led_astray(start_broker, start_raw, listener, status):
    """The redirect's target hears nothing, least of all our token."""
    evil = url_of(listener)
    listener.settimeout(0)
    raw = start_raw()
    server = {"url": raw.url, "headers": {"Authorization": "Bearer canary"}}
    broker = start_broker({"raw": server}, pool=QUICK)
    client = broker.client()
    text = f"HTTP/1.1 {status} X\r\nLocation: {evil}\r\nContent-Length: 0\r\n\r\n"
    error = client.call_error("raw_reply", {"text": text, "closes": False})
    assert_not_executed(error)
    raw.set(get_status=status, get_headers=[["Location", evil]])
    raw.cut()
    broker.wait_sessions("raw", 0)
    assert_not_executed(client.call_error("echo"))
    with pytest.raises(BlockingIOError):
        listener.accept()


REFUSALS = {400, 401, 403, 404, 405, 406, 408, 411, 413, 414, 415, 421, 422, 425, 426, 429, 431}
STATUSES = sorted(REFUSALS | {402, 407, 409, 410, 412, 416, 417, 418, 423, 424, 428, 451, 499,
                              500, 501, 502, 503, 504, 507, 511, 520, 529, 599})  # fmt: skip


@pytest.mark.parametrize("body", ["empty", "html", "error", "answer"])
def test_a16_every_status_with_every_body(broker, raw, body):
    client = broker.client()
    for status in STATUSES:
        error = client.call_error("refuse", {"status": status, "body": body}, seconds=5)
        if body == "answer":
            assert (error.code, error.message, error.data) == (-32099, "не сьогодні", {}), status
        else:
            assert error.outcome == ("not_executed" if status in REFUSALS else "unknown"), status
    heard = raw.report().counters["tool refuse"]
    tries_of_404 = 1 if body == "answer" else heard - len(STATUSES) + 1
    assert heard == len(STATUSES) - 1 + tries_of_404, "only 404 was tried again"
    assert client.text("echo") == "echo"


@pytest.mark.parametrize(
    "status, words",
    [(400, "Bad Request: No valid session ID provided"), (400, "Invalid session ID"),
     (404, "Session not found"), (410, "SESSION TERMINATED")],
)  # fmt: skip
@pytest.mark.parametrize("body", ["words", "error"])
def test_a16_a_session_that_is_gone_in_other_words(broker, raw, status, words, body):
    """The session is replaced; the call goes on, and is refused when all its tries are used up."""
    client = broker.client()
    error = client.call_error("refuse", {"status": status, "words": words, "body": body}, seconds=5)
    assert (error.outcome, error.teplo["reason"]) == ("not_executed", "session_gone")
    report = raw.report()
    assert report.count("initialize") >= report.counters["tool refuse"] > 1


def test_a16_an_answer_that_says_so_on_the_stream(broker, raw):
    """It is the server's answer; the next call gets a session that the server knows."""
    client = broker.client()
    error = client.call_error("error", {"code": -32001, "message": "Session not found"})
    assert (error.code, error.message) == (-32001, "Session not found")
    assert client.text("echo") == "echo"
    report = raw.report()
    assert report.counters["tool error"] == 1
    assert report.count("initialize") == 2


def test_a17_sessions_lost_under_a_burst(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={"pool_size": 4, "max_inflight_per_session": 16})
    client = broker.client()
    assert client.text("echo") == "echo"
    raw.forget()
    calls = [client.start_call("counter", {"key": "n"}) for _ in range(64)]
    texts = {client.wait(call)["content"][0]["text"] for call in calls}
    assert texts == {str(number) for number in range(1, 65)}, "each ran once"
    report = raw.report()
    assert report.counters["n"] == 64
    assert report.count("initialize") <= 1 + 4 + 1, "one for each session, no herd"


def test_a17_a_session_lost_while_it_opens(broker, raw):
    """The server took initialize and then knows of nothing: it has restarted, not moved away."""
    raw.set(post_status=404, post_methods=["notifications/initialized"], post_times=2)
    assert broker.client().text("counter", {"key": "n"}) == "1"
    assert raw.report().count("initialize") == 3


def test_a28_every_second_call_meets_503(broker, raw):
    client = broker.client()
    for number in range(1, 26):
        error = client.call_error("refuse", {"status": 503, "body": "html"})
        assert (error.code, error.outcome) == (-31010, "unknown")
        assert client.text("counter", {"key": "n"}) == str(number)
    report = raw.report()
    assert report.counters["tool refuse"] == 25
    assert report.count("initialize") == 1


# A24-A27: servers that stop, die and come back.


def test_a24_a_server_that_sleeps(broker, raw):
    client = broker.client()
    assert client.text("echo") == "echo"
    raw.program.signal(signal.SIGSTOP)
    calls = [client.start_call("counter", {"key": "n"}) for _ in range(20)]
    time.sleep(1)  # this is the fault
    assert not any(client.find_answer(call) for call in calls)
    raw.program.signal(signal.SIGCONT)
    texts = {client.wait(call)["content"][0]["text"] for call in calls}
    assert texts == {str(number) for number in range(1, 21)}
    assert broker.pool()["sess_lost_total"] == 0


def test_a25_killed_with_64_calls_in_flight(start_broker, raw):
    pool = {"pool_size": 4, "max_inflight_per_session": 16}
    broker = start_broker({"raw": raw.url}, {"max_inflight_per_client": 64}, pool)
    client = broker.client()
    calls = [client.start_call("hold", {"key": "k"}) for _ in range(64)]
    raw.wait_requests(64, "tools/call")
    raw.kill()
    outcomes = {client.wait_error(call, 10).outcome for call in calls}
    assert outcomes == {"unknown"}
    begun = time.monotonic()
    raw.start(raw.port)
    assert client.text("echo", seconds=10) == "echo"
    assert time.monotonic() - begun < (2 + 3) * places.SLOWNESS  # a Python that starts is slow
    assert raw.report().streams_total <= 1 + 4


def test_a26_an_answer_that_trickles(start_broker, raw):
    pool = {"pool_size": 2, "max_inflight_per_session": 1, "call_timeout": "1s"}
    broker = start_broker({"raw": raw.url}, pool=pool)
    client = broker.client()
    slow = client.start_call("one_byte_at_a_time", {})
    raw.wait_requests(1, "tools/call")
    for number in range(1, 21):
        assert client.text("counter", {"key": "n"}) == str(number)
    assert client.wait_error(slow, 10).outcome == "unknown"


@pytest.mark.slow
def test_a27_restarts_under_load(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={"pool_size": 4, "backoff_max": "200ms"})
    outcomes = []
    ended = threading.Event()

    def work():
        with broker.client() as client:
            while not ended.is_set():
                answer = client.wait_line(client.start_call("echo", {})).message
                error = answer.get("error")
                outcomes.append(error["data"]["teplo"]["outcome"] if error else "result")

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    files = []
    for _ in range(6):
        before = outcomes.count("result")
        wait_until(lambda: outcomes.count("result") > before + 20, "calls are answered", 20)
        files.append(broker.open_files())
        raw.restart()
    ended.set()
    for worker in workers:
        worker.join(60)
    assert set(outcomes) <= {"result", "unknown", "not_executed"}
    assert files[-1] <= files[0] + 12, files


# A29: another protocol.


def test_a29_a_server_of_http2_alone(start_broker, listener):
    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18)

    threading.Thread(target=serve, daemon=True).start()
    error = start_broker({"h2": url_of(listener)}, pool=QUICK).client().call_error("echo", seconds=5)
    assert_not_executed(error)
    listener.shutdown(socket.SHUT_RDWR)
