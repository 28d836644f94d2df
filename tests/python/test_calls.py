# SPDX-License-Identifier: MIT
"""One call at a time: what comes back, and what goes wrong; awaited and blocking alike."""

import asyncio
import json
import pickle
import uuid

import pytest
import teplo
from conftest import loop_factories
from harness import wait_until


class Awaited:
    """The pool's functions, each call in a loop of its own."""

    def __init__(self, pool, new_loop):
        self.pool, self.new_loop = pool, new_loop

    def __getattr__(self, name):
        def call(*arguments, **keywords):
            loop = self.new_loop()
            try:
                return loop.run_until_complete(getattr(self.pool, name)(*arguments, **keywords))
            finally:
                loop.close()

        return call


class Blocking:
    def __init__(self, pool):
        self.pool = pool

    def __getattr__(self, name):
        return getattr(self.pool, name + "_sync")


@pytest.fixture(params=[*loop_factories(), pytest.param(None, id="blocking")])
def caller(request, connect):
    """caller(broker, ...) -> the pool, both faces of which look alike."""
    if request.param is None:
        return lambda broker, **options: Blocking(connect(broker, **options))
    return lambda broker, **options: Awaited(connect(broker, **options), request.param)


def nested(depth):
    value = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def test_a_result(caller, counting_broker):
    tools = caller(counting_broker)
    result = tools.call_tool("echo", {"value": "Привіт 🌞", "tag": [1, None]})
    assert json.loads(result.text) == {"value": "Привіт 🌞", "tag": [1, None]}
    assert result.content[0]["type"] == "text" and result.content[0]["text"] == result.text
    assert result.raw == json.loads(result.json) and result.raw["content"] == result.content
    assert not result.is_error
    assert str(result) == result.text and "Result" in repr(result)
    assert uuid.UUID(result.call)
    assert pickle.loads(pickle.dumps(result)) == result


def test_structured_content(caller, counting_broker):
    result = caller(counting_broker).call_tool("add", {"a": 2, "b": 3})
    assert result.structured == {"result": 5} and result.text == "5"


@pytest.mark.parametrize("text", ['{"value": 9223372036854775807}', b'{"value": 9223372036854775807}'])
def test_arguments_as_text(caller, counting_broker, text):
    result = caller(counting_broker).call_tool("echo", text, meta='{"a": 1}')
    assert json.loads(result.text)["value"] == 9223372036854775807


def test_a_tool_that_fails_is_no_exception(caller, counting_broker):
    result = caller(counting_broker).call_tool("fail")
    assert result.is_error and "навмисна помилка" in result.text


def test_tools(caller, counting_broker):
    tools = caller(counting_broker).list_tools()
    assert set(tools.names) == {tool.name for tool in tools} >= {"echo", "add"}
    assert tools["add"].description == "Adds two numbers."
    assert set(tools["add"].input_schema["properties"]) == {"a", "b"}
    assert tools["add"].raw["name"] == "add"
    assert len(tools) == len(tools.raw["tools"]) and tools[0].name == tools.names[0]
    assert len(tools[:2]) == 2
    with pytest.raises(KeyError):
        tools["no such tool"]


def test_any_request(caller, counting_broker):
    answer = caller(counting_broker).request(
        "prompts/get", {"name": "greeting", "arguments": {"name": "Юрко"}}
    )
    assert answer.raw["messages"][0]["content"]["text"] == "Вітаю, Юрко!"


def test_a_json_rpc_error(caller, broker):
    with pytest.raises(teplo.RpcError, match="зламалося") as caught:
        caller(broker).call_tool("error", {"code": -32000, "data": {"a": [1]}})
    error = caught.value
    assert (error.code, error.data, error.outcome) == (-32000, {"a": [1]}, "executed")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is teplo.RpcError and again.code == error.code
    assert str(again) == str(error)


def test_progress(caller, counting_broker):
    said = []
    result = caller(counting_broker).call_tool(
        "slow_progress",
        {"steps": 3},
        progress=lambda done, total, message: said.append((done, total, message)),
    )
    assert result.text == "3 steps"
    steps = [(1, 3, "крок 1"), (2, 3, "крок 2"), (3, 3, "крок 3")]
    assert said == [step for step in steps if step in said] and said[-1] == steps[-1]


