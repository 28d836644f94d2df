# SPDX-License-Identifier: MIT
"""Each rule of the fake Gemini: one request that it refuses, and one that it takes."""

import pytest

from fakes import Call, Calls, Failure, Finish, GeminiServer, Say
from fakes_ways import GRAPH, GRAPH_OPENAPI, PNG, Drop, Put, changed, complaints, post  # noqa: F401

PATH = "/v1beta/models/gemini-3-pro:generateContent"
TOOLS = "tools.0.functionDeclarations"
TOOL = f"{TOOLS}.0"
SCHEMA = f"{TOOL}.parametersJsonSchema"
OPENAPI = f"{TOOLS}.1.parameters"
GRAPHS = f"{OPENAPI}.properties.graphs"
CALLING = "toolConfig.functionCallingConfig"
BODY = {
    "contents": [{"role": "user", "parts": [{"text": "find"}]}],
    "systemInstruction": {"parts": [{"text": "be brief"}]},
    "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
    "tools": [
        {
            "functionDeclarations": [
                {"name": "query_graph", "description": "d", "parametersJsonSchema": GRAPH},
                {"name": "old_style", "description": "d", "parameters": GRAPH_OPENAPI},
            ]
        }
    ],
}
OBJECT = {"type": "OBJECT"}
STRING = {"type": "STRING"}


def many(count):
    return [{"name": f"t{number}"} for number in range(count)]


def in_snake_case(body):
    body["system_instruction"] = body.pop("systemInstruction")
    tool = body["tools"][0] = {"function_declarations": body["tools"][0]["functionDeclarations"]}
    declared = tool["function_declarations"][0]
    declared["parameters_json_schema"] = declared.pop("parametersJsonSchema")


RIGHT = {
    "as it is": [],
    "in protobuf's own spelling": [in_snake_case],
    "no tools at all": [Drop("tools"), Drop("toolConfig")],
    "no role": [Drop("contents.0.role")],
    "mode ANY with allowed names": [
        Put(CALLING, {"mode": "ANY", "allowedFunctionNames": ["query_graph"]})
    ],
    "mode VALIDATED": [Put(f"{CALLING}.mode", "VALIDATED")],
    "a name of 64": [Put(f"{TOOL}.name", "n" * 64)],
    "dots and colons in a name": [Put(f"{TOOL}.name", "_a.b:c-d")],
    "512 tools": [Put(TOOLS, many(512)), Drop("toolConfig")],
    "no parameters": [Drop(SCHEMA)],
    "object without properties": [Put(OPENAPI, OBJECT)],
    "JSON schema with empty properties": [Put(SCHEMA, {"type": "object", "properties": {}})],
    "enum of strings": [Put(f"{GRAPHS}.items", {"type": "STRING", "enum": ["a", "b"]})],
    "date-time": [Put(f"{GRAPHS}.items.format", "date-time")],
    "int64 as text": [Put(f"{GRAPHS}.maxItems", "3")],
    "anyOf alone": [Put(GRAPHS, {"anyOf": [STRING, {"type": "INTEGER", "format": "int64"}]})],
    "nullable": [Put(f"{GRAPHS}.nullable", True)],
    "ordering": [Put(f"{OPENAPI}.propertyOrdering", ["query", "graphs"])],
    "JSON enum of numbers": [Put(f"{SCHEMA}.properties.query.enum", ["a", 1, 2.5])],
    "JSON items of any type": [Put(f"{SCHEMA}.properties.graphs.items", {})],
    "JSON open object": [Put(f"{SCHEMA}.additionalProperties", True)],
    "JSON recursion": [
        Put(f"{SCHEMA}.$defs", {"N": {"type": "object", "properties": {"n": {"$ref": "#/$defs/N"}}}}),
        Put(f"{SCHEMA}.properties.query", {"$ref": "#/$defs/N"}),
    ],
    "image from the user": [
        Put("contents.0.parts.+", {"inlineData": {"mimeType": "image/png", "data": PNG}})
    ],
}

