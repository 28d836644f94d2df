# SPDX-License-Identifier: MIT
"""teploctl against a scripted broker: what it sends, what it prints, how it exits."""

import json
import signal
import subprocess
import threading
import time
import uuid

import pytest

# fake and place are fixtures.
from fake_broker import (
    FakeBroker, all_of, error, hang_up, notify, raw, result, silence, text_result,
)  # fmt: skip
from harness import PATIENCE, Deadline
from harness.places import SLOWNESS
from teploctl_runner import (
    NOT_EXECUTED, OK, REFUSED, RESULT_LOST, UNKNOWN, Ended, command, environment, fake, place,
    run, run_on_terminal,
)  # fmt: skip

ESCAPE = "\x1b]0;owned\x07\x1b[2J"
HOSTILE = f"a{ESCAPE}\x9b31mb\u202ec\x7f\x00\rd"
SCHEMA = {
    "type": "object",
    "properties": {
        "query": {"type": "string"},
        "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "graphs": {"type": "array", "items": {}},
        "node": {"$ref": "#/$defs/Node"},
        "free": {},
    },
    "required": ["query", "node"],
    "$defs": {"Node": {"type": "object"}},
}
TOOLS = {
    "tools": [
        {"name": "query_graph", "description": "\n  Ask the graph.  \nMore.", "inputSchema": SCHEMA},
        {"name": "list_graphs", "inputSchema": {"type": "object", "properties": {}}},
    ],
    "resultType": "complete", "ttlMs": 0, "cacheScope": "private",
}  # fmt: skip


# tools


