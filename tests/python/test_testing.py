# SPDX-License-Identifier: MIT
"""teplo.testing: the fake broker itself, and held against the real one."""

import asyncio
import json
import os
import threading

import pytest

import teplo

from harness import Broker, Client, CountingServer, RpcError, places, wait_until
from teplo.testing import Answer, Delay, Drop, Fail, FakeBroker, Hold, Progress, RpcFail, teplo_broker
from teplo.testing.schema import input_schema
from teplo.testing.steps import REASONS

CALL = "0197f1c4-0000-7000-8000-00000000000{}"


def add(a: int, b: int = 2) -> int:
    """Adds."""
    return a + b


def steps(n: int, progress: Progress) -> str:
    for number in range(n):
        progress(number + 1, n, f"крок {number + 1}")
    return "done"


async def echo(value: object = None) -> dict:
    return {"value": value}


def broken() -> None:
    raise ValueError("навмисна помилка")


@pytest.fixture
def fake():
    with FakeBroker(tools=[add, steps, echo, broken]) as broker:
        yield broker


@pytest.fixture(params=["legacy", "modern"])
def client(fake, request):
    with Client(fake.path, request.param) as client:
        yield client


def text(result):
    return result["content"][0]["text"]


# Tools.


def test_tools_run_and_calls_are_kept(fake, client):
    assert text(client.call("add", {"a": 1})) == "3"
    assert client.call("echo", {"value": "ж"})["structuredContent"] == {"value": "ж"}
    failed = client.call("broken")
    assert failed["isError"] and text(failed) == "Error executing tool broken: навмисна помилка"
    assert "Unknown tool" in text(client.call("nope"))
    assert [(call.tool, call.arguments, call.outcome) for call in fake.calls] == [
        ("add", {"a": 1}, "executed"),
        ("echo", {"value": "ж"}, "executed"),
        ("broken", {}, "executed"),
        ("nope", {}, "executed"),
    ]


def test_arguments_that_do_not_fit_are_the_tools_error(fake, client):
    assert client.call("add", {"b": 1})["isError"]
    assert client.call("add", {"a": 1, "c": 1})["isError"]


def test_progress_reaches_the_call_that_asked(fake, client):
    assert text(client.call("steps", {"n": 2}, meta={"progressToken": "p"})) == "done"
    told = [note["params"] for note in client.notifications("notifications/progress")]
    assert [(note["progress"], note["total"], note["message"]) for note in told] == [
        (1, 2, "крок 1"),
        (2, 2, "крок 2"),
    ]
    assert text(client.call("steps", {"n": 2})) == "done"
    assert len(client.notifications("notifications/progress")) == 2


def test_schemas_of_simple_types():
    import typing

    def tool(
        a: int, b: str | None, c: list[float], d: dict[str, bool], progress: Progress,
        e: typing.Literal["x", 1] = "x", f=None, h: list = None, g: typing.Optional[typing.List[str]] = None,
    ):  # fmt: skip
        pass

    schema = input_schema(tool)
    assert schema["required"] == ["a", "b", "c", "d"]
    assert schema["properties"] == {
        "a": {"type": "integer"},
        "b": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "c": {"type": "array", "items": {"type": "number"}},
        "d": {"type": "object", "additionalProperties": {"type": "boolean"}},
        "e": {"enum": ["x", 1], "default": "x"},
        "f": {"default": None},
        "h": {"type": "array", "items": {}, "default": None},
        "g": {
            "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}],
            "default": None,
        },
    }
    with pytest.raises(TypeError, match="have names"):
        input_schema(lambda *words: None)


# Failures on purpose.


def test_every_reason_of_the_broker_can_be_had(fake, client):
    for reason, (code, outcome, _, _) in REASONS.items():
        fake.plan("add", Fail(reason=reason, message="so said the test"))
        error = client.call_error("add", {"a": 1})
        assert (error.code, error.outcome, error.teplo["reason"]) == (code, outcome, reason)
        assert error.teplo["safe_to_retry"] is (outcome == "not_executed")
        assert "so said the test" in error.message
        assert fake.calls[-1].outcome == outcome and fake.calls[-1].reason == reason
    assert text(client.call("add", {"a": 1})) == "3"


def test_an_outcome_has_its_usual_reason(fake, client):
    ran = threading.Event()
    fake.add(ran.set, name="mark")
    fake.plan("mark", Fail("unknown"), Fail("not_executed"))
    assert client.call_error("mark").outcome == "unknown"
    assert client.call_error("mark").outcome == "not_executed"
    assert not ran.is_set()
    fake.plan("mark", Fail("result_lost"))
    assert client.call_error("mark").outcome == "result_lost"
    assert ran.is_set()