WRONG = {
    "unknown field": ([Put("toolChoice", "auto")], 'Unknown name "toolChoice" at \'(root)\''),
    "no contents": ([Drop("contents")], "contents"),
    "empty contents": ([Put("contents", [])], "contents"),
    "role of OpenAI": ([Put("contents.0.role", "assistant")], "contents[0].role"),
    "ends with the model": (
        [Put("contents.+", {"role": "model", "parts": [{"text": "t"}]})],
        "end with a user role",
    ),
    "unknown part": ([Put("contents.0.parts.0", {"txt": "x"})], 'Unknown name "txt"'),
    "empty part": ([Put("contents.0.parts.0", {})], "must have one value"),
    "two kinds in a part": (
        [Put("contents.0.parts.0.functionCall", {"name": "x"})],
        "must have one value",
    ),
    "bad base64": (
        [Put("contents.0.parts.+", {"inlineData": {"mimeType": "image/png", "data": "?"}})],
        "Base64 decoding failed",
    ),
    "tools is an object": ([Put("tools", BODY["tools"][0])], "expected an array"),
    "unknown field of a tool": ([Put("tools.0.functions", [])], 'Unknown name "functions"'),
    "unknown field of a declaration": (
        [Put(f"{TOOL}.strict", True)],
        'Unknown name "strict" at \'tools[0].functionDeclarations[0]\'',
    ),
    "no name": ([Drop(f"{TOOL}.name")], "name"),
    "a name with a slash": ([Put(f"{TOOL}.name", "a/b")], "does not match pattern"),
    "a name that begins with a digit": ([Put(f"{TOOL}.name", "1st")], "does not match pattern"),
    "a name of 65": ([Put(f"{TOOL}.name", "n" * 65)], "maximum length 64"),
    "513 tools": ([Put(TOOLS, many(513))], "At most 512"),
    "a name twice": ([Put(f"{TOOL}.name", "old_style")], "Duplicate function declaration"),
    "both schemas": ([Put(f"{TOOL}.parameters", GRAPH_OPENAPI)], "mutually exclusive"),
    "parameters of another type": ([Put(OPENAPI, STRING)], "should be of type OBJECT"),
    "lower-case type": ([Put(f"{OPENAPI}.type", "object")], "parameters.type"),
    "list of types": ([Put(f"{GRAPHS}.type", ["ARRAY", "NULL"])], "type.googleapis.com/Type"),
    "no type": ([Put(GRAPHS, {})], "type.googleapis.com/Type"),
    "additionalProperties": ([Put(f"{OPENAPI}.additionalProperties", False)], "additionalProperties"),
    "$schema": ([Put(f"{OPENAPI}.$schema", "x")], 'Unknown name "$schema"'),
    "wrong in protobuf's own spelling": ([Put(f"{GRAPHS}.min_items", -1)], "TYPE_INT64"),
    "exclusiveMinimum": ([Put(f"{GRAPHS}.exclusiveMinimum", 0)], "exclusiveMinimum"),
    "propertyNames": ([Put(f"{OPENAPI}.propertyNames", {})], "propertyNames"),
    "const": ([Put(f"{GRAPHS}.items.const", "a")], 'Unknown name "const"'),
    "$ref": ([Put(f"{GRAPHS}.items", {"$ref": "#/$defs/x"})], 'Unknown name "$ref"'),
    "array without items": ([Drop(f"{GRAPHS}.items")], "items: missing field"),
    "JSON array without items": (
        [Drop(f"{SCHEMA}.properties.graphs.items")],
        "properties[graphs].items: missing field",
    ),
    "array without items, deep": (
        [Put(f"{GRAPHS}.items", {"type": "ARRAY"})],
        "items.items: missing field",
    ),
    "enum of integers": (
        [Put(f"{GRAPHS}.items", {"type": "INTEGER", "enum": [1, 2]})],
        "TYPE_STRING",
    ),
    "enum of text for integers": (
        [Put(f"{GRAPHS}.items", {"type": "INTEGER", "enum": ["1"]})],
        "only allowed for STRING type",
    ),
    "enum with an empty string": (
        [Put(f"{GRAPHS}.items", {"type": "STRING", "enum": ["a", ""]})],
        "cannot be empty",
    ),
    "format uri": ([Put(f"{GRAPHS}.items.format", "uri")], "are supported for STRING type"),
    "anyOf with a neighbour": (
        [Put(GRAPHS, {"anyOf": [STRING], "description": "d"})],
        "must be the only field set",
    ),
    "empty properties": (
        [Put(OPENAPI, {"type": "OBJECT", "properties": {}})],
        "should be non-empty for OBJECT type",
    ),
    "required but absent": ([Put(f"{OPENAPI}.required", ["q"])], "property is not defined"),
    "ordering of what is absent": (
        [Put(f"{OPENAPI}.propertyOrdering", ["q"])],
        "property is not defined",
    ),
    "key with a dash": ([Put(f"{OPENAPI}.properties.a-b", STRING)], "does not match pattern"),
    "key with a dash, JSON": (
        [Put(f"{SCHEMA}.properties.a-b", {"type": "string"})],
        "does not match pattern",
    ),
    "key of 65": ([Put(f"{OPENAPI}.properties.{'k' * 65}", STRING)], "does not match pattern"),
    "negative length": ([Put(f"{GRAPHS}.minItems", -1)], "TYPE_INT64"),
    "JSON of another type": ([Put(f"{SCHEMA}.type", "string")], "should be of type OBJECT"),
    "JSON keyword": ([Put(f"{SCHEMA}.properties.query.pattern", "x")], 'Unknown name "pattern"'),
    "JSON enum with null": ([Put(f"{SCHEMA}.properties.query.enum", [None])], "enum values"),
    "JSON reference to nothing": (
        [Put(f"{SCHEMA}.properties.query", {"$ref": "#/$defs/N"})],
        "reference to undefined schema",
    ),
    "JSON neighbour of a reference": (
        [
            Put(f"{SCHEMA}.$defs", {"N": {"type": "string"}}),
            Put(f"{SCHEMA}.properties.query", {"$ref": "#/$defs/N", "description": "d"}),
        ],
        "beside $ref",
    ),
    "JSON required but absent": ([Put(f"{SCHEMA}.required", ["q"])], "property is not defined"),
    "unknown mode": ([Put(f"{CALLING}.mode", "auto")], "functionCallingConfig.mode"),
    "mode without declarations": ([Drop("tools")], "without function_declarations"),
    "allowed names in mode AUTO": (
        [Put(f"{CALLING}.allowedFunctionNames", ["query_graph"])],
        "only be set when mode is ANY",
    ),
    "an allowed name that is not declared": (
        [Put(CALLING, {"mode": "ANY", "allowedFunctionNames": ["x"]})],
        "'x' is not a declared function",
    ),
}


