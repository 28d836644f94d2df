# SPDX-License-Identifier: MIT
"""The pages as a server: what it refuses, whom it cuts off, and how an upgrade passes it on."""

import json
import os
import signal
import socket
import threading
import time

import pytest

from harness import Client, Dynasty, RpcError, can_be_others, connect_as, make_config, places, wait_until
from harness.pages import Pages, Reply, read_all
from test_activation import Activator

LISTEN = {"metrics_listen": "127.0.0.1:0"}
CONNECTIONS = 16


@pytest.fixture
def broker(start_broker, raw):
    return start_broker({"raw": raw.url}, options=LISTEN)


@pytest.fixture(params=["port", "admin"])
def pages(request, broker):
    return Pages(broker, request.param)


def request_of(target="/livez", method="GET", version="HTTP/1.1", headers="Host: localhost\r\n"):
    return f"{method} {target} {version}\r\n{headers}\r\n".encode()


# Pages.


def test_the_pages_there_are(pages):
    index = pages.get("/").text
    for page in ("/metrics", "/healthz", "/readyz", "/livez"):
        assert page in index and pages.get(page).status == 200
    assert pages.get("/readyz?verbose").text == "ready\n"
    assert pages.get("/livez").headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in pages.get("/healthz").headers


def test_head_is_get_without_the_body(pages):
    for page in ("/livez", "/metrics"):
        reply = pages.get(page, method="HEAD")
        assert (reply.status, reply.body) == (200, b"")
        assert int(reply.headers["content-length"]) > 4


def test_a_request_may_come_byte_by_byte(pages):
    assert Reply(pages.exchange(request_of(), pieces=1)).text == "live\n"


def test_white_space_before_a_request(pages):
    assert Reply(pages.exchange(b"\r\n\r\n" + request_of())).status == 200


# What is refused.

REFUSED = [
    (request_of(method="POST", headers="Host: a\r\nContent-Length: 5\r\n") + b"hello", 405),
    (request_of(method="DELETE", target="/metrics"), 405),
    (request_of(target="/nothing"), 404),
    (request_of(target="/metrics/"), 404),
    (request_of(target="//metrics"), 404),
    (request_of(target="/..%2fetc/passwd"), 404),
    (request_of(headers=""), 400),
    (request_of(headers="Host: localhost\r\nHost: localhost\r\n"), 400),
    (request_of(headers="Host: localhost\r\nContent-Length: 3\r\n") + b"abc", 413),
    (request_of(headers="Host: localhost\r\nTransfer-Encoding: chunked\r\n") + b"0\r\n\r\n", 413),
    (request_of(target="/" + "x" * 3000), 414),
    (request_of(headers="Host: localhost\r\nX: " + "y" * 9000 + "\r\n"), 431),
    (request_of(headers="Host: localhost\r\n" + "X: y\r\n" * 2000), 431),
    (request_of(headers="Host: localhost\r\nX: " + "y" * 900_000 + "\r\n"), 431),
    (request_of(version="HTTP/2.0"), 505),
    (b"BREW /pot HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET\x00/ HTTP/1.1\r\n\r\n", 400),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_is_refused_hears_why(pages, number):
    data, status = REFUSED[number]
    reply = Reply(pages.exchange(data))
    assert reply.status == status
    assert reply.text.startswith(f"{status} {reply.phrase}: ") and reply.text.endswith("\n")
    assert (reply.headers.get("allow") == "GET, HEAD") == (status == 405)
    assert pages.get("/livez").status == 200


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"\xff" * 100, b"\x00" * 20000])
def test_binary_rubbish(broker, data):
    assert Reply(Pages(broker).exchange(data)).status == 400
    assert Pages(broker).get("/livez").status == 200


def test_pipelined_requests_get_one_answer(pages):
    raw = pages.exchange(request_of() + request_of("/metrics") * 50)
    assert Reply(raw).text == "live\n"


def test_a_foreign_host_is_refused_at_the_port(broker):
    pages = Pages(broker)
    for host in ("evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.nip.io", "10.0.0.1"):
        reply = pages.get("/metrics", Host=host)
        assert reply.status == 421 and "reverse proxy" in reply.text, host
    for host in ("localhost", "LOCALHOST:1234", "127.0.0.1", f"127.0.0.1:{pages.port}", "[::1]:9"):
        assert pages.get("/livez", Host=host).status == 200, host
    assert Reply(pages.exchange(request_of(version="HTTP/1.0", headers=""))).status == 200
    evil = b"GET http://evil.example/livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert Reply(pages.exchange(evil)).status == 421
    assert Pages(broker, "admin").get("/livez", Host="evil.example").status == 200


@pytest.mark.skipif(not can_be_others(), reason="needs two users")
def test_pages_on_the_admin_socket_are_for_its_users(broker):
    for path in (broker.directory, broker.runtime, broker.runtime / "admin.sock"):
        os.chmod(path, 0o777 if path.suffix else 0o755)
    connection = connect_as(broker.runtime / "admin.sock", 65534)
    connection.settimeout(places.SLOWNESS * 10)
    connection.sendall(request_of("/metrics"))
    assert Reply(read_all(connection)).status == 403
    connection.close()


