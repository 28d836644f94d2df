# SPDX-License-Identifier: MIT
"""teplo.openai, .gemini and .anthropic: whole conversations with servers that check each request."""

import asyncio
import contextlib
import gc
import importlib
import json
import os
import signal
import threading
import urllib.request

import pytest

import teplo
import teplo.anthropic
import teplo.gemini
import teplo.openai
from fakes import AnthropicServer, Call, Calls, Finish, GeminiServer, OpenAIServer, Say
from teplo.testing import Answer, Delay, Fail, FakeBroker, Hold

PROMPT = "Що відомо про Гриню?"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def query_graph(query: str, graphs: list = None) -> str:
    """Reads a graph."""
    return json.dumps({"asked": query, "graphs": graphs}, ensure_ascii=False)


def list_graphs() -> str:
    return "Grynya"


def broken() -> str:
    raise ValueError("навмисна помилка")


def picture() -> dict:
    image = {"type": "image", "data": PNG, "mimeType": "image/png"}
    return {"content": [{"type": "text", "text": "see"}, image]}


TOOLS = [query_graph, list_graphs, broken, picture]


@pytest.fixture(scope="module", autouse=True)
def large_packages():
    """What is there once all is imported need not be looked at by each test's gc.collect()."""
    for name in ("openai", "anthropic", "google.genai"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def fake():
    with FakeBroker(tools=TOOLS) as broker:
        yield broker


@pytest.fixture
def pool(fake):
    pool = teplo.connect(fake.path)
    yield pool
    pool.close()


# One way to speak with each provider: with its SDK, or over HTTP with dicts.


class Chat:
    module, options = teplo.openai, {}
    server_class = OpenAIServer
    path = "/v1/chat/completions"

    def first(self):
        return [{"role": "user", "content": PROMPT}]

    def body(self, messages, tools):
        return {"model": "gpt-5", "messages": messages, "tools": tools}

    def client(self, server):
        openai = pytest.importorskip("openai")
        return openai.OpenAI(api_key="k", base_url=server.base_url, max_retries=0)

    def ask(self, client, messages, tools):
        return client.chat.completions.create(**self.body(messages, tools))


class Responses(Chat):
    options = {"api": "responses"}
    path = "/v1/responses"

    def body(self, messages, tools):
        return {"model": "gpt-5", "input": messages, "tools": tools, "store": False}

    def ask(self, client, messages, tools):
        return client.responses.create(**self.body(messages, tools))


class Gemini:
    module, options = teplo.gemini, {}
    server_class = GeminiServer
    path = "/v1beta/models/gemini-3-pro:generateContent"

    def first(self):
        return [{"role": "user", "parts": [{"text": PROMPT}]}]

    def body(self, messages, tools):
        return {"contents": messages, "tools": tools}

    def client(self, server):
        genai = pytest.importorskip("google.genai")
        options = genai.types.HttpOptions(base_url=server.url)
        return genai.Client(api_key="k", vertexai=False, http_options=options)

    def ask(self, client, messages, tools):
        return client.models.generate_content(
            model="gemini-3-pro", contents=messages, config={"tools": tools}
        )


class GeminiOpenApi(Gemini):
    options = {"schema": "openapi"}


class Anthropic:
    module, options = teplo.anthropic, {}
    server_class = AnthropicServer
    path = "/v1/messages"

    def first(self):
        return [{"role": "user", "content": PROMPT}]

    def body(self, messages, tools):
        return {"model": "claude", "max_tokens": 100, "messages": messages, "tools": tools}

    def client(self, server):
        anthropic = pytest.importorskip("anthropic")
        return anthropic.Anthropic(api_key="k", base_url=server.url, max_retries=0)

    def ask(self, client, messages, tools):
        return client.messages.create(**self.body(messages, tools))


WAYS = [Chat, Responses, Gemini, GeminiOpenApi, Anthropic]


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def way(request):
    return request.param()


@pytest.fixture
def server(way):
    with way.server_class() as server:
        yield server
        assert not server.refusals(), server.refusals()[0].reply


def post(way, server, messages, tools):
    """The reply's bytes."""
    body = json.dumps(way.body(messages, tools)).encode()
    headers = {
        "content-type": "application/json", "authorization": "Bearer k", "x-goog-api-key": "k",
        "x-api-key": "k", "anthropic-version": "2023-06-01",
    }  # fmt: skip
    request = urllib.request.Request(server.url + way.path, body, headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=20) as response:
        return response.read()


def tools_of(way, pool, *servers, **options):
    return way.module.tools_sync(pool, *servers, **way.options, **options)


TURNS = (
    Calls(Call("query_graph", {"query": "MATCH (n) RETURN n.name", "graphs": ["Grynya"]}), Call("list_graphs")),
    Calls(Call("broken"), Call("no_such_tool", {"a": 1}), Call("query_graph", {"query": "друга"})),
    Call("picture"),
    lambda answers: Say("що треба"),
)  # fmt: skip
MADE = [
    ("query_graph", {"query": "MATCH (n) RETURN n.name", "graphs": ["Grynya"]}),
    ("list_graphs", {}),
    ("broken", {}),
    ("query_graph", {"query": "друга"}),
    ("picture", {}),
]


def made(fake):
    """In the order of the turns; those of one turn come in any."""
    calls = [(call.tool, call.arguments) for call in fake.calls]
    return sorted(calls, key=lambda call: MADE.index(call) if call in MADE else 99)


def said_to_model(server):
    return json.dumps([one.body for one in server.requests], ensure_ascii=False)


def check_conversation(fake, server, turn):
    assert turn.text == "що треба" and not turn.calls and turn.problem is None
    assert made(fake) == MADE
    said = said_to_model(server)
    for part in ("Grynya", "навмисна помилка", "no_such_tool", "друга"):
        assert part in said
    # Protobuf's JSON knows both alphabets of base64.
    assert PNG in said or PNG.replace("+", "-").replace("/", "_") in said


def test_a_conversation_over_http_with_dicts_and_with_text(way, server, fake, pool):
    server.converse(PROMPT, *TURNS)
    tools = tools_of(way, pool)
    messages = way.first()
    forms = [json.loads, bytes, lambda body: body.decode(), json.loads]
    for number, form in enumerate(forms):
        turn = tools.run(form(post(way, server, messages, tools.declarations)))
        messages += turn
        assert bool(turn.calls) is (number < 3)
    check_conversation(fake, server, turn)


def test_a_conversation_with_the_providers_sdk(way, server, fake, pool):
    server.converse(PROMPT, *TURNS)
    tools = tools_of(way, pool)
    messages = way.first()
    with contextlib.closing(way.client(server)) as client:
        for _ in TURNS:
            turn = tools.run(way.ask(client, messages, tools.declarations))
            messages += turn
    check_conversation(fake, server, turn)


def test_a_conversation_in_an_event_loop(way, server, fake, pool, run):
    server.converse(PROMPT, *TURNS)

    async def main():
        tools = await way.module.tools(pool, **way.options)
        messages = way.first()
        while True:
            response = await asyncio.to_thread(post, way, server, messages, tools.declarations)
            turn = await tools.arun(response)
            messages += turn
            if not turn.calls:
                return turn

    check_conversation(fake, server, run(main))


def test_openai_keeps_the_conversation_itself(fake, pool):
    way = Responses()
    with OpenAIServer() as server, contextlib.closing(way.client(server)) as client:
        server.converse(PROMPT, *TURNS)
        tools = tools_of(way, pool)
        items, previous = way.first(), None
        for _ in TURNS:
            more = {"previous_response_id": previous} if previous else {}
            response = client.responses.create(
                model="gpt-5", input=items, tools=tools.declarations, store=True, **more
            )
            turn = tools.run(response)
            items, previous = turn.answers, response.id
        assert not server.refusals()
        assert turn.text == "що треба" and made(fake) == MADE


def test_the_sdks_parse_leaves_nothing_behind_that_is_refused(fake, pool):
    pytest.importorskip("openai")
    with OpenAIServer() as server, contextlib.closing(Chat().client(server)) as client:
        server.converse(PROMPT, Call("list_graphs"), Say("так"))
        tools = teplo.openai.tools_sync(pool, strict=True, only=["list_graphs"])
        messages = Chat().first()
        for _ in range(2):
            made = client.chat.completions.parse(
                model="gpt-5", messages=messages, tools=tools.declarations
            )
            messages += tools.run(made)
        assert not server.refusals() and len(fake.calls) == 1


def test_gemini_gets_its_own_content_back(fake, pool):
    genai = pytest.importorskip("google.genai")
    signature = bytes(range(256))
    call = genai.types.FunctionCall(name="list_graphs", args={}, id="1")
    part = genai.types.Part(function_call=call, thought_signature=signature)
    content = genai.types.Content(role="model", parts=[part])
    response = genai.types.GenerateContentResponse(candidates=[{"content": content}])
    tools = teplo.gemini.tools_sync(pool)
    for given in (response, content):
        turn = tools.run(given)
        assert turn[0].parts[0].thought_signature == signature
        assert turn[1]["parts"][0]["functionResponse"]["response"] == {"output": "Grynya"}


# How calls are made.


def calls_response(*calls):
    """A Chat response with these calls."""
    made = [
        {"id": f"c{number}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for number, (name, arguments) in enumerate(calls)
    ]  # fmt: skip
    return {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": made}}]}


def contents(turn):
    return [message["content"] for message in turn.answers]


TWO = calls_response(("query_graph", {"query": "1"}), ("query_graph", {"query": "2"}))
MANY = calls_response(*(("query_graph", {"query": str(number)}) for number in range(50)))


@pytest.fixture(params=["run", "arun"])
def answer(request, run):
    """answer(tools, response): both ways to make the calls."""
    if request.param == "run":
        return lambda tools, response: tools.run(response)
    return lambda tools, response: run(lambda: tools.arun(response))


def test_calls_of_a_turn_are_under_way_together_and_answered_in_order(fake, pool, answer):
    fake.plan("query_graph", Hold(), Hold())
    tools = teplo.openai.tools_sync(pool)
    together = []

    def release():
        together.extend(fake.wait_calls(2))
        fake.release()

    thread = threading.Thread(target=release)
    thread.start()
    turn = answer(tools, TWO)
    thread.join()
    assert len(together) == 2
    assert ["1" in contents(turn)[0], "2" in contents(turn)[1]] == [True, True]


def test_max_parallel_is_kept(fake, pool, answer):
    lock, now, most = threading.Lock(), [0], [0]

    def counted(query: str) -> str:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        barrier.wait(10)
        with lock:
            now[0] -= 1
        return query

    barrier = threading.Barrier(2)  # two at a time must meet, and a third would be counted
    fake.add(counted, name="query_graph")
    tools = teplo.openai.tools_sync(pool, max_parallel=2)
    turn = answer(tools, MANY)
    assert contents(turn) == [str(number) for number in range(50)]
    assert most[0] == 2


@pytest.mark.parametrize("outcome", ["unknown", "result_lost", "not_executed"])
def test_what_fails_is_told_to_the_model(fake, pool, answer, outcome):
    reason = {"not_executed": "denied"}.get(outcome)
    fake.plan("query_graph", Fail(outcome, reason=reason), None)
    turn = answer(teplo.openai.tools_sync(pool, max_parallel=1), TWO)
    failed, fine = contents(turn)
    words = {"unknown": "OUTCOME UNKNOWN", "result_lost": "RESULT LOST", "not_executed": "NOT EXECUTED"}
    assert failed.startswith("Error: ") and words[outcome] in failed
    assert not fine.startswith("Error")


def test_a_calls_timeout_is_an_answer(fake, pool, answer):
    fake.plan("query_graph", Delay(60), None)
    turn = answer(teplo.openai.tools_sync(pool, timeout=0.3, max_parallel=1), TWO)
    assert contents(turn)[0].startswith("Error: Timeout")
    assert "2" in contents(turn)[1]
    assert 0 < fake.calls[0].deadline_ms <= 300


def test_a_broker_that_went_away_is_an_answer_for_each_call(pool, fake, answer):
    tools = teplo.openai.tools_sync(pool, timeout=0.3)
    fake.stop()
    turn = answer(tools, TWO)
    assert len(turn.answers) == 2
    assert all(text.startswith("Error: ") for text in contents(turn))


def test_a_dropped_connection_is_an_answer(fake, pool, answer):
    fake.plan("query_graph", Hold(), Hold())
    tools = teplo.openai.tools_sync(pool)
    thread = threading.Thread(target=lambda: (fake.wait_calls(2), fake.drop_connections()))
    thread.start()
    turn = answer(tools, TWO)
    thread.join()
    assert all(text.startswith("Error: ConnectionLost") for text in contents(turn))


def test_cancelling_arun_cancels_the_calls(fake, pool, run):
    fake.plan("query_graph", Hold(), Hold())
    tools = teplo.openai.tools_sync(pool)

    async def main():
        task = asyncio.ensure_future(tools.arun(TWO))
        await asyncio.to_thread(fake.wait_calls, 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(fake.wait_cancelled, 2)
        assert (await tools.arun(TWO)).answers

    run(main)


def test_keyboard_interrupt_ends_run_and_cancels_the_calls(fake, pool):
    fake.plan("query_graph", Hold(), Hold())
    tools = teplo.openai.tools_sync(pool)

    def interrupt():
        fake.wait_calls(2)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        tools.run(TWO)
    thread.join()
    fake.wait_cancelled(2)
    assert len(tools.run(TWO).answers) == 2


def test_one_toolset_from_many_threads_and_loops(fake, pool):
    tools = teplo.openai.tools_sync(pool)
    failures = []

    def use(number):
        try:
            for _ in range(3):
                turn = asyncio.run(tools.arun(MANY)) if number % 2 else tools.run(MANY)
                assert [f'"{i}"' in text for i, text in enumerate(contents(turn))] == [True] * 50
                assert tools.declarations
        except BaseException as failure:  # noqa: BLE001
            failures.append(failure)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_run_in_an_event_loop_says_what_it_does(fake, pool, run):
    tools = teplo.openai.tools_sync(pool)

    async def main():
        for blocking in (lambda: tools.run(TWO), tools.refresh, lambda: teplo.openai.tools_sync(pool)):
            with pytest.raises(RuntimeError, match="stops the event loop"):
                blocking()

    run(main)


# Which tools.


def test_several_servers_get_prefixes(answer):
    with FakeBroker(pools=["one", "two"]) as broker:
        broker.add(lambda: "1", name="same", pool="one")
        broker.add(lambda: "2", name="same", pool="two")
        pool = teplo.connect(broker.path)
        tools = teplo.openai.tools_sync(pool, "one", "two")
        names = [tool["function"]["name"] for tool in tools.declarations]
        assert names == ["one__same", "two__same"]
        turn = answer(tools, calls_response(("two__same", {}), ("one__same", {})))
        assert contents(turn) == ["2", "1"]
        with pytest.raises(teplo.InvalidRequest, match="same"):
            teplo.openai.tools_sync(pool, "one", "two", prefix=False)
        alone = teplo.openai.tools_sync(pool, "two")
        assert [tool["function"]["name"] for tool in alone.declarations] == ["same"]
        assert contents(answer(alone, calls_response(("same", {})))) == ["2"]
        with pytest.raises(teplo.NoSuchPool):
            teplo.openai.tools_sync(pool)
        with pytest.raises(teplo.InvalidRequest, match="named twice"):
            teplo.openai.tools_sync(pool, "one", "one")
        pool.close()


def names(tools):
    return [tool["function"]["name"] for tool in tools.declarations]


def test_only_some_tools(pool):
    tools = teplo.openai.tools_sync(pool, only={"list_graphs", "picture"})
    assert names(tools) == ["list_graphs", "picture"]


def test_refresh_finds_new_tools_and_keeps_the_old_ones_if_it_fails(fake, pool, run):
    tools = teplo.openai.tools_sync(pool, timeout=0.3)
    fake.add(lambda: "n", name="new")
    assert "new" not in names(tools)
    tools.refresh()
    assert "new" in names(tools)
    fake.remove("new")
    run(tools.arefresh)
    assert "new" not in names(tools)
    fake.stop()
    with pytest.raises(teplo.Error):
        tools.refresh()
    assert names(tools) == [tool.__name__ for tool in TOOLS]


def test_a_tool_that_cannot_be_said_is_left_out_and_reported(fake, pool, way):
    fake.add(lambda: "x", name="text_alone", schema={"type": "string"})
    tools = tools_of(way, pool)
    assert "text_alone" not in json.dumps(tools.declarations)
    assert "text_alone" in json.dumps(tools.diagnostics)


def test_arguments_are_mended_by_the_tools_schema(fake, pool):
    tools = teplo.openai.tools_sync(pool)
    tools.run(calls_response(("query_graph", {"query": "q", "graphs": None})))
    assert fake.calls[0].arguments == {"query": "q"}


def test_large_integers_arrive_as_they_are(fake, pool):
    fake.add(lambda number: str(number), name="echo")
    response = calls_response(("echo", {"number": 9223372036854775807}))
    assert contents(teplo.openai.tools_sync(pool).run(response)) == ["9223372036854775807"]


# Pieces.


def test_calls_alone_make_none(fake, pool):
    tools = teplo.openai.tools_sync(pool)
    turn = tools.calls(TWO)
    assert [call["arguments"] for call in turn.calls] == [{"query": "1"}, {"query": "2"}]
    assert len(turn) == 1 and turn.answers == [] and not fake.calls
    messages = tools.answer(turn.calls, [{"content": [{"type": "text", "text": "мій"}]}, ValueError("own")])
    assert messages[0]["content"] == "мій"
    assert messages[1]["content"].startswith("Error: ValueError: own")
    result = pool.call_tool_sync("list_graphs")
    assert tools.answer(turn.calls[:1], [result])[0]["content"] == "Grynya"
    with pytest.raises(teplo.InvalidRequest, match="2 calls and 1 outcomes"):
        tools.answer(turn.calls, [None])


def test_a_turn_with_a_problem_says_so(pool):
    with GeminiServer() as server:
        server.converse(PROMPT, Finish("MALFORMED_FUNCTION_CALL"))
        tools = teplo.gemini.tools_sync(pool)
        turn = tools.run(post(Gemini(), server, Gemini().first(), tools.declarations))
    assert not turn.calls and "MALFORMED_FUNCTION_CALL" in turn.problem


def test_an_answer_as_planned_reaches_the_model_as_it_stands(fake, pool, answer):
    fake.plan("list_graphs", Answer({"content": [], "structuredContent": {"k": [1]}, "isError": False}))
    turn = answer(teplo.openai.tools_sync(pool), calls_response(("list_graphs", {})))
    assert json.loads(contents(turn)[0]) == {"k": [1]}


def test_toolsets_are_freed(pool):
    import weakref

    kept = [weakref.ref(teplo.openai.tools_sync(pool)._native) for _ in range(10)]
    gc.collect()
    assert not any(reference() for reference in kept)