def test_tools_sends_the_envelope_of_2026_07_28(place, fake):
    fake.on("tools/list", result(TOOLS))
    run(place, "tools").expect(OK)
    (request,) = fake.requests
    meta = request["params"].pop("_meta")
    assert request == {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    assert meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
    assert meta["io.modelcontextprotocol/clientCapabilities"] == {}
    assert meta["io.modelcontextprotocol/clientInfo"]["name"] == "teploctl"
    assert 0 < meta["dev.teplo/deadlineMs"] <= 60000


def test_tools_in_a_pipe_are_lines_of_three_fields(place, fake):
    fake.on("tools/list", result(TOOLS))
    assert run(place, "tools", "--format", "mcp").expect(OK).out == (
        "query_graph\t(query*: string, limit: integer|null, graphs: array, node*: object, "
        "free: any)\tAsk the graph.\n"
        "list_graphs\t()\t\n"
    )


def test_tools_on_a_terminal(place, fake):
    fake.on("tools/list", result(TOOLS))
    ended = run_on_terminal(place, "tools")
    assert ended.status == OK
    assert ended.out.startswith("query_graph(query*: string, limit")
    assert "\n    Ask the graph.\n" in ended.out


def test_tools_follows_pages(place, fake):
    page = {"tools": [{"name": "a"}], "nextCursor": 'c"\\u0416'}
    fake.on("tools/list", result(page), result({"tools": [{"name": "b"}]}))
    assert run(place, "tools").expect(OK).out == "a\t()\t\nb\t()\t\n"
    assert fake.requests[1]["params"]["cursor"] == page["nextCursor"]
    assert fake.requests[1]["id"] == 2


def test_tools_json_is_the_raw_result(place, fake):
    bytes_of_it = b'{ "tools":[ {"name":"x","n":12345678901234567890123,"n":1.50,"e":"\\u0436"}] }'
    fake.on("tools/list", result(bytes_of_it))
    assert run(place, "tools", "--json").expect(OK).raw == bytes_of_it + b"\n"


def test_tools_tells_that_a_list_is_stale(place, fake):
    fake.on("tools/list", result({"tools": [], "_meta": {"dev.teplo/stale": True}}))
    run(place, "tools").expect(OK, "the server is down")


def test_tools_ends_with_a_server_whose_list_does_not(place, fake):
    fake.on("tools/list", result({"tools": [], "nextCursor": "again"}))
    run(place, "tools").expect(REFUSED, "does not end")


def test_a_schema_that_refers_to_itself_is_shown(place, fake):
    """Also one that would be looked through 200 ** 4 times."""
    again = [{"$ref": "#/$defs/A"}] * 50
    levels = {f"L{i}": {"anyOf": [{"$ref": f"#/$defs/L{i + 1}"}] * 200} for i in range(4)}
    schema = {"properties": {"a": {"anyOf": again}, "l": {"$ref": "#/$defs/L1"}},
              "$defs": {"A": {"anyOf": again}, **levels, "L4": {"type": "integer"}}}  # fmt: skip
    fake.on("tools/list", result({"tools": [{"name": "t", "inputSchema": schema}]}))
    assert run(place, "tools").expect(OK).out == "t\t(a: any, l: any)\t\n"


@pytest.mark.parametrize("tools", [
    b"null", b"[]", b"7", b'"x"', b'{"tools":{}}', b'{"tools":[1,null,"x",[],{}]}',
    b'{"tools":[{"name":7,"description":[],"inputSchema":"x"}]}',
    b'{"tools":[{"inputSchema":{"properties":[1],"required":{"a":1}}}]}',
    b'{"tools":[{"inputSchema":{"properties":{"a":1,"":{"type":["x"],"enum":5}},"required":[2]}}]}',
    b'{"tools":[{"name":"\\ud800","inputSchema":{"properties":{"p":{"$ref":"#/%ff/~2//"}}}}]}',
])  # fmt: skip
def test_tools_takes_any_shape(place, fake, tools):
    fake.on("tools/list", result(tools))
    run(place, "tools").expect(OK)
    fake.on("tools/call", text_result("x"))
    assert run(place, "call", "t", "p=1").expect(OK).out == "x\n"


# call


def test_call_prints_the_text(place, fake):
    fake.on("tools/call", text_result("перше\nдруге", 'q"\\'))
    assert run(place, "call", "t", "{}").expect(OK).out == 'перше\nдруге\nq"\\\n'


def test_call_sends_the_json_as_it_is_on_one_line(place, fake):
    fake.on("tools/call", text_result("x"))
    given = '{ "n": 123456789012345678901234567890,\r\n "s": "\\u0000 \\n", "d": 1, "d": 2.50 }\n'
    run(place, "call", "t", given).expect(OK)
    (line,) = fake.lines
    assert given.replace("\n", "").replace("\r", "").strip().encode() in line
    assert fake.requests[0]["params"]["name"] == "t"


def test_call_reads_json_from_stdin(place, fake):
    fake.on("tools/call", text_result("x"))
    run(place, "call", "t", "-", stdin=b'{"a":\n[1]}').expect(OK)
    assert fake.requests[0]["params"]["arguments"] == {"a": [1]}


def test_call_without_arguments_sends_an_empty_object(place, fake):
    fake.on("tools/call", text_result("x"))
    run(place, "call", "t").expect(OK)
    assert fake.requests[0]["params"]["arguments"] == {}


def test_call_skips_what_is_no_answer(place, fake):
    fake.on("tools/call", all_of(
        notify("notifications/progress", progressToken=1, progress=1),
        notify("notifications/message", level="info", data="x"),
        raw(b'\n\r\n{"jsonrpc":"2.0","id":99,"result":{}}\n{"jsonrpc":"2.0","id":"1","result":{}}\n'),
        raw(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'),
        text_result("x")))  # fmt: skip
    assert run(place, "call", "t").expect(OK).out == "x\n"
    assert "progressToken" not in fake.requests[0]["params"]["_meta"]


def test_call_shows_progress_on_a_terminal(place, fake):
    fake.on("tools/call", all_of(
        notify("notifications/progress", progressToken=1, progress=3, total=10, message=HOSTILE),
        text_result("done")))  # fmt: skip
    ended = run_on_terminal(place, "call", "t")
    assert "3/10 a" in ended.out and ended.out.endswith("\r\x1b[Kdone\n")
    assert ESCAPE not in ended.out and "\x9b" not in ended.out
    assert fake.requests[0]["params"]["_meta"]["progressToken"] == 1


def test_call_prints_other_content_as_a_line(place, fake):
    fake.on("tools/call", result({"content": [
        {"type": "text", "text": "t\n"},
        {"type": "image", "mimeType": "image/png", "data": "QUJDRA=="},
        {"type": "audio", "mimeType": "audio/wav", "data": "A" * 16800},
        {"type": "resource", "resource": {"uri": "x:y", "mimeType": "text/plain", "text": "abc"}},
        {"type": "resource_link", "uri": "a:b", "name": "n"}, 7, {"text": "no type"},
    ], "structuredContent": {"n": 1}}))  # fmt: skip
    assert run(place, "call", "t").expect(OK).out == (
        "t\n[image image/png 4 B]\n[audio audio/wav 12.3 KiB]\n[resource x:y text/plain 3 B]\n"
        "[resource_link a:b]\n[content]\n[content 7 B]\n"
    )


def test_call_prints_structured_content_when_there_is_no_text(place, fake):
    fake.on("tools/call", result(b'{"content":[],"structuredContent":{"n": 12345678901234567890}}'))
    assert run(place, "call", "t").expect(OK).out == '{"n": 12345678901234567890}\n'


def test_call_json_is_the_raw_result(place, fake):
    given = b'{"content":[{"type":"text","text":"\\u0436"}], "n":12345678901234567890, "isError":true}'
    fake.on("tools/call", result(given))
    ended = run(place, "call", "t", "--json").expect(REFUSED, "the tool says that this is an error")
    assert ended.raw == given + b"\n"


def test_call_decodes_half_a_surrogate_pair(place, fake):
    given = rb'{"content":[{"type":"text","text":"\ud83d\ude00 \ud83dx \ude00 \\ud800 \ud83d\ud83d\ude00"}]}'
    fake.on("tools/call", result(given))
    assert run(place, "call", "t").expect(OK).out == "😀 \ufffdx \ufffd \\ud800 \ufffd😀\n"


@pytest.mark.valgrind
def test_call_with_a_large_result(place, fake):
    text = "ж€😀x\n" * (1 << 17)
    fake.on("tools/call", text_result(text))
    assert run(place, "call", "t").expect(OK).out == text


def test_call_exits_1_for_a_tool_error(place, fake):
    fake.on("tools/call", text_result("it broke", isError=True))
    ended = run(place, "call", "t").expect(REFUSED, "the tool says that this is an error")
    assert ended.out == "it broke\n"


def test_call_exits_1_for_a_question_back(place, fake):
    fake.on("tools/call", result({"resultType": "input_required", "inputRequests": {}}))
    run(place, "call", "t").expect(REFUSED, "more input")


@pytest.mark.valgrind
@pytest.mark.parametrize("outcome, status", [
    ("not_executed", NOT_EXECUTED), ("unknown", UNKNOWN), ("result_lost", RESULT_LOST),
    ("something_new", REFUSED), (None, REFUSED),
])  # fmt: skip
def test_the_outcome_of_an_error_is_the_exit_status(place, fake, outcome, status):
    fake.on("tools/call", error(-31003, "NOT SO:\nwell", outcome))
    run(place, "call", "t").expect(status, "NOT SO: well")
    fake.on("tools/list", error(-31003, "NOT SO", outcome))
    run(place, "tools").expect(status, "NOT SO")


def test_an_error_of_the_server_is_shown_with_its_code(place, fake):
    fake.on("tools/call", error(-32602, "Unknown tool: t"))
    ended = run(place, "call", "t").expect(REFUSED, "error -32602: Unknown tool: t")
    assert ended.out == ""


def test_an_error_without_an_id_is_the_answer(place, fake):
    fake.on("tools/call", raw(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"m"}}\n'))
    run(place, "call", "t").expect(REFUSED, "error -32600: m")


def test_hang_up_before_the_answer_is_unknown(place, fake):
    fake.on("tools/call", hang_up)
    run(place, "call", "t").expect(UNKNOWN, "OUTCOME UNKNOWN: the broker hung up before it answered")
    fake.on("tools/call", all_of(raw(b'{"jsonrpc":"2.0","id":1,"res'), hang_up))
    run(place, "call", "t").expect(UNKNOWN, "may have run")


@pytest.mark.parametrize("garbage", [b"hello\n", b"[]\n", b"\xff\xfe\n", b'{"id":1}\n', b"\x00\n"])
def test_an_answer_that_is_no_message_is_unknown(place, fake, garbage):
    fake.on("tools/call", raw(garbage))
    run(place, "call", "t").expect(UNKNOWN, "no JSON-RPC message")


def test_hang_up_before_all_was_sent_is_not_executed(place):
    def read_a_little(peer):
        peer.sock.recv(10)

    big = b'{"a":"%s"}' % (b"x" * (4 << 20))
    with FakeBroker(place, serve=read_a_little):
        run(place, "call", "t", "-", stdin=big).expect(NOT_EXECUTED, "before it had the whole request")


def test_a_broker_that_hangs_up_early_may_say_why(place):
    def refuse(peer):
        peer.sock.recv(10)
        error(-31006, "NOT EXECUTED: too long", "not_executed")(peer, {"id": 1})

    big = b'{"a":"%s"}' % (b"x" * (4 << 20))
    with FakeBroker(place, serve=refuse):
        run(place, "call", "t", "-", stdin=big).expect(NOT_EXECUTED, "NOT EXECUTED: too long")


def test_timeout_goes_to_the_broker_and_is_kept_here(place, fake):
    fake.on("tools/call", silence)
    run(place, "call", "t", "--timeout", "300ms").expect(UNKNOWN, "no answer came in time")
    assert 0 < fake.requests[0]["params"]["_meta"]["dev.teplo/deadlineMs"] <= 300
    fake.on("tools/call", text_result("x"))
    run(place, "call", "t", "--timeout=5m").expect(OK)
    assert 290000 < fake.requests[1]["params"]["_meta"]["dev.teplo/deadlineMs"] <= 300000
    run(place, "call", "t").expect(OK)
    assert "dev.teplo/deadlineMs" not in fake.requests[2]["params"]["_meta"]


def test_timeout_ends_the_wait_for_a_silent_broker(place, fake):
    """A little is added for the broker's own word, not seconds."""
    fake.on("tools/call", silence)
    began = time.monotonic()
    run(place, "call", "t", "--timeout", "300ms").expect(UNKNOWN, "no answer came in time")
    assert 0.3 <= time.monotonic() - began < 0.3 + 1.5 * SLOWNESS


def test_timeout_holds_against_a_flood_of_notifications(place, fake):
    def flood(peer, request):
        line = b'{"jsonrpc":"2.0","method":"notifications/message","params":{}}\n' * 10000
        while True:
            peer.send(line)

    fake.on("tools/call", flood)
    deadline = Deadline()
    run(place, "call", "t", "--timeout", "500ms").expect(UNKNOWN, "no answer came in time")
    assert not deadline.over()


def test_a_broker_that_takes_nothing(place):
    ended = threading.Event()

    def take_nothing(peer):
        ended.wait()

    big = b'{"a":"%s"}' % (b"x" * (4 << 20))
    with FakeBroker(place, serve=take_nothing):
        out = run(place, "call", "t", "-", "--timeout", "50ms", stdin=big)
        ended.set()
    out.expect(NOT_EXECUTED, "did not take the request in time")


def test_an_unknown_outcome_says_how_to_ask_for_it(place, fake):
    """By the id that went with the call, or that which the broker names."""
    fake.on("tools/call", hang_up)
    ended = run(place, "call", "t").expect(UNKNOWN, "OUTCOME UNKNOWN")
    call = fake.requests[0]["params"]["_meta"]["dev.teplo/call"]
    assert str(uuid.UUID(call)) == call
    assert ended.err.endswith(f" (see: teploctl outcome {call})\n")
    run(place, "call", "t")
    assert fake.requests[1]["params"]["_meta"]["dev.teplo/call"] != call
    fake.on("tools/call", error(-31010, "OUTCOME UNKNOWN: gone", "unknown", call=call))
    ended = run(place, "call", "t").expect(UNKNOWN, "OUTCOME UNKNOWN: gone")
    assert ended.err.endswith(f" (see: teploctl outcome {call})\n")


@pytest.mark.parametrize("named", [7, "x" * 36, "x", {}])
def test_only_an_id_is_shown_as_one(place, fake, named):
    fake.on("tools/call", error(-31010, "OUTCOME UNKNOWN: gone", "unknown", call=named))
    ended = run(place, "call", "t").expect(UNKNOWN, "gone (see: teploctl outcome ")
    assert fake.requests[0]["params"]["_meta"]["dev.teplo/call"] in ended.err


@pytest.mark.parametrize("outcome", ["not_executed", "result_lost", None])
def test_a_known_outcome_needs_no_question(place, fake, outcome):
    fake.on("tools/call", error(-31003, "NOT SO", outcome))
    assert "teploctl outcome" not in run(place, "call", "t").err


def test_the_id_that_is_told_is_the_broker_s_too(broker):
    """A call whose answer was cut off, and then the question as the message has it."""
    done = broker.ctl("call", "cut")
    assert done.returncode == UNKNOWN, done
    words = done.stderr.rpartition("(see: teploctl ")[2].rstrip(")\n").split()
    asked = broker.ctl(*words, "--json")
    assert json.loads(asked.stdout)["outcome"] == "unknown", asked


def test_several_pools_and_none_named(start_broker, start_raw):
    broker = start_broker({"first": start_raw().url, "second": start_raw().url})
    for words in (["tools"], ["call", "echo"], ["call", "echo", "text=x"]):
        done = broker.ctl(*words)
        assert done.returncode == NOT_EXECUTED, done
        assert "name one: teploctl -s POOL ...; the pools: first, second\n" in done.stderr
        assert "_meta" not in done.stderr
    assert broker.ctl("-s", "second", "call", "echo", "text=x").returncode == OK


# Ctrl-C


class Interrupted:
    """A teploctl that gets a signal once the fake broker has its request."""

    def __init__(self, place, *words, number=signal.SIGINT, **keywords):
        self.number = number
        self.child = subprocess.Popen(command(*words), env=environment(place), stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, **keywords)  # fmt: skip

    def kill(self):
        self.child.send_signal(self.number)
        return self

    def end(self):
        out, err = self.child.communicate(timeout=PATIENCE)
        return Ended(self.child.returncode, out, err)


@pytest.fixture
def asked(fake):
    """Set when a request came that gets no answer."""
    event = threading.Event()
    fake.on("tools/call", lambda *_: event.set()).on("tools/list", lambda *_: event.set())
    fake.on("notifications/cancelled", silence)
    return event


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_call_is_taken_back_and_unknown(place, fake, asked, number):
    cancelled = threading.Event()
    fake.on("notifications/cancelled", lambda *_: cancelled.set())
    call = Interrupted(place, "call", "t", number=number)
    assert asked.wait(PATIENCE)
    ended = call.kill().end().expect(UNKNOWN, "OUTCOME UNKNOWN: interrupted; the tool may have run")
    request = fake.requests[0]
    assert request["params"]["_meta"]["dev.teplo/call"] in ended.err
    assert cancelled.wait(PATIENCE)
    assert fake.requests[1:] == [{"jsonrpc": "2.0", "method": "notifications/cancelled",
                                  "params": {"requestId": request["id"]}}]  # fmt: skip


def test_interrupted_before_the_tool_was_called(place, fake, asked):
    call = Interrupted(place, "call", "t", "a=1")
    assert asked.wait(PATIENCE)
    call.kill().end().expect(NOT_EXECUTED, "NOT EXECUTED: ")
    assert "tools/call" not in {request["method"] for request in fake.requests}


def test_interrupted_while_stdin_is_read(place, fake):
    call = Interrupted(place, "call", "t", "-")
    call.child.stdin.write(b" " * (1 << 20))  # more than a pipe holds: it is being read
    call.child.stdin.flush()
    call.child.send_signal(signal.SIGINT)
    assert call.child.wait(PATIENCE) == NOT_EXECUTED  # before stdin is closed
    call.end().expect(NOT_EXECUTED, "NOT EXECUTED: interrupted")
    assert fake.requests == []


def test_a_job_that_ignores_signals_is_not_interrupted(place, fake):
    """As a shell starts what is to run in the background."""
    may_answer = threading.Event()
    asked = threading.Event()

    def answer(peer, request):
        asked.set()
        may_answer.wait(PATIENCE)
        text_result("x")(peer, request)

    fake.on("tools/call", answer)
    call = Interrupted(place, "call", "t", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    assert asked.wait(PATIENCE)
    call.kill()
    may_answer.set()
    assert call.end().expect(OK).out == "x\n"


def test_an_answer_beyond_the_maximum_is_lost(place, fake):
    def long(peer, request):
        for _ in range(66):
            peer.send(b"x" * (1 << 20))

    fake.on("tools/call", long)
    run(place, "call", "t").expect(RESULT_LOST, "longer than 64 MiB")


def test_a_result_that_cannot_be_written_is_lost(place, fake):
    fake.on("tools/call", text_result("x" * 100000))
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(command("call", "t"), stdout=full, stderr=subprocess.PIPE,
                               env=environment(place), check=False)  # fmt: skip
    assert ended.returncode == RESULT_LOST and b"stdout cannot be written" in ended.stderr


# hostile text


def hostile_parts(out):
    return [c for c in out if (c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f" or c == "\u202e"]


@pytest.mark.parametrize("words", [
    ("tools",), ("call", "t"), ("call", "e"), ("call", "t", "--json"), ("tools", "--json"),
])  # fmt: skip
def test_hostile_text_does_not_reach_a_terminal(place, fake, words):
    text = "tab\there\nline\r\n" + HOSTILE
    tool = {"name": HOSTILE, "description": text,
            "inputSchema": {"properties": {HOSTILE: {"type": HOSTILE}}, "required": [HOSTILE]}}  # fmt: skip
    # Not escaped: what JSON allows to stand raw in a string.
    dumped = json.dumps({"tools": [tool]}, ensure_ascii=False).encode()
    fake.on("tools/list", result(dumped))
    fake.on("tools/call", error(-32000, text) if "e" in words else result(json.dumps(
        {"content": [{"type": "text", "text": text}, {"type": HOSTILE, "uri": HOSTILE}]},
        ensure_ascii=False).encode()))  # fmt: skip
    ended = run_on_terminal(place, *words)
    assert hostile_parts(ended.out) == [] and "\ufffd" in ended.out, ended.out
    if words == ("call", "t"):
        assert "tab\there\nline\n" in ended.out


def test_hostile_text_in_a_pipe_is_passed_but_fields_stay_fields(place, fake):
    fake.on("tools/list", result({"tools": [{"name": "a\tb\nc", "description": "d\te"}]}))
    assert run(place, "tools").expect(OK).out == "a b c\t()\td e\n"
    fake.on("tools/call", text_result(HOSTILE))
    assert run(place, "call", "t").expect(OK).raw == HOSTILE.encode() + b"\n"
    fake.on("tools/call", error(-32000, HOSTILE))
    assert hostile_parts(run(place, "call", "t").expect(REFUSED, "error -32000: a").err) == []