# admin.sock speaks two languages.


def test_what_begins_as_a_post_never_is_an_order(broker):
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "teplo/shutdown"})
    request = f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(line) + 1}\r\n\r\n{line}\n"
    assert Reply(Pages(broker, "admin").exchange(request.encode())).status == 405
    assert Reply(Pages(broker, "admin").exchange(b"GET /\n" + line.encode() + b"\n")).status == 400
    assert broker.client().text("echo") == "echo"


@pytest.mark.parametrize("before", ["", "\n\r\n \t", "\n" * 5000])
def test_json_is_json_whatever_is_before_it(broker, before):
    request = before + '{"jsonrpc":"2.0","id":7,"method":"teplo/help"}\n'
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(broker.runtime / "admin.sock"))
        for letter in request if len(request) < 100 else [request]:
            connection.sendall(letter.encode())
        connection.shutdown(socket.SHUT_WR)
        answer = json.loads(read_all(connection))
    assert answer["id"] == 7 and "teplo/pools" in answer["result"]


def test_rubbish_that_is_no_http_is_answered_as_json(broker):
    with Client(broker.runtime / "admin.sock", "bare") as client:
        client.send_raw(b"get /metrics\n")
        assert client.wait_line(None).message["error"]["code"] == -32700


# Who is slow.


def open_slow(broker, door, request):
    connection = Pages(broker, door).connect()
    connection.settimeout(20 * places.SLOWNESS)
    connection.sendall(request)
    return connection


def test_who_is_slow_is_cut_off(start_broker, raw):
    """
    In ten seconds: who does not end a request is answered 408, whatever drips in meanwhile; who
    does not read an answer of a megabyte is left with half of it.  Calls go on.
    """
    servers = {f"pool{number}": raw.url for number in range(120)}
    broker = start_broker(servers, options=LISTEN)
    client = broker.client(pool="pool0")
    assert client.text("echo") == "echo"
    files, began = broker.open_files(), time.monotonic()
    half = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: "
    slow = [open_slow(broker, door, half) for door in ("port", "port", "admin", "admin")]
    deaf = [open_slow(broker, "admin", request_of("/metrics")) for _ in range(3)]
    stop = threading.Event()

    def drip():
        while not stop.wait(0.2):
            try:
                for connection in slow[::2]:
                    connection.sendall(b"y")
            except OSError:
                return

    thread = threading.Thread(target=drip)
    thread.start()
    assert Pages(broker, "admin").get("/livez").status == 200
    assert client.text("echo") == "echo"
    replies = [Reply(read_all(connection)) for connection in slow]
    stop.set()
    thread.join()
    assert [reply.status for reply in replies] == [408] * 4
    assert 9.5 < time.monotonic() - began < 12 * places.SLOWNESS
    wait_until(lambda: broker.open_files() <= files, "all are cut off")
    for connection in deaf:
        reply = Reply(read_all(connection))
        assert 0 < len(reply.body) < int(reply.headers["content-length"])


def test_slow_requests_do_not_keep_others_out(broker):
    pages = Pages(broker)
    slow = [pages.connect() for _ in range(4 * CONNECTIONS)]
    for connection in slow:
        try:
            connection.sendall(b"GET /live")
        except OSError:
            pass  # it has given way already
    for _ in range(3):
        assert pages.get("/livez").status == 200
    assert Pages(broker, "admin").get("/livez").status == 200
    assert broker.open_files() < 4 * CONNECTIONS + 30
    for connection in slow:
        connection.close()
    assert pages.get("/livez").status == 200


def test_who_leaves_while_it_is_answered_does_no_harm(broker):
    pages = Pages(broker)
    for _ in range(50):
        with pages.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(request_of("/metrics"))
    assert pages.get("/metrics").status == 200


# Ready, or not.


def test_not_ready_before_anybody_is_refused(broker, raw):
    pages = Pages(broker)
    client = broker.client()
    client.start_call("hold", {"key": "k"})
    raw.wait_requests(1, "tools/call")
    seen = []
    stop = threading.Event()

    def look():
        while not stop.is_set():
            seen.append(pages.get("/readyz").status)

    looker = threading.Thread(target=look)
    looker.start()
    wait_until(lambda: len(seen) > 2, "it is looked at")
    broker.admin("teplo/drain")
    other = broker.client()
    with pytest.raises(RpcError):
        other.call("echo")
    assert pages.get("/readyz").status == 503, "who was refused could have known"
    stop.set()
    looker.join()
    assert seen == sorted(seen) and seen[0] == 200
    reply = pages.get("/readyz?verbose")
    assert "draining: " in reply.text
    assert pages.get("/livez").status == 200
    assert pages.scrape().value("teplo_ready") == 0
    broker.admin("teplo/resume")
    assert pages.get("/readyz").status == 200
    raw.release("k")