def test_a_fail_that_contradicts_itself_is_refused():
    with pytest.raises(ValueError, match="always means"):
        Fail("not_executed", reason="timeout")
    with pytest.raises(ValueError, match="no reason"):
        Fail(reason="bad luck")
    with pytest.raises(ValueError, match="needs an outcome"):
        Fail()


def test_answers_and_errors_as_planned(fake, client):
    given = {"content": [{"type": "audio", "data": "AA==", "mimeType": "audio/wav"}]}
    fake.plan("add", Answer(given), RpcFail(-32000, "no", {"why": 1}))
    assert client.call("add")["content"] == given["content"]
    error = client.call_error("add")
    assert (error.code, error.message, error.data) == (-32000, "no", {"why": 1})
    with pytest.raises(KeyError):
        fake.plan("no such tool", Drop())


def test_a_dropped_connection_ends_and_its_call_is_unknown(fake, client):
    fake.plan("add", Drop())
    client.start_call("add", {"a": 1})
    client.wait_end()
    assert fake.wait_ended()[0].outcome == "unknown"
    with Client(fake.path) as another:
        assert text(another.call("add", {"a": 1})) == "3"


def test_drop_connections_ends_them_all(fake, client):
    client.call("add", {"a": 1})
    fake.drop_connections()
    client.wait_end()


def test_a_cancelled_call_stops_and_is_not_answered(fake, client):
    fake.plan("echo", Hold())
    request = client.start_call("echo")
    fake.wait_calls(1, "echo")
    client.cancel(request)
    assert fake.wait_cancelled()[0].outcome == "cancelled"
    client.call("add", {"a": 1})
    assert client.find_answer(request) is None


def test_a_held_call_goes_on_when_released(fake, client):
    fake.plan("add", Hold(then=Fail("unknown")), Hold())
    first = client.start_call("add", {"a": 1})
    second = client.start_call("add", {"a": 2})
    fake.wait_calls(2)
    assert client.find_answer(first) is None
    fake.release("add")
    assert client.wait_error(first).outcome == "unknown"
    assert text(client.wait(second)) == "4"


def test_a_deadline_is_kept(fake, client):
    fake.plan("echo", Delay(60))
    error = wait_for_error(client, "echo", {"dev.teplo/deadlineMs": 50})
    assert (error.outcome, error.teplo["reason"]) == ("unknown", "timeout")
    assert fake.calls[0].deadline_ms == 50


def wait_for_error(client, tool, meta):
    return client.wait_error(client.start_call(tool, meta=meta))


def test_the_ledger_answers(fake, client):
    fake.plan("add", None, Fail("unknown"))
    client.call("add", {"a": 1}, meta={"dev.teplo/call": CALL.format(1)})
    wait_for_error(client, "add", {"dev.teplo/call": CALL.format(2)})
    outcomes = [
        client.request("teplo/outcome", {"call": CALL.format(number)})["outcome"]
        for number in (1, 2, 3)
    ]
    assert outcomes == ["executed", "unknown", "no_record"]


# Pools and life.


def test_pools_are_told_apart():
    with FakeBroker(pools=["one", "two"]) as broker:
        broker.add(lambda: 1, name="same", pool="one")
        broker.add(lambda: 2, name="same", pool="two")
        with Client(broker.path, pool="two") as client:
            assert text(client.call("same")) == "2"
            assert text(client.call("same", meta={"dev.teplo/pool": "one"})) == "1"
        with Client(broker.path) as client, pytest.raises(RpcError, match='the pools: "one", "two"'):
            client.call("same")
        assert [call.pool for call in broker.calls] == ["two", "one"]


def test_a_pool_is_known_by_its_servers_url():
    urls = {"one": "http://a:80/sse", "two": "http://b:1/mcp?x=1", "three": "http://b:1/mcp?x=1"}
    with FakeBroker(tools=[add], pools=urls) as broker, Client(broker.path) as client:
        client.call("add", {"a": 1}, meta={"dev.teplo/pool": "HTTP://A/sse".replace("HTTP", "http")})
        for url, problem in (
            ("http://b:1/mcp?x=1", "several pools"),
            ("http://c/", "no pool has"),
            ("http://", "is none"),
        ):
            with pytest.raises(RpcError, match=problem) as refused:
                client.call("add", {"a": 1}, meta={"dev.teplo/pool": url})
            assert refused.value.teplo["pools"] == ["one", "two", "three"]
        assert [call.pool for call in broker.calls] == ["one"]