def test_a_deadline(caller, counting_broker, counting):
    call = str(uuid.uuid4())
    with pytest.raises(teplo.Timeout) as caught:
        caller(counting_broker).call_tool("hold", {"key": call}, timeout=0.3, call=call)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.outcome == "unknown" and not caught.value.safe_to_retry
    assert caught.value.call == call
    counting.wait_stats(
        lambda stats: stats["extra"]["cancelled_inside"].get(call), "the server was told"
    )


def test_the_outcome_of_a_call(caller, counting_broker):
    tools = caller(counting_broker)
    call = str(uuid.uuid4())
    assert tools.call_tool("counter", {"key": call}, call=call).call == call
    found = tools.outcome(call)
    assert (found.outcome, found.pool) == ("executed", "counting")
    assert tools.outcome(str(uuid.uuid4())).outcome == "no_record"


def test_no_broker(caller, tmp_path):
    class Nowhere:
        def socket_path(self):
            return tmp_path / "no.sock"

    with pytest.raises(teplo.ConnectError) as caught:
        caller(Nowhere(), reconnect=0.05).call_tool("echo")
    assert caught.value.outcome == "not_executed" and caught.value.safe_to_retry
    assert "no.sock" in str(caught.value)


def test_no_such_pool(caller, counting_broker):
    tools = caller(counting_broker)
    with pytest.raises(teplo.NoSuchPool) as caught:
        tools.call_tool("echo", pool="nobody")
    assert caught.value.outcome == "not_executed"
    assert tools.call_tool("echo", pool="counting")


def test_a_pool_for_all_calls(caller, start_broker, counting, raw):
    broker = start_broker({"raw": raw.url, "counting": counting.url})
    with pytest.raises(teplo.NoSuchPool, match="in Python: pool="):
        caller(broker).call_tool("add", {"a": 1, "b": 1})
    assert caller(broker, pool="counting").call_tool("add", {"a": 1, "b": 1}).text == "2"


def test_a_denied_tool(caller, start_broker, counting):
    broker = start_broker({"counting": counting.url}, pool={"deny": {"tools": ["fail"]}})
    with pytest.raises(teplo.Denied) as caught:
        caller(broker).call_tool("fail")
    assert caught.value.reason == "denied" and caught.value.outcome == "not_executed"


def test_a_broken_server(caller, broker):
    with pytest.raises(teplo.UpstreamError) as caught:
        caller(broker).call_tool("no_status")
    assert caught.value.outcome == "unknown" and caught.value.reason == "conn_lost"


def test_a_lost_answer(caller, start_broker, raw):
    broker = start_broker({"raw": raw.url}, options={"max_response": "1KiB"})
    with pytest.raises(teplo.ResultLost) as caught:
        caller(broker).call_tool("huge", {"bytes": 4096})
    assert caught.value.outcome == "result_lost" and caught.value.reason == "too_large"


def test_a_method_that_there_is_not(caller, counting_broker):
    with pytest.raises(teplo.RpcError) as caught:
        caller(counting_broker).request("resources/subscribe", {"uri": "counting://counters"})
    assert caught.value.code == -32601


