# SPDX-License-Identifier: MIT
"""Each rule of the fake OpenAI: one request that it refuses, and one that it takes."""

import pytest

from fakes import Call, Calls, Failure, OpenAIServer, Say
from fakes_ways import GRAPH, STRICT, Drop, Put, changed, post

CHAT = {
    "model": "gpt-5",
    "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "find"}],
    "tools": [
        {
            "type": "function",
            "function": {"name": "query_graph", "description": "d", "parameters": GRAPH},
        }
    ],
}
RESPONSES = {
    "model": "gpt-5",
    "instructions": "be brief",
    "input": [{"role": "user", "content": "find"}],
    "tools": [
        {
            "type": "function",
            "name": "query_graph",
            "description": "d",
            "parameters": GRAPH,
            "strict": False,
        }
    ],
}
FUNCTION = "tools.0.function"
NAMED = {"type": "function", "function": {"name": "query_graph"}}
EMPTY = {"type": "object", "properties": {}}


def many(count):
    return [{"type": "function", "function": {"name": f"t{number}"}} for number in range(count)]


def strict(*ways):
    """A strict tool whose schema is changed by WAYS."""
    return [Put(f"{FUNCTION}.strict", True), Put(f"{FUNCTION}.parameters", changed(STRICT, *ways))]