def test_a_new_tool_is_told_of(fake, client):
    if client.era == "modern":
        client.start("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
        client.wait_notification("notifications/subscriptions/acknowledged")
    fake.add(lambda: 1, name="late")
    client.wait_notification("notifications/tools/list_changed")
    assert "late" in {tool["name"] for tool in client.request("tools/list")["tools"]}


def test_the_fixture_sets_and_restores_the_environment(monkeypatch):
    monkeypatch.setenv("TEPLO_SOCKET", "/nowhere")
    fixture = teplo_broker()
    broker = next(fixture)
    assert os.environ["TEPLO_SOCKET"] == broker.path
    fixture.close()
    assert os.environ["TEPLO_SOCKET"] == "/nowhere"
    assert not os.path.exists(broker.path)


def test_nothing_stays_behind(fake, client):
    def ours():
        return [t.name for t in threading.enumerate() if t.name.startswith("teplo-fake")]

    fake.plan("echo", Hold())
    client.start_call("echo")
    fake.wait_calls()
    fake.stop()
    fake.stop()
    wait_until(lambda: not ours(), "the threads end")
    client.wait_end()


def documented_errors():
    """The error of each reason in the exchanges of proto/WIRE.md."""
    lines = (places.REPO / "proto" / "WIRE.md").read_text(encoding="utf-8").splitlines()
    errors = [json.loads(line[2:])["error"] for line in lines if line.startswith('< {"') and '"error"' in line]
    return {error["data"]["teplo"]["reason"]: error for error in errors}


def test_every_reason_looks_as_the_contract_shows_it(fake, client):
    documented = documented_errors()
    varying = {"call": 0, "upstream": 0, "elapsed_ms": 0}
    for reason in REASONS:
        wanted = documented[reason]
        facts = wanted["data"]["teplo"]
        fake.plan("add", Fail(reason=reason))
        client.call_error("add", {"a": 1})
        error = client.lines.items[-1].message["error"]
        told = error["data"]["teplo"]
        assert (error["code"], list(told)) == (wanted["code"], list(facts))
        assert {**told, **varying} == {**facts, **varying}
        assert error["message"] == ": ".join(wanted["message"].split(": ")[:2])


# teplo's own client finds in it what it finds in the real one.


@pytest.fixture
def pool(fake):
    with teplo.connect(fake.path) as pool:
        yield pool
        pool.close()


def test_teplo_calls_it_in_both_ways(fake, pool, run):
    async def main():
        assert (await pool.list_tools()).names == ["add", "steps", "echo", "broken"]
        results = await asyncio.gather(*(pool.call_tool("add", {"a": n}) for n in range(100)))
        assert [result.text for result in results] == [str(n + 2) for n in range(100)]
        assert (await pool.call_tool("broken")).is_error

    run(main)
    assert pool.call_tool_sync("add", {"a": 1}).text == "3"


@pytest.mark.parametrize("outcome", ["not_executed", "unknown", "result_lost"])
def test_teplo_is_told_the_outcome(fake, pool, outcome):
    # What did not run is tried again: it must not run at any time.
    fake.plan("add", *[Fail(outcome, reason="denied" if outcome == "not_executed" else None)] * 20)
    with pytest.raises(teplo.Error) as caught:
        pool.call_tool_sync("add", {"a": 1}, timeout=2)
    assert caught.value.outcome == outcome
    assert pool.outcome_sync(caught.value.call or fake.calls[0].call).outcome == outcome


def test_teplo_survives_a_drop_and_a_deadline(fake, pool):
    fake.plan("add", Drop(), Delay(60))
    with pytest.raises(teplo.ConnectionLost) as lost:
        pool.call_tool_sync("add", {"a": 1})
    assert lost.value.outcome == "unknown"
    with pytest.raises(teplo.Timeout) as late:
        pool.call_tool_sync("add", {"a": 1}, timeout=0.1)
    assert late.value.outcome == "unknown"
    assert pool.call_tool_sync("add", {"a": 1}).text == "3"


def test_teplo_cancels_in_it(fake, pool, run):
    fake.plan("echo", Hold())

    async def main():
        call = asyncio.ensure_future(pool.call_tool("echo"))
        await asyncio.to_thread(fake.wait_calls)
        call.cancel()
        await asyncio.wait({call})
        await asyncio.to_thread(fake.wait_cancelled)

    run(main)


def test_teplo_hears_progress(fake, pool):
    told = []
    pool.call_tool_sync("steps", {"n": 3}, progress=lambda *words: told.append(words))
    assert told[-1] == (3, 3, "крок 3")


# The real broker: what it answers has the same shape, or the fake has drifted.


def shape(value, path=""):
    """Its keys and types; texts of errors up to the first colon, and numbers that vary left out."""
    if isinstance(value, dict):
        return {key: shape(inner, f"{path}.{key}") for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner, path) for inner in value]
    if path.endswith((".code", ".outcome", ".reason", ".stage", ".attempts", ".protocolVersion")):
        return value
    if path.endswith("error.message"):
        return value.partition(":")[0]
    return type(value).__name__


