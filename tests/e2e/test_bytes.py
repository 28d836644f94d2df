# SPDX-License-Identifier: MIT
"""What a client sends arrives at the server byte for byte, and the answer comes back so."""

import json

import pytest

ERAS = ["legacy", "modern"]
ENVELOPE = (
    b'"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
    b'"io.modelcontextprotocol/clientCapabilities":{}}'
)
MEBIBYTE = "їжак🦔".encode() * (1048576 // len("їжак🦔".encode()))

ARGUMENTS = {
    "an integer beyond doubles": b'{"n":9007199254740993}',
    "a number beyond doubles": b'{"n":1e400,"m":-1E-400}',
    "digits that a printer drops": b'{"n":1.10,"m":0.0,"e":1E5}',
    "an escaped NUL": b'{"s":"a\\u0000b"}',
    "duplicate keys": b'{"a":1,"a":{"a":2,"a":3}}',
    "blanks": b'{ "a" :\t[ 1 , 2 ]  }',
    "escapes that need none": b'{"s":"\\u0041\\/\\u00e9\\ud83d\\ude00"}',
    "the same unescaped": '{"s":"A/é😀"}'.encode(),
    "keys of the envelope": b'{"id":5,"method":"x","jsonrpc":"1.0","_meta":{"progressToken":1}}',
    "an empty object": b"{}",
    "deep nesting": b'{"d":' + b"[" * 100 + b"]" * 100 + b"}",
    "a mebibyte of Cyrillic and emoji": b'{"s":"' + MEBIBYTE + b'"}',
    "line separators": '{"s":"a\u2028b\u2029c\u0085d"}'.encode(),
}


def call_line(era, request_id, arguments):
    envelope = b"," + ENVELOPE if era == "modern" else b""
    return (
        b'{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"echo","arguments":%s%s}}'
        % (request_id, arguments, envelope)
    )


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("what", ARGUMENTS)
def test_arguments_and_results_pass_byte_for_byte(broker, raw, era, what):
    client = broker.client(era)
    answer = client.exchange_raw(call_line(era, b'"x"', ARGUMENTS[what]), "x")
    (body,) = raw.report().bodies("tools/call")
    assert b'"arguments":' + ARGUMENTS[what] in body
    assert b'"structuredContent":' + ARGUMENTS[what] in answer
    assert b'"id":"x"' in answer.replace(b": ", b":")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "token",
    ["0", "1", "-7", "1152921504606846976", '"5"', '""', '"їд"', '"a\\u0062"', '"' + "x" * 200 + '"'],
)
def test_ids_come_back_as_they_were_sent(broker, era, token):
    client = broker.client(era)
    answer = client.exchange_raw(call_line(era, token.encode(), b"{}"), json.loads(token))
    assert f'"id":{token}'.encode() in answer


def test_the_string_5_and_the_number_5_are_two_ids(broker, raw):
    client = broker.client()
    for request_id in (5, "5"):
        client.start_call("hold", {"key": type(request_id).__name__}, request_id=request_id)
    raw.release("str")
    assert client.wait("5")["content"][0]["text"] == "released str"
    assert client.find_answer(5) is None
    raw.release("int")
    assert client.wait(5)["content"][0]["text"] == "released int"


def test_the_server_sees_increasing_integers_as_ids(broker, raw):
    for request_id in ("a", "a", 7):
        with broker.client() as client:
            client.exchange_raw(call_line("modern", json.dumps(request_id).encode(), b"{}"), request_id)
    ids = [json.loads(body)["id"] for body in raw.report().bodies("tools/call")]
    assert ids == sorted(set(ids))
    assert all(type(number) is int for number in ids)


def test_the_envelope_stays_on_its_hop_and_other_meta_passes(broker, raw):
    client = broker.client()
    meta = {"dev.teplo/deadlineMs": 5000, "com.example/trace": "тут", "traceparent": "00-1-2-03"}
    client.call("echo", {}, meta=meta)
    (body,) = raw.report().bodies("tools/call")
    passed = json.loads(body)["params"]["_meta"]
    assert {key: value for key, value in passed.items() if key != "progressToken"} == {
        "com.example/trace": "тут",
        "traceparent": "00-1-2-03",
    }


def test_absent_arguments_stay_absent(broker, raw):
    broker.client().call("echo")
    (body,) = raw.report().bodies("tools/call")
    assert "arguments" not in json.loads(body)["params"]


@pytest.mark.parametrize(
    "text",
    [
        '{"content":[],"structuredContent":{"n":1e400,"a":1,"a":2}}',
        '{ "content" : [ { "type":"text","text":"\\u0000\\ud83d\\ude00" } ] }',
        '{"content":[],"_meta":{"x/y":9007199254740993}}',
    ],
)
def test_a_legacy_client_gets_the_result_byte_for_byte(broker, text):
    client = broker.client("legacy")
    call = client.start_call("result_text", {"text": text})
    assert text.encode() in client.wait_line(call).raw


def test_a_modern_client_gets_the_same_result_and_a_result_type(broker):
    client = broker.client()
    text = '{"content":[],"structuredContent":{"n":1e400,"a":1,"a":2}}'
    call = client.start_call("result_text", {"text": text})
    line = client.wait_line(call)
    assert b'"structuredContent":{"n":1e400,"a":1,"a":2}' in line.raw
    assert line.message["result"]["resultType"] == "complete"


def test_an_answer_over_many_data_lines_becomes_one_line(broker):
    """Row B10 of the fault matrix."""
    client = broker.client("legacy")
    result = client.call("pretty")
    assert result["content"][0]["text"] == "рядок\nрядок"
    assert result["nested"] == {"a": [1, 2]}


@pytest.mark.valgrind
@pytest.mark.parametrize("eol", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("split", [0, 1, 7])
def test_all_line_ends_and_splits_of_the_stream(start_broker, start_raw, eol, split):
    """Row B2 of the fault matrix."""
    raw = start_raw(eol=eol, split=split, preamble="\ufeff: hello" + eol + eol)
    client = start_broker({"raw": raw.url}).client()
    assert client.text("pretty") == "рядок\nрядок"
    assert client.text("comments_first") == "after comments"
    if split == 0:
        assert client.text("dribble") == "крапля за краплею 💧"


def test_a_mebibyte_of_result(broker):
    client = broker.client()
    assert len(client.text("huge", {"bytes": 8 << 20}, seconds=60)) == 8 << 20


def test_a_result_over_max_response_is_lost_and_said_so(start_broker, raw):
    """Row A20 of the fault matrix."""
    broker = start_broker({"raw": raw.url}, options={"max_response": "1MiB"})
    client = broker.client()
    error = client.call_error("huge", {"bytes": 2 << 20})
    assert (error.code, error.outcome) == (-31011, "result_lost")
    assert client.text("echo") == "echo"