@pytest.mark.parametrize(
    "arguments, word",
    [
        ({"timeout": 0}, "timeout"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": 1e9}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"arguments": {"a": float("nan")}}, "arguments"),
        ({"arguments": {"a": object()}}, "arguments"),
        ({"arguments": b"[1]"}, ""),
        ({"call": "no uuid"}, "call"),
        ({"arguments": ""}, "arguments"),
        ({"arguments": b""}, "arguments"),
        ({"arguments": ()}, "arguments: a mapping, or the JSON text of an object, not a tuple"),
        ({"arguments": []}, "not a list"),
        ({"arguments": [("a", 1)]}, "not a list"),
        ({"arguments": "[1]"}, ""),
        ({"arguments": '{"a":"\ud800"}'}, "arguments"),
        ({"arguments": nested(3000)}, "arguments: nested too deeply"),
        ({"meta": []}, "meta: a mapping"),
        ({"meta": nested(3000)}, "meta: nested too deeply"),
        ({"timeout": "5"}, "timeout='5'"),
        ({"pool": 5}, "pool: a str, not a int"),
        ({"call": 5}, "call: a str, not a int"),
        ({"progress": 5}, "progress: a function, not a int"),
        ({"name": 5}, "name: a str, not a int"),
        ({"meta": {"a": {1}}}, "meta"),
        ({"pool": "a\0b"}, "pool"),
    ],
)
def test_wrong_arguments_are_told_at_once(caller, counting_broker, arguments, word):
    with pytest.raises(teplo.InvalidRequest) as caught:
        caller(counting_broker).call_tool(**{"name": "echo", **arguments})
    assert isinstance(caught.value, ValueError) and word in str(caught.value)
    assert caught.value.outcome == "not_executed"


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0}, {"max_in_flight": 0}, {"max_message": 1}, {"reconnect": 3601}, {"pool": "a\0"},
        {"timeout": "5"}, {"max_in_flight": "5"}, {"max_message": 1 << 70}, {"reconnect": "5"},
        {"reconnect": float("nan")}, {"pool": 5}, {"client_name": 5},
    ],
)  # fmt: skip
def test_wrong_options_are_told_at_once(options):
    with pytest.raises(teplo.InvalidRequest) as caught:
        teplo.connect("/nowhere", **options)
    assert next(iter(options)) in str(caught.value)


@pytest.mark.parametrize(
    "socket, words",
    [
        ("demo", "did you mean pool='demo'"),
        ("http://localhost:8000/sse", "pool='NAME'"),
        ("/tmp/" + "a" * 103, "108 bytes: the path of a Unix socket has at most 107"),
        (5, "socket"),
    ],
    ids=["a pool", "a URL", "long", "number"],
)
def test_what_can_be_no_socket_is_told_at_once(socket, words):
    with pytest.raises(teplo.InvalidRequest) as caught:
        teplo.connect(socket)
    assert words in str(caught.value)


def test_a_bare_name_may_be_a_path(tmp_path, monkeypatch):
    (tmp_path / "socket").touch()
    monkeypatch.chdir(tmp_path)
    for path in ("socket", "./later", "teplo.sock"):
        assert path in repr(teplo.connect(path))


def test_a_pool_says_where_it_leads_and_can_be_pickled(caller, counting_broker, monkeypatch):
    tools = caller(counting_broker, timeout=7)
    assert str(counting_broker.socket_path()) in repr(tools.pool)
    assert repr(tools.list_tools()).startswith("<Tools echo, add, ")
    copy = pickle.loads(pickle.dumps(tools.pool))
    assert copy.settings == tools.pool.settings and copy is not tools.pool
    assert copy.call_tool_sync("add", {"a": 1, "b": 2}).text == "3"
    copy.close()
    monkeypatch.setenv("TEPLO_SOCKET", "/somewhere/teplo.sock")
    assert "/somewhere/teplo.sock" in repr(teplo.connect())


def test_an_unknown_outcome_says_how_to_ask_for_it(caller, counting_broker):
    with pytest.raises(teplo.Timeout) as caught:
        caller(counting_broker).call_tool("hold", {"key": "unknown"}, timeout=0.2)
    error = caught.value
    assert error.outcome == "unknown" and error.tool == "hold" and uuid.UUID(error.call)
    assert "hold" in str(error) and error.call in str(error) and "Pool.outcome" in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert error.call not in error.message


def test_no_deadline(caller, counting_broker):
    assert caller(counting_broker).call_tool("add", {"a": 1, "b": 2}, timeout=teplo.NO_DEADLINE)


def test_half_a_surrogate_pair_travels_as_an_escape(caller, broker):
    result = caller(broker).call_tool("echo", {"value": "a\ud800ї"})
    assert rb'{"value":"a\ud800\u0457"}' in result.json
    assert result.structured == {"value": "a\ud800ї"}