RIGHT = {
    "as it is": [],
    "no tools": [Drop("tools")],
    "no parameters": [Drop(f"{FUNCTION}.parameters")],
    "no arguments": [Put(f"{FUNCTION}.parameters", EMPTY)],
    "items of any type": [Put(f"{FUNCTION}.parameters.properties.graphs.items", {})],
    "a name of 64": [Put(f"{FUNCTION}.name", "n" * 64)],
    "128 tools": [Put("tools", many(128))],
    "a description of 1024": [Put(f"{FUNCTION}.description", "ї" * 1024)],
    "required": [Put("tool_choice", "required")],
    "named": [Put("tool_choice", NAMED)],
    "one at a time": [Put("parallel_tool_calls", False)],
    "strict": strict(),
    "strict recursion": strict(
        Put("$defs", {"N": STRICT}), Put("properties.limit", {"$ref": "#/$defs/N"})
    ),
    "image from the user": [
        Put("messages.1.content", [
            {"type": "text", "text": "find"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
        ])
    ],
}  # fmt: skip

WRONG = {
    "unknown field": ([Put("max_token", 1)], "Unknown parameter: 'max_token'"),
    "no model": ([Drop("model")], "Missing required parameter: 'model'"),
    "no messages": ([Put("messages", [])], "empty array"),
    "role of Gemini": ([Put("messages.1.role", "model")], "messages[1].role"),
    "unknown field of a message": ([Put("messages.1.parts", [])], "messages[1].parts"),
    "unknown kind of content": (
        [Put("messages.1.content", [{"type": "input_text", "text": "x"}])],
        "messages[1].content[0].type",
    ),
    "an image from the system": (
        [Put("messages.0.content", [{"type": "image_url", "image_url": {"url": "x"}}])],
        "only allowed for messages with role 'user'",
    ),
    "empty tools": ([Put("tools", [])], "empty array"),
    "flat tool": ([Put("tools.0", RESPONSES["tools"][0])], "Unknown parameter: 'tools[0].name'"),
    "unknown field of a function": ([Put(f"{FUNCTION}.inputSchema", {})], "inputSchema"),
    "a name with a dot": ([Put(f"{FUNCTION}.name", "a.b")], "does not match pattern"),
    "no letters of ours": ([Put(f"{FUNCTION}.name", "запит")], "does not match pattern"),
    "a name of 65": ([Put(f"{FUNCTION}.name", "n" * 65)], "maximum length 64, but got"),
    "129 tools": ([Put("tools", many(129))], "maximum length 128"),
    "a description of 1025": ([Put(f"{FUNCTION}.description", "x" * 1025)], "maximum length 1024"),
    "no type": ([Drop(f"{FUNCTION}.parameters.type")], "schema must be a JSON Schema of 'type"),
    "no properties": (
        [Put(f"{FUNCTION}.parameters", {"type": "object"})],
        "object schema missing properties",
    ),
    "array without items": (
        [Drop(f"{FUNCTION}.parameters.properties.graphs.items")],
        "In context=('properties', 'graphs'), array schema missing items",
    ),
    "$schema": ([Put(f"{FUNCTION}.parameters.$schema", "x")], "$schema"),
    "a type that is none": ([Put(f"{FUNCTION}.parameters.properties.query.type", "STRING")], "STRING"),
    "a choice that is none": ([Put("tool_choice", "any")], "tool_choice"),
    "a choice of what is not there": (
        [Put("tool_choice", {"type": "function", "function": {"name": "x"}})],
        "Tool choice 'x' not found",
    ),
    "required without tools": ([Drop("tools"), Put("tool_choice", "required")], "tool_choice"),
    "parallel without tools": ([Drop("tools"), Put("parallel_tool_calls", True)], "only allowed"),
    "strict, open": (strict(Drop("additionalProperties")), "'additionalProperties' is required"),
    "strict, optional": (strict(Put("required", ["query"])), "Missing 'limit'"),
    "strict, untyped": (strict(Put("properties.query", {})), "must have a 'type' key"),
    "strict, untyped items": (
        strict(Put("properties.query", {"type": "array", "items": {}})),
        "must have a 'type' key",
    ),
    "strict, oneOf": (strict(Put("properties.query", {"oneOf": [{"type": "null"}]})), "'type' key"),
    "strict, minLength": (strict(Put("properties.query.minLength", 1)), "'minLength' is not permitted"),
    "strict, default": (strict(Put("properties.query.default", "")), "'default' is not permitted"),
    "strict, format uri": (strict(Put("properties.query.format", "uri")), "'uri' is not a valid format"),
    "strict, lookahead": (strict(Put("properties.query.pattern", "(?=a)")), "lookaround"),
    "strict, neighbour of $ref": (
        strict(
            Put("$defs", {"N": STRICT}),
            Put("properties.limit", {"$ref": "#/$defs/N", "description": "d"}),
        ),
        "$ref cannot have keywords",
    ),
    "strict, reference to nothing": (
        strict(Put("properties.limit", {"$ref": "#/$defs/N"})),
        "leads nowhere",
    ),
}
for word in ("anyOf", "oneOf", "allOf", "enum", "not"):
    WRONG[f"{word} at the root"] = ([Put(f"{FUNCTION}.parameters.{word}", [])], "at the top level")
for word in ("not", "if", "dependentRequired", "patternProperties", "uniqueItems", "contains"):
    WRONG[f"strict, {word}"] = (
        strict(Put(f"properties.query.{word}", {})),
        f"'{word}' is not permitted",
    )


def nested(levels):
    schema = {"type": "string"}
    for _ in range(levels):
        schema = {
            "type": "object",
            "properties": {"x": schema},
            "required": ["x"],
            "additionalProperties": False,
        }
    return [Put(f"{FUNCTION}.strict", True), Put(f"{FUNCTION}.parameters", schema)]


RIGHT["strict, 10 levels"] = nested(10)
WRONG["strict, 11 levels"] = (nested(11), "nested more than 10 levels")


@pytest.fixture
def openai():
    with OpenAIServer() as server:
        yield server


def chat(server, body):
    return post(server.base_url + "/chat/completions", body)


def responses(server, body):
    return post(server.base_url + "/responses", body)


@pytest.mark.parametrize("case", RIGHT)
def test_chat_takes(openai, case):
    openai.converse("find", Say("found"))
    status, _, reply = chat(openai, changed(CHAT, *RIGHT[case]))
    assert status == 200, reply
    assert reply["choices"][0]["message"]["content"] == "found"


@pytest.mark.parametrize("case", WRONG)
def test_chat_refuses(openai, case):
    openai.converse("find", Say("found"))
    ways, words = WRONG[case]
    status, _, reply = chat(openai, changed(CHAT, *ways))
    assert status == 400, reply
    assert set(reply["error"]) == {"message", "type", "param", "code"}
    assert reply["error"]["type"] == "invalid_request_error"
    assert words in reply["error"]["message"], reply


@pytest.fixture
def chat_step(openai):
    openai.converse("find", Calls(Call("query_graph", {"query": "q"}), Call("other")), Say("done"))
    _, _, reply = chat(openai, CHAT)
    message = reply["choices"][0]["message"]
    ways = [Put("messages.+", message)]
    for call in message["tool_calls"]:
        ways.append(
            Put("messages.+", {"role": "tool", "tool_call_id": call["id"], "content": "42"})
        )
    return changed(CHAT, *ways)


def swap_answers(body):
    body["messages"][3:5] = body["messages"][4:2:-1]


CHAT_STEP_RIGHT = {
    "as it is": [],
    "in another order": [swap_answers],
    "text parts": [Put("messages.3.content", [{"type": "text", "text": "42"}])],
    "malformed arguments": [Put("messages.2.tool_calls.0.function.arguments", '{"query": ')],
    "more from the user": [Put("messages.+", {"role": "user", "content": "and then?"})],
}
CHAT_STEP_WRONG = {
    "an answer is missing": ([Drop("messages.4")], "did not have response messages: call_1_1"),
    "answers too late": (
        [Drop("messages.4"), Put("messages.+", {"role": "user", "content": "x"})],
        "did not have response messages",
    ),
    "answered twice": (
        [Put("messages.+", {"role": "tool", "tool_call_id": "call_1_0", "content": "x"})],
        "must be a response to",
    ),
    "an answer to nothing": ([Put("messages.3.tool_call_id", "call_x")], "must be a response to"),
    "no id": ([Drop("messages.3.tool_call_id")], "tool_call_id"),
    "an image": (
        [Put("messages.3.content", [{"type": "image_url", "image_url": {"url": "x"}}])],
        "only allowed for messages with role 'user'",
    ),
    "an object as the answer": ([Put("messages.3.content", {"a": 1})], "expected an array"),
    "an error flag": ([Put("messages.3.is_error", True)], "Unknown parameter"),
    "arguments are an object": (
        [Put("messages.2.tool_calls.0.function.arguments", {})],
        "expected a string",
    ),
    "no calls": ([Put("messages.2.tool_calls", [])], "empty array"),
    "nothing at all": (
        [Drop("messages.4"), Drop("messages.3"), Drop("messages.2.tool_calls")],
        "expected a string",
    ),
}


@pytest.mark.parametrize("case", CHAT_STEP_RIGHT)
def test_chat_takes_answers(openai, chat_step, case):
    status, _, reply = chat(openai, changed(chat_step, *CHAT_STEP_RIGHT[case]))
    assert status == 200, reply


@pytest.mark.parametrize("case", CHAT_STEP_WRONG)
def test_chat_refuses_answers(openai, chat_step, case):
    ways, words = CHAT_STEP_WRONG[case]
    status, _, reply = chat(openai, changed(chat_step, *ways))
    assert status == 400, reply
    assert words in reply["error"]["message"], reply


# Responses.

RESPONSES_RIGHT = {
    "as it is": [],
    "plain text": [Put("input", "find")],
    "no parameters": [Put("tools.0.parameters", None)],
    "strict by default": [Drop("tools.0.strict"), Put("tools.0.parameters", STRICT)],
}
RESPONSES_WRONG = {
    "unknown field": ([Put("messages", [])], "Unknown parameter: 'messages'"),
    "nested tool": ([Put("tools.0", CHAT["tools"][0])], "Unknown parameter: 'tools[0].function'"),
    "parameters left out": ([Drop("tools.0.parameters")], "Missing required parameter"),
    "strict left out": ([Drop("tools.0.strict")], "'additionalProperties' is required"),
    "strict null": ([Put("tools.0.strict", None)], "'additionalProperties' is required"),
    "a choice as in Chat": ([Put("tool_choice", NAMED)], "Unknown parameter"),
    "array without items": ([Drop("tools.0.parameters.properties.graphs.items")], "missing items"),
    "an item that is none": ([Put("input.0.type", "text")], "input[0].type"),
    "role tool": ([Put("input.0.role", "tool")], "input[0].role"),
    "text as in Chat": ([Put("input.0.content", [{"type": "text", "text": "x"}])], "content[0].type"),
    "a response nobody gave": ([Put("previous_response_id", "resp_9")], "not found"),
}


@pytest.mark.parametrize("case", RESPONSES_RIGHT)
def test_responses_takes(openai, case):
    openai.converse("find", Say("found"))
    status, _, reply = responses(openai, changed(RESPONSES, *RESPONSES_RIGHT[case]))
    assert status == 200, reply
    assert reply["output"][1]["content"][0]["text"] == "found"


@pytest.mark.parametrize("case", RESPONSES_WRONG)
def test_responses_refuses(openai, case):
    openai.converse("find", Say("found"))
    ways, words = RESPONSES_WRONG[case]
    status, _, reply = responses(openai, changed(RESPONSES, *ways))
    assert status == 400, reply
    assert words in reply["error"]["message"], reply


@pytest.fixture
def responses_step(openai):
    """input: the user, reasoning, two calls, two outputs."""
    openai.converse("find", Calls(Call("query_graph", {"query": "q"}), Call("other")), Say("done"))
    _, _, reply = responses(openai, RESPONSES)
    ways = [Put("input.+", item) for item in reply["output"]]
    for item in reply["output"][1:]:
        ways.append(
            Put(
                "input.+",
                {"type": "function_call_output", "call_id": item["call_id"], "output": "42"},
            )
        )
    return changed(RESPONSES, *ways)


IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}
RESPONSES_STEP_RIGHT = {
    "as it is": [],
    "an image": [Put("input.4.output", [{"type": "input_text", "text": "see"}, IMAGE])],
    "only what is new": [
        Put("previous_response_id", "resp_1"),
        Drop("input.3"), Drop("input.2"), Drop("input.1"), Drop("input.0"),
    ],
}  # fmt: skip
RESPONSES_STEP_WRONG = {
    "an output is missing": ([Drop("input.5")], "No tool output found for function call call_1_1"),
    "an output for nothing": ([Put("input.4.call_id", "fc_1_0")], "No tool call found"),
    "an output twice": ([Put("input.5.call_id", "call_1_0")], "Duplicate output"),
    "calls left out": ([Drop("input.2")], "No tool call found"),
    "reasoning left out": ([Drop("input.1")], "without its required 'reasoning' item: 'rs_1'"),
    "reasoning moved": (
        [lambda body: body["input"].append(body["input"].pop(1))],
        "required 'reasoning' item",
    ),
    "id of the call": ([Put("input.2.id", "call_1_0")], "begins with 'fc'"),
    "an object as output": ([Put("input.4.output", {})], "expected an array"),
    "text as in Chat": ([Put("input.4.output", [{"type": "text", "text": "x"}])], "output[0].type"),
    "an image as in Chat": (
        [Put("input.4.output", [{**IMAGE, "image_url": None, "file_id": "f"}])],
        "exactly one source",
    ),
    "arguments are an object": ([Put("input.2.arguments", {})], "expected a string"),
}


