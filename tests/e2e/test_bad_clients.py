# SPDX-License-Identifier: MIT
"""Clients that misbehave: they hear what was wrong, and harm nobody else."""

import json
import socket

import pytest

from harness import RpcError, wait_until

LINES = {
    "no JSON": (b"garbage {", -32700),
    "half an object": (b'{"jsonrpc":"2.0","id":1', -32700),
    "two objects": (b'{"jsonrpc":"2.0"}{"id":1}', -32700),
    "not UTF-8": (b'{"jsonrpc":"2.0","id":901,"method":"\xff"}', -32700),
    "an array": (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600),
    "a number": (b"5", -32600),
    "no method": (b'{"jsonrpc":"2.0","id":901}', -32600),
    "a null id": (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
    "a fractional id": (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
    "an id of 300 bytes": (b'{"jsonrpc":"2.0","id":"' + b"x" * 300 + b'","method":"ping"}', -32600),
    "a key twice": (b'{"jsonrpc":"2.0","id":901,"method":"ping","method":"x"}', -32600),
    "a byte order mark": (b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"ping"}', -32700),
}


@pytest.fixture
def neighbour(broker):
    """Another client, which must notice nothing."""
    neighbour = broker.client()
    assert neighbour.text("counter", {"key": "neighbour"}) == "1"
    return neighbour


def check_unharmed(neighbour):
    before = int(neighbour.text("counter", {"key": "neighbour"}))
    assert neighbour.text("counter", {"key": "neighbour"}) == str(before + 1)


@pytest.mark.parametrize("what", LINES)
def test_a_bad_line_is_answered_with_what_was_wrong(broker, neighbour, what):
    line, code = LINES[what]
    client = broker.client()
    client.send_raw(line + b"\n")
    answer = client.lines.wait(lambda line: "error" in line.message, "an error").message
    assert answer["error"]["code"] == code
    assert len(answer["error"]["message"]) > 10
    assert client.text("echo") == "echo", "the connection goes on"
    check_unharmed(neighbour)


@pytest.mark.parametrize("text", ["{'a':1}", "[" * 130 + "]" * 130, '"a'], ids=str.__len__)
def test_who_asked_is_told_even_of_what_is_no_message(broker, text):
    """The id is read where almost all write it; of what stands behind it nothing has to be right."""
    client = broker.client()
    line = '{"jsonrpc":"2.0","id":"mine","method":"tools/call","params":%s,}' % text
    client.send_raw(line.encode() + b"\n")
    error = client.wait_line("mine").message["error"]
    assert error["code"] in (-32700, -32600)
    assert error["data"]["teplo"] == {"v": 1, "outcome": "not_executed", "reason": "bad_request"}


def test_an_id_under_way_is_not_answered_for_another_line(broker, raw):
    client = broker.client()
    call = client.start_call("hold", {"key": "same"}, request_id=5)
    raw.wait_requests(1, "tools/call")
    client.send_raw(b'{"jsonrpc":"2.0","id":5,"method":\n')
    client.lines.wait(lambda line: line.message.get("id", 0) is None, "a refusal of nobody's")
    raw.release("same")
    assert client.wait(call)["content"][0]["text"] == "released same"


def test_blank_lines_and_carriage_returns_are_fine(broker):
    client = broker.client()
    line = json.dumps({"jsonrpc": "2.0", "id": "a", "method": "ping"}).encode()
    client.send_raw(b"\r\n\n  \n" + line + b"\r\n")
    client.wait_line("a")


def test_half_a_line_at_the_end_harms_nobody(broker, neighbour):
    client = broker.client()
    client.send_raw(b'{"jsonrpc":"2.0","id":1,"method":"tools/ca')
    client.close()
    check_unharmed(neighbour)


def test_a_half_closed_client_still_gets_its_answers(broker, raw):
    client = broker.client()
    call = client.start_call("hold", {"key": "half"})
    raw.wait_requests(1, "tools/call")
    client.half_close()
    raw.release("half")
    assert client.wait(call)["content"][0]["text"] == "released half"
    client.wait_end()


def test_a_line_of_100_mib_costs_neither_memory_nor_the_connection(broker, neighbour):
    client = broker.client()
    before = broker.rss_bytes()
    piece = b"x" * (1 << 20)
    for _ in range(100):
        client.send_raw(piece)
    client.send_raw(b"\n")
    answer = client.lines.wait(lambda line: "error" in line.message, "an error", 60).message
    assert answer["error"]["code"] == -31006
    assert "max_frame" in answer["error"]["message"]
    if not broker.is_sanitized():  # which keeps what is freed for a while
        assert broker.rss_bytes() - before < 24 << 20
    assert client.text("echo") == "echo"
    check_unharmed(neighbour)


def test_one_error_for_one_long_line(broker):
    client = broker.client()
    client.send_raw(b"y" * (5 << 20) + b"\n")
    assert client.text("echo") == "echo"
    errors = [line for line in client.lines.items if "error" in line.message]
    assert len(errors) == 1


def test_a_client_that_reads_nothing_is_dropped_alone(start_broker, raw):
    limits = {"outbuf_max": "1MiB", "max_frame": "256KiB", "max_response": "512KiB"}
    broker = start_broker({"raw": raw.url}, options={**limits, "slow_client_timeout": "2s"})
    neighbour = broker.client()
    deaf = broker.client(read=False)
    for _ in range(20):
        deaf.start_call("huge", {"bytes": 400 << 10})
    for _ in range(20):
        assert neighbour.text("echo") == "echo"
    broker.wait_log("client_closed", level="warn")
    for _ in range(20):
        assert neighbour.text("echo") == "echo"
    clients = broker.admin("teplo/clients")["clients"]
    assert len([row for row in clients if row["name"] == "harness"]) == 1, clients


def test_a_second_request_with_an_id_in_flight_is_refused(broker, raw):
    client = broker.client()
    client.start_call("hold", {"key": "same"}, request_id=9)
    raw.wait_requests(1, "tools/call")
    client.start_call("echo", {}, request_id=9)
    assert client.wait_error(9).code == -32600
    raw.release("same")
    client.lines.wait(lambda line: "result" in line.message, "the first call's answer")
    assert raw.report().count("tools/call") == 1


def test_a_request_before_initialize_is_refused(broker, raw):
    client = broker.client("bare")
    client.start("tools/call", {"name": "echo"}, request_id="early")
    assert client.wait_error("early").code in (-32600, -32602)
    client.start("ping", request_id="ping")
    assert client.wait("ping") == {}
    assert raw.report().count("tools/call") == 0


def test_an_unknown_method_passes_to_the_server(broker):
    client = broker.client()
    with pytest.raises(RpcError) as caught:
        client.request("vendor/invented", {})
    assert caught.value.code == -32601
    assert "vendor/invented" in caught.value.message, "these are the server's own words"


def test_more_clients_than_allowed(start_broker, raw):
    broker = start_broker({"raw": raw.url}, options={"max_clients": 3})
    # The harness looked in to see whether the broker is up.
    wait_until(lambda: not broker.admin("teplo/clients")["clients"], "nobody is connected")
    clients = [broker.client() for _ in range(3)]
    for client in clients:
        assert client.text("echo") == "echo"
    refused = broker.client("bare")
    refused.wait_end()
    clients[0].close()
    broker.wait_log("client_refused")
    for client in clients[1:]:
        assert client.text("echo") == "echo"


def test_connections_that_say_nothing(broker, neighbour):
    silent = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(100)]
    for connection in silent:
        connection.connect(str(broker.socket_path()))
    check_unharmed(neighbour)
    for connection in silent:
        connection.close()
    check_unharmed(neighbour)