INITIALIZE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
DEADLINE = {"dev.teplo/deadlineMs": 60}
BOTH = [
    ("tools/list", {}, {}),
    ("tools/list", {"cursor": "x"}, {}),
    ("tools/list", {}, {"dev.teplo/pool": "no such"}),
    ("tools/list", {}, {"dev.teplo/pool": 5}),
    ("tools/list", {}, {"dev.teplo/pool": "http://no.such/server"}),
    ("tools/list", {}, {"dev.teplo/pool": "http://"}),
    ("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}}, {}),
    ("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}}, {"dev.teplo/call": CALL.format(1)}),
    ("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}}, {"dev.teplo/call": "no"}),
    ("tools/call", {"name": "fail", "arguments": {"text": "x"}}, {}),
    ("tools/call", {"name": "no such", "arguments": {}}, {}),
    ("tools/call", {"name": 5}, {}),
    ("tools/call", {"name": "add", "arguments": []}, {}),
    ("tools/call", {"name": "hold", "arguments": {"key": "k"}}, DEADLINE),
    ("teplo/outcome", {"call": CALL.format(1)}, {}),
    ("teplo/outcome", {"call": CALL.format(9)}, {}),
    ("teplo/outcome", {"call": "x"}, {}),
    ("ping", {}, {}),
    ("initialize", INITIALIZE, {}),
    ("server/discover", {}, {}),
    ("resources/subscribe", {"uri": "a://b"}, {}),
]  # fmt: skip
RAW = [b"{\n", b"[]\n", b"5\n", b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}\n']


def transcript(path, era, free):
    """What this broker says to it all, as shapes."""
    with Client(path, era) as client:
        said = [("greeting", shape(client.greeting))]
        for method, params, meta in BOTH:
            request = client.start(method, params, meta=meta)
            said.append((method, json.dumps(params), shape(client.wait_line(request).message)))
            free()
        for line in RAW:
            position = len(client.lines.items)
            client.send_raw(line)
            answer = client.lines.wait(lambda line: True, "a refusal", since=position)
            said.append((line, shape(answer.message)))
    for first in ("tools/list", "ping", "server/discover"):
        with Client(path, "bare") as client:
            said.append((first, shape(client.wait_line(client.start(first)).message)))
    with Client(path, "modern", version="2099-01-01") as client:
        said.append(("version", shape(client.wait_line(client.start("tools/list")).message)))
    return said


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_real_broker_says_the_same(era):
    server = CountingServer()
    broker = Broker({"graph": server.url})
    try:
        real = transcript(broker.socket_path(), era, lambda: None)
        listing = broker.client(era).request("tools/list")["tools"]
    finally:
        broker.done()
        server.done()
    with FakeBroker(pools=["graph"], instructions="x") as fake:
        for tool in listing:
            keywords = {key: tool[key] for key in tool if key not in ("name", "description", "inputSchema")}
            fake.tool(
                PLAYED.get(tool["name"], broken), name=tool["name"],
                description=tool["description"], schema=tool["inputSchema"], **keywords,
            )  # fmt: skip
        pretended = transcript(fake.path, era, lambda: None)
    for ours, theirs in zip(pretended, real, strict=True):
        assert forgive(ours) == forgive(theirs)


async def played_hold(key: str) -> str:
    await asyncio.Event().wait()
    return key


def played_add(a: int, b: int) -> dict:
    return {"content": [{"type": "text", "text": str(a + b)}], "structuredContent": {"result": a + b}}


def played_fail(text: str) -> None:
    raise ValueError(text)


PLAYED = {"hold": played_hold, "add": played_add, "fail": played_fail}


def forgive(line):
    """What belongs to the server behind the real broker, and not to the broker."""
    text = json.dumps(line, default=str, sort_keys=True)
    line = json.loads(text)
    for part in line:
        result = part.get("result", part) if isinstance(part, dict) else {}
        for owner in (result, part if isinstance(part, dict) else {}):
            owner.pop("capabilities", None)
    if isinstance(line[-1], dict) and line[-1].get("error", {}).get("message") == "Invalid request parameters":
        line[-1]["error"].pop("data", None)
    return line


def test_a_broker_ends_in_silence_while_clients_are_connected(capfd, complaints):
    with FakeBroker(tools=[add]) as broker:
        pool = teplo.connect(broker.path)
        assert pool.call_tool_sync("add", {"a": 1}).text == "3"
        serving = list(broker.tasks)
    pool.close()
    # CPython 3.11 and 3.12 complain of one that was cancelled, in some of their releases.
    assert serving and not any(task.cancelled() for task in serving)
    assert not complaints.texts and not capfd.readouterr().err