def test_meta_reaches_the_server(caller, broker, raw):
    caller(broker).call_tool("echo", {"a": 1}, meta={"example.org/trace": "7"})
    body = json.loads(raw.report().bodies("tools/call")[0])
    assert body["params"]["_meta"]["example.org/trace"] == "7"


RESULTS = {
    "two": '{"content":[{"type":"text","text":"Привіт 🌞"},{"text":"b\\n\\t\\"","type":"text"}]}',
    "none": '{"content":[]}',
    "no content": '{"structuredContent":{"a":1}}',
    "an image between": '{"content":[{"type":"text","text":"a"},{"type":"image","data":"aGk=",'
    '"mimeType":"image/png"},{"type":"text","text":"b"}]}',
    "an empty block": '{"content":[{"type":"text","text":""},{"type":"text","text":"b"}]}',
    "a NUL": '{"content":[{"type":"text","text":"a\\u0000b"}]}',
    "half a pair": '{"content":[{"type":"text","text":"a\\ud800b"},{"type":"text","text":"\\udc00"}]}',
    "a pair": '{"content":[{"type":"text","text":"\\ud83c\\udf1e"}]}',
    "no text": '{"content":[{"type":"text"},{"type":"text","text":5},{"type":"text","text":"a"}]}',
    "no blocks": '{"content":"text"}',
    "no block": '{"content":["text",null,{"type":"text","text":"a"}]}',
}


@pytest.mark.parametrize("name", RESULTS)
def test_the_text_is_the_librarys(connect, broker, monkeypatch, name):
    """Two programs, one in C and one in Python, read the same answer."""
    from teplo import _requests
    from teplo._library import quick

    texts = []

    class Reply(_requests.Reply):
        def __init__(self, result):
            super().__init__(result)
            length = _requests.ctypes.c_size_t()
            address = quick.teplo_result_text(result, _requests.ctypes.byref(length))
            texts.append(_requests.text_at(address, length).decode())

    monkeypatch.setattr("teplo._sync_client.Reply", Reply)
    result = connect(broker).call_tool_sync("result_text", {"text": RESULTS[name]})
    assert [result.text] == texts


def test_a_pool_that_was_closed(caller, counting_broker):
    tools = caller(counting_broker)
    assert tools.call_tool("add", {"a": 1, "b": 2}).text == "3"
    tools.pool.close()
    tools.pool.close()
    assert tools.pool.is_closed and "closed" in repr(tools.pool)
    with pytest.raises(teplo.Closed, match="closed: make another one"):
        tools.call_tool("add", {"a": 1, "b": 2})


def test_too_much_at_once_is_overload(connect, counting_broker, run):
    async def main():
        pool = connect(counting_broker, max_in_flight=2)
        held = [asyncio.ensure_future(pool.call_tool("hold", {"key": "much"})) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(teplo.Overload) as caught:
            await pool.call_tool("echo")
        assert caught.value.outcome == "not_executed"
        assert "max_in_flight of teplo.connect()" in str(caught.value)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        assert (await pool.call_tool("echo")).text

    run(main)


def test_a_broker_that_is_full_says_when_to_try_again(start_broker, counting, connect, run):
    broker = start_broker({"counting": counting.url}, pool={"pool_size": 1, "max_inflight_per_session": 1, "queue_max": 1})

    async def main():
        pool = connect(broker)
        first = asyncio.ensure_future(pool.call_tool("hold", {"key": "full"}))
        await asyncio.to_thread(counting.wait_held, "full")
        second = asyncio.ensure_future(pool.call_tool("echo"))
        await asyncio.to_thread(wait_until, lambda: broker.pool()["waiting"] == 1, "one waits")
        with pytest.raises(teplo.Overload) as caught:
            await pool.call_tool("echo")
        assert caught.value.reason == "overloaded" and caught.value.safe_to_retry
        assert caught.value.retry_after is not None and caught.value.retry_after >= 0
        counting.release("full")
        assert (await first).text and (await second).text

    run(main)
