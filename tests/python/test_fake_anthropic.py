# SPDX-License-Identifier: MIT
"""Each rule of the fake Anthropic: one request that it refuses, and one that it takes."""

import pytest

from fakes import AnthropicServer, Call, Calls, Failure, Say
from fakes_ways import GRAPH, HEADERS, PNG, Drop, Put, changed, post

BODY = {
    "model": "claude",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "find"}],
    "tools": [{"name": "query_graph", "description": "d", "input_schema": GRAPH}],
}
SCHEMA = "tools.0.input_schema"
RIGHT = {
    "as it is": [],
    "no tools": [Drop("tools")],
    "a name of 128": [Put("tools.0.name", "n" * 128)],
    "key with a dash": [Put(f"{SCHEMA}.properties.a-b", {})],
    "no description": [Drop("tools.0.description")],
}
WRONG = {
    "unknown field": ([Put("instructions", "x")], "instructions: Extra inputs are not permitted"),
    "no max_tokens": ([Drop("max_tokens")], "max_tokens"),
    "role system": ([Put("messages.0.role", "system")], "messages.0.role"),
    "empty text": ([Put("messages.0.content", "")], "messages.0.content"),
    "a tool of OpenAI": ([Put("tools.0.parameters", {})], "Extra inputs are not permitted"),
    "no schema": ([Drop(SCHEMA)], "input_schema"),
    "a name of 129": ([Put("tools.0.name", "n" * 129)], "does not match pattern"),
    "a name with a dot": ([Put("tools.0.name", "a.b")], "does not match pattern"),
    "a name twice": ([Put("tools.+", BODY["tools"][0])], "must be unique"),
    "key with a dollar": ([Put(f"{SCHEMA}.properties.$a", {})], "does not match pattern"),
    "anyOf at the root": ([Put(f"{SCHEMA}.anyOf", [])], "at the top level"),
    "no type": ([Drop(f"{SCHEMA}.type")], "type: Field required"),
}


@pytest.fixture
def anthropic():
    with AnthropicServer() as server:
        yield server


def ask(server, body, headers=HEADERS):
    return post(server.url + "/v1/messages", body, headers)


@pytest.mark.parametrize("case", RIGHT)
def test_it_takes(anthropic, case):
    anthropic.converse("find", Say("found"))
    status, _, reply = ask(anthropic, changed(BODY, *RIGHT[case]))
    assert status == 200, reply
    assert reply["content"] == [{"type": "text", "text": "found"}]


@pytest.mark.parametrize("case", WRONG)
def test_it_refuses(anthropic, case):
    anthropic.converse("find", Say("found"))
    ways, words = WRONG[case]
    status, _, reply = ask(anthropic, changed(BODY, *ways))
    assert status == 400, reply
    assert reply["type"] == "error" and reply["error"]["type"] == "invalid_request_error"
    assert words in reply["error"]["message"], reply


@pytest.fixture
def step(anthropic):
    anthropic.converse("find", Calls(Call("query_graph", {"query": "q"}), Call("other")), Say("done"))
    _, _, reply = ask(anthropic, BODY)
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "42"}
        for block in reply["content"]
    ]
    return changed(
        BODY,
        Put("messages.+", {"role": "assistant", "content": reply["content"]}),
        Put("messages.+", {"role": "user", "content": results}),
    )


RESULT = "messages.2.content.0"
TEXT = {"type": "text", "text": "see"}
STEP_RIGHT = {
    "as it is": [],
    "no content": [Drop(f"{RESULT}.content")],
    "an error": [Put(f"{RESULT}.is_error", True)],
    "text behind": [Put("messages.2.content.+", TEXT)],
    "an image": [
        Put(f"{RESULT}.content", [
            {"type": "image",
             "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
        ])
    ],
}  # fmt: skip
STEP_WRONG = {
    "a result is missing": ([Drop("messages.2.content.1")], "without `tool_result` blocks"),
    "no results": ([Put("messages.2.content", "well")], "without `tool_result` blocks"),
    "the end": ([Drop("messages.2")], "without `tool_result` blocks"),
    "text in front": (
        [lambda body: body["messages"][2]["content"].insert(0, TEXT)],
        "without `tool_result` blocks",
    ),
    "a result for nothing": ([Put(f"{RESULT}.tool_use_id", "toolu_x")], "unexpected `tool_use_id`"),
    "a result twice": ([Put("messages.2.content.1.tool_use_id", "toolu_1_0")], "single result"),
    "an image of another kind": (
        [
            Put(f"{RESULT}.content", [
                {"type": "image",
                 "source": {"type": "base64", "media_type": "image/tiff", "data": PNG}}
            ])
        ],
        "media_type",
    ),
    "audio": ([Put(f"{RESULT}.content", [{"type": "audio"}])], "content.0.type"),
    "an object": ([Put(f"{RESULT}.content", {})], "expected an array"),
    "unknown field": ([Put(f"{RESULT}.isError", True)], "Extra inputs are not permitted"),
    "input is text": ([Put("messages.1.content.0.input", "{}")], "expected an object"),
    "calls from the user": ([Put("messages.1.role", "user")], "only be in `assistant`"),
}  # fmt: skip


@pytest.mark.parametrize("case", STEP_RIGHT)
def test_it_takes_results(anthropic, step, case):
    status, _, reply = ask(anthropic, changed(step, *STEP_RIGHT[case]))
    assert status == 200, reply


@pytest.mark.parametrize("case", STEP_WRONG)
def test_it_refuses_results(anthropic, step, case):
    ways, words = STEP_WRONG[case]
    status, _, reply = ask(anthropic, changed(step, *ways))
    assert status == 400, reply
    assert words in reply["error"]["message"], reply


def test_what_else_it_answers(anthropic):
    anthropic.converse("find", Failure(429, retry_after=3), Failure(529))
    status, headers, reply = ask(anthropic, BODY)
    assert (status, headers["retry-after"]) == (429, "3")
    assert reply["error"]["type"] == "rate_limit_error"
    assert ask(anthropic, BODY)[0] == 529
    assert ask(anthropic, BODY, {"x-api-key": "x"})[0] == 400
    assert ask(anthropic, BODY, {"anthropic-version": "2023-06-01"})[0] == 401