@pytest.fixture
def gemini():
    with GeminiServer() as server:
        yield server


def ask(server, body):
    return post(server.url + PATH, body)


@pytest.mark.parametrize("case", RIGHT)
def test_it_takes(gemini, case):
    gemini.converse("find", Say("found"))
    status, _, reply = ask(gemini, changed(BODY, *RIGHT[case]))
    assert status == 200, reply
    assert reply["candidates"][0]["content"] == {"role": "model", "parts": [{"text": "found"}]}


@pytest.mark.parametrize("case", WRONG)
def test_it_refuses(gemini, case):
    gemini.converse("find", Say("found"))
    ways, words = WRONG[case]
    status, _, reply = ask(gemini, changed(BODY, *ways))
    assert status == 400, reply
    assert reply["error"]["code"] == 400 and reply["error"]["status"] == "INVALID_ARGUMENT"
    assert words in reply["error"]["message"] + str(reply["error"]["details"]), reply


# The second step: two calls are answered.


@pytest.fixture
def step(gemini):
    """The body of the second request, right in all."""
    calls = Calls(Call("query_graph", {"query": "q"}), Call("old_style", {"query": "r"}), say="hm")
    gemini.converse("find", calls, Say("done"))
    _, _, reply = ask(gemini, BODY)
    content = reply["candidates"][0]["content"]
    made = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
    answers = [
        {"functionResponse": {"name": c["name"], "id": c["id"], "response": {"output": "42"}}}
        for c in made
    ]
    return changed(
        BODY, Put("contents.+", content), Put("contents.+", {"role": "user", "parts": answers})
    )