def test_pages_are_served_while_it_shuts_down(broker, raw):
    pages = Pages(broker)
    client = broker.client()
    call = client.start_call("hold", {"key": "k"})
    raw.wait_requests(1, "tools/call")
    broker.signal(signal.SIGTERM)
    broker.wait_log("draining")
    assert pages.get("/readyz").status == 503 and pages.get("/livez").status == 200
    assert pages.scrape().value("teplo_broker_state", state="draining") == 1
    raw.release("k")
    assert client.wait(call)["content"]
    assert broker.program.wait() == 0
    with pytest.raises(OSError):
        pages.connect()


# The port.


@pytest.mark.usefixtures("orphans_are_ours")
def test_no_scrape_fails_during_an_upgrade(start_broker, raw, cleanup):
    broker = start_broker({"raw": raw.url}, options=LISTEN)
    dynasty = cleanup.maker(Dynasty)(broker)
    pages = Pages(broker)
    failures, starts = [], set()
    stop = threading.Event()

    def scrape():
        while not stop.is_set():
            try:
                found = pages.scrape()
                starts.add(found.value("process_start_time_seconds"))
            except Exception as failure:  # noqa: BLE001 - any at all is a failed scrape
                failures.append(failure)

    thread = threading.Thread(target=scrape)
    thread.start()
    for generation in range(2, 5):
        dynasty.upgrade()
        wait_until(lambda count=generation: len(starts) >= count, "the new one is scraped")
    stop.set()
    thread.join()
    assert failures == []
    lines = broker.log("http_listening")
    assert {line["port"] for line in lines} == {str(pages.port)} and len(lines) == 4
    assert dynasty.wait_end(dynasty.pids[0]) == 0


@pytest.mark.usefixtures("orphans_are_ours")
def test_who_is_connected_at_an_upgrade_is_answered(start_broker, raw, cleanup):
    broker = start_broker({"raw": raw.url}, options=LISTEN)
    dynasty = cleanup.maker(Dynasty)(broker)
    pages = Pages(broker)
    with pages.connect() as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\n")
        assert pages.get("/livez").status == 200  # the broker has read that much
        dynasty.upgrade()
        connection.sendall(b"Host: localhost\r\n\r\n")
        assert Reply(read_all(connection)).status == 200
    assert dynasty.wait_end(dynasty.pids[0]) == 0


@pytest.mark.usefixtures("orphans_are_ours")
def test_an_upgrade_may_move_the_port(start_broker, raw, cleanup):
    """It is a restart for the options that need one; the old port is closed."""
    broker = start_broker({"raw": raw.url}, options=LISTEN)
    dynasty = cleanup.maker(Dynasty)(broker)
    old = Pages(broker)
    broker.write_config(make_config({"raw": raw.url}, {"metrics_listen": "[::1]:0"}))
    since = broker.log_position()
    dynasty.upgrade()
    line = broker.wait_log("http_listening", since=since)
    assert line["address"].startswith("[::1]:")
    with pytest.raises(OSError):
        wait_until(lambda: old.connect().close(), "the old port is closed", 5)
    with socket.create_connection(("::1", int(line["port"]))) as connection:
        connection.sendall(request_of())
        assert Reply(read_all(connection)).status == 200


def test_a_manager_may_give_the_port(start_broker, raw):
    """It is served, and stays open after us; another address than metrics_listen is refused."""
    broker = start_broker({"raw": raw.url}, options=LISTEN)
    broker.stop()
    activator = Activator(broker, "teplo:admin:metrics.tcp")
    activator.sockets.append(socket.create_server(("127.0.0.1", 0)))
    port = activator.sockets[-1].getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)) as early:  # before there is any broker
        early.sendall(request_of())
        activator.start()
        assert Reply(read_all(early)).status == 200
    assert broker.wait_log("http_listening")["port"] == str(port)
    broker.stop()
    with socket.create_connection(("127.0.0.1", port)):
        pass
    broker.write_config(make_config({"raw": raw.url}, {"metrics_listen": "[::1]:0"}))
    activator.start()
    broker.wait_log("socket_refused", name="metrics.tcp")
    assert broker.wait_log("http_listening")["address"].startswith("[::1]:")
    broker.stop()
    activator.close()


def test_a_port_that_is_taken_is_said(start_broker, raw):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = {"metrics_listen": f"127.0.0.1:{port}"}
        broker = start_broker({"raw": raw.url}, options=options, ready=False)
        assert broker.program.wait() == 1
        assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in broker.program.output()


def test_it_is_off_unless_asked_for(start_broker, raw):
    broker = start_broker({"raw": raw.url})
    assert broker.log("http_listening") == []
    assert Pages(broker, "admin").get("/metrics").status == 200


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:9464", "192.0.2.1:9464", "9464", "example.com:1"])
def test_other_addresses_are_refused(start_broker, raw, address):
    broker = start_broker({"raw": raw.url}, options={"metrics_listen": address}, ready=False)
    assert broker.program.wait() == 78
    assert f'metrics_listen "{address}" is no' in broker.program.output()