@pytest.mark.parametrize("case", RESPONSES_STEP_RIGHT)
def test_responses_takes_outputs(openai, responses_step, case):
    status, _, reply = responses(openai, changed(responses_step, *RESPONSES_STEP_RIGHT[case]))
    assert status == 200, reply
    assert reply["output"][-1]["content"][0]["text"] == "done"


@pytest.mark.parametrize("case", RESPONSES_STEP_WRONG)
def test_responses_refuses_outputs(openai, responses_step, case):
    ways, words = RESPONSES_STEP_WRONG[case]
    status, _, reply = responses(openai, changed(responses_step, *ways))
    assert status == 400, reply
    assert words in reply["error"]["message"], reply


def test_what_else_it_answers(openai):
    openai.converse("find", Failure(429, retry_after=3), Failure(500), Call("x", text='{"a": '))
    status, headers, reply = chat(openai, CHAT)
    assert (status, headers["retry-after"], reply["error"]["type"]) == (429, "3", "requests")
    assert chat(openai, CHAT)[0] == 500
    _, _, reply = chat(openai, CHAT)
    assert reply["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"a": '
    assert reply["choices"][0]["finish_reason"] == "tool_calls"
    assert post(openai.base_url + "/chat/completions", CHAT, {})[0] == 401
    assert post(openai.base_url + "/completions", CHAT)[0] == 404