ANSWER = "contents.2.parts.0.functionResponse"
STEP_RIGHT = {
    "as it is": [],
    "an error": [Put(f"{ANSWER}.response", {"error": "no such graph"})],
    "an image in the answer": [
        Put(f"{ANSWER}.parts", [{"inlineData": {"mimeType": "image/png", "data": PNG}}])
    ],
    "text in a content of its own": [
        Put("contents.+", {"role": "user", "parts": [{"text": "and then?"}]})
    ],
    "the dummy signature": [
        Put("contents.1.parts.1.thoughtSignature", "skip_thought_signature_validator")
    ],
    "no signature in an earlier turn": [
        Drop("contents.1.parts.1.thoughtSignature"),
        Put("contents.+", {"role": "user", "parts": [{"text": "and then?"}]}),
    ],
}
STEP_WRONG = {
    "an answer is missing": ([Drop("contents.2.parts.1")], "number of function response parts"),
    "text beside the answers": (
        [Put("contents.2.parts.+", {"text": "see"})],
        "number of function response parts",
    ),
    "no answer at all": (
        [Put("contents.2.parts", [{"text": "never mind"}])],
        "number of function response parts",
    ),
    "answers to nothing": ([Drop("contents.1")], "immediately after a function call turn"),
    "the answer is a list": ([Put(f"{ANSWER}.response", ["a"])], "not repeating, cannot start list"),
    "the answer is text": ([Put(f"{ANSWER}.response", "a")], "expected an object"),
    "no response": ([Drop(f"{ANSWER}.response")], "response"),
    "no name": ([Drop(f"{ANSWER}.name")], "name"),
    "no id": ([Drop(f"{ANSWER}.id")], "no function call of the turn before has it"),
    "another id": ([Put(f"{ANSWER}.id", "fc-9-9")], "no function call of the turn before has it"),
    "another name": ([Put(f"{ANSWER}.name", "x")], "no function call of the turn before has it"),
    "unknown field of an answer": ([Put(f"{ANSWER}.isError", True)], 'Unknown name "isError"'),
    "an image that is none": (
        [Put(f"{ANSWER}.parts", [{"inlineData": {"mimeType": "image/tiff", "data": PNG}}])],
        "mimeType",
    ),
    "answers from the model": ([Put("contents.2.role", "model")], "not to the model"),
    "calls from the user": ([Put("contents.1.role", "user")], "Only the model makes"),
    "no signature": (
        [Drop("contents.1.parts.1.thoughtSignature")],
        "missing a thought_signature",
    ),
    "another signature": (
        [Put("contents.1.parts.1.thoughtSignature", "AAAA")],
        "Thought signature is not valid",
    ),
    "the call was changed": (
        [Put("contents.1.parts.1.functionCall.args", {"query": "other"})],
        "given with another function call",
    ),
}


@pytest.mark.parametrize("case", STEP_RIGHT)
def test_it_takes_answers(gemini, step, case):
    status, _, reply = ask(gemini, changed(step, *STEP_RIGHT[case]))
    assert status == 200, reply
    assert len(gemini.requests) == 2 and not gemini.refusals()


@pytest.mark.parametrize("case", STEP_WRONG)
def test_it_refuses_answers(gemini, step, case):
    ways, words = STEP_WRONG[case]
    status, _, reply = ask(gemini, changed(step, *ways))
    assert status == 400, reply
    assert words in reply["error"]["message"], reply
    assert len(gemini.refusals()) == 1


def test_a_signature_moved_to_the_other_call_is_refused(gemini, step):
    body = changed(step)
    parts = body["contents"][1]["parts"]
    parts[2]["thoughtSignature"] = parts[1].pop("thoughtSignature")
    status, _, reply = ask(gemini, body)
    assert status == 400 and "missing a thought_signature" in reply["error"]["message"]


def test_without_ids_the_names_must_be_in_order():
    with GeminiServer(with_ids=False) as server:
        server.converse("find", Calls(Call("query_graph"), Call("old_style")), Say("done"))
        _, _, reply = ask(server, BODY)
        content = reply["candidates"][0]["content"]
        names = [part["functionCall"]["name"] for part in content["parts"]]

        def answered(order):
            parts = [{"functionResponse": {"name": name, "response": {}}} for name in order]
            return changed(
                BODY, Put("contents.+", content), Put("contents.+", {"role": "user", "parts": parts})
            )

        assert ask(server, answered(names[::-1]))[0] == 400
        assert ask(server, answered(names))[0] == 200


def test_what_else_it_answers(gemini):
    gemini.converse("find", Failure(429, retry_after=7), Failure(500), Finish("MALFORMED_FUNCTION_CALL"))
    status, headers, reply = ask(gemini, BODY)
    assert (status, headers["retry-after"]) == (429, "7")
    assert reply["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert ask(gemini, BODY)[0] == 500
    status, _, reply = ask(gemini, BODY)
    assert status == 200
    assert reply["candidates"][0] == {"finishReason": "MALFORMED_FUNCTION_CALL", "index": 0}
    assert not gemini.refusals()


def test_a_turn_may_depend_on_the_answers(gemini, step):
    gemini.scripts[0].turns[1] = lambda answers: Say(" ".join(one.name + one.text for one in answers))
    _, _, reply = ask(gemini, step)
    assert reply["candidates"][0]["content"]["parts"][0]["text"] == "query_graph42 old_style42"


def test_who_asks_and_what_json_is(gemini):
    assert post(gemini.url + PATH, BODY, {})[0] == 403
    assert post(gemini.url + "/v1beta/models/x:streamAnything", BODY)[0] == 404
    status, _, reply = ask(gemini, b'{"contents":[NaN]}')
    assert status == 400 and "NaN" in reply["error"]["message"]
    assert ask(gemini, b'{"contents":')[0] == 400
