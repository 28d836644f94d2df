# SPDX-License-Identifier: MIT
"""The providers' own SDKs, used as their documentation says, pass the fakes' checks."""

import json

import pytest

from fakes import AnthropicServer, Call, Calls, Failure, GeminiServer, OpenAIServer, Say
from fakes_ways import GRAPH, GRAPH_OPENAPI, STRICT

PROMPT = "Що відомо про Гриню?"
TURNS = (
    Calls(Call("query_graph", {"query": "MATCH (n) RETURN n"}), Call("list_graphs")),
    Call("query_graph", {"query": "q", "graphs": ["Grynya"]}),
    lambda answers: Say(f"answered {answers[0].name}: {answers[0].text}"),
)
ANSWERED = "answered query_graph: 42"


def openai_sdk(server):
    openai = pytest.importorskip("openai")
    return openai.OpenAI(api_key="k", base_url=server.base_url, max_retries=0)


def test_openai_chat_completions():
    tools = [
        {"type": "function", "function": {"name": "query_graph", "parameters": GRAPH}},
        {"type": "function", "function": {"name": "list_graphs"}},
        {"type": "function", "function": {"name": "s", "parameters": STRICT, "strict": True}},
    ]
    with OpenAIServer() as server:
        server.converse(PROMPT, *TURNS)
        client = openai_sdk(server)
        messages = [{"role": "user", "content": PROMPT}]
        while True:
            made = client.chat.completions.create(model="gpt-5", messages=messages, tools=tools)
            message = made.choices[0].message
            if not message.tool_calls:
                break
            messages.append(message)
            for call in message.tool_calls:
                json.loads(call.function.arguments)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": "42"})
        assert message.content == ANSWERED
        assert not server.refusals() and len(server.requests) == 3


@pytest.mark.parametrize("is_stateful", [False, True])
def test_openai_responses(is_stateful):
    tools = [
        {"type": "function", "name": "query_graph", "parameters": GRAPH, "strict": False},
        {"type": "function", "name": "list_graphs", "parameters": None, "strict": False},
    ]
    with OpenAIServer() as server:
        server.converse(PROMPT, *TURNS)
        client = openai_sdk(server)
        items, previous = [{"role": "user", "content": PROMPT}], None
        while True:
            more = {"previous_response_id": previous} if previous else {}
            made = client.responses.create(
                model="gpt-5", input=items, tools=tools, store=is_stateful, **more
            )
            calls = [item for item in made.output if item.type == "function_call"]
            if not calls:
                break
            if is_stateful:
                items, previous = [], made.id
            else:
                items = items + made.output
            for call in calls:
                items.append(
                    {"type": "function_call_output", "call_id": call.call_id, "output": "42"}
                )
        assert made.output_text == ANSWERED
        assert not server.refusals() and len(server.requests) == 3


def test_openai_raises_what_the_real_one_would():
    openai = pytest.importorskip("openai")
    with OpenAIServer() as server:
        server.converse(PROMPT, Failure(429, "slow down", retry_after=2), Failure(500))
        client = openai_sdk(server)
        messages = [{"role": "user", "content": PROMPT}]
        with pytest.raises(openai.RateLimitError) as limited:
            client.chat.completions.create(model="gpt-5", messages=messages)
        assert limited.value.response.headers["retry-after"] == "2"
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model="gpt-5", messages=messages)
        bad = [{"type": "function", "function": {"name": "a.b"}}]
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(model="gpt-5", messages=messages, tools=bad)
        assert refused.value.param == "tools[0].function.name"


@pytest.mark.parametrize("schema", ["parameters_json_schema", "parameters"])
@pytest.mark.parametrize("with_ids", [True, False])
def test_google_genai(schema, with_ids):
    genai = pytest.importorskip("google.genai")
    types = genai.types
    declared = [
        types.FunctionDeclaration(
            name="query_graph",
            description="d",
            **{schema: GRAPH if schema == "parameters_json_schema" else GRAPH_OPENAPI},
        ),
        types.FunctionDeclaration(name="list_graphs", description="d"),
    ]
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=declared)],
        system_instruction="be brief",
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    with GeminiServer(with_ids) as server:
        server.converse(PROMPT, *TURNS)
        options = types.HttpOptions(base_url=server.url)
        client = genai.Client(api_key="k", vertexai=False, http_options=options)
        contents = [types.Content(role="user", parts=[types.Part(text=PROMPT)])]
        while True:
            made = client.models.generate_content(
                model="gemini-3-pro", contents=contents, config=config
            )
            if not made.function_calls:
                break
            contents.append(made.candidates[0].content)
            parts = [
                types.Part(
                    function_response=types.FunctionResponse(
                        name=call.name, id=call.id, response={"output": "42"}
                    )
                )
                for call in made.function_calls
            ]
            contents.append(types.Content(role="user", parts=parts))
        assert made.text == ANSWERED
        assert not server.refusals() and len(server.requests) == 3


def test_google_genai_raises_what_the_real_one_would():
    genai = pytest.importorskip("google.genai")
    types = genai.types
    with GeminiServer() as server:
        server.converse(PROMPT, Failure(500))
        options = types.HttpOptions(base_url=server.url)
        client = genai.Client(api_key="k", vertexai=False, http_options=options)
        with pytest.raises(genai.errors.ServerError):
            client.models.generate_content(model="gemini-3-pro", contents=PROMPT)
        bad = types.FunctionDeclaration(
            name="f", parameters={"type": "OBJECT", "properties": {"a": {"type": "ARRAY"}}}
        )
        config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[bad])])
        with pytest.raises(genai.errors.ClientError) as refused:
            client.models.generate_content(model="gemini-3-pro", contents=PROMPT, config=config)
        assert "items: missing field" in str(refused.value)


def test_anthropic():
    anthropic = pytest.importorskip("anthropic")
    tools = [
        {"name": "query_graph", "description": "d", "input_schema": GRAPH},
        {"name": "list_graphs", "input_schema": {"type": "object", "properties": {}}},
    ]
    with AnthropicServer() as server:
        server.converse(PROMPT, *TURNS)
        client = anthropic.Anthropic(api_key="k", base_url=server.url, max_retries=0)
        messages = [{"role": "user", "content": PROMPT}]
        while True:
            made = client.messages.create(
                model="claude", max_tokens=100, messages=messages, tools=tools
            )
            if made.stop_reason != "tool_use":
                break
            messages.append({"role": "assistant", "content": made.content})
            results = [
                {"type": "tool_result", "tool_use_id": block.id, "content": "42"}
                for block in made.content
                if block.type == "tool_use"
            ]
            messages.append({"role": "user", "content": results})
        assert made.content[0].text == ANSWERED
        assert not server.refusals() and len(server.requests) == 3
        with pytest.raises(anthropic.BadRequestError):
            client.messages.create(
                model="claude", max_tokens=9, messages=messages, tools=[{"name": "a.b"}]
            )
