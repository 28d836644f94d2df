# SPDX-License-Identifier: MIT
"""teploctl tools --format: a pool's tools as the models' providers want them."""

import json

import pytest

from fake_broker import result
from harness.places import REPO
from teploctl_runner import OK, fake, place, run, run_on_terminal  # fixtures too

# Of one tool: the way to its schema in the provider's form, and the vectors' name for that.
FORMS = {
    "openai": (lambda tools: tools[0]["function"]["parameters"], "openai"),
    "openai-responses": (lambda tools: tools[0]["parameters"], "openai"),
    "gemini": (
        lambda tools: tools[0]["functionDeclarations"][0]["parametersJsonSchema"],
        "gemini_parameters_json",
    ),
    "gemini-openapi": (
        lambda tools: tools[0]["functionDeclarations"][0]["parameters"],
        "gemini_parameters",
    ),
    "anthropic": (lambda tools: tools[0]["input_schema"], "anthropic"),
}
VECTORS = {
    vector["name"]: vector
    for vector in map(json.loads, (REPO / "tests/vectors/tool-schemas.jsonl").open(encoding="utf-8"))
}


def tool(vector="seed.create_session", **more):
    name = vector.rpartition(".")[2]
    return {"name": name, "inputSchema": VECTORS[vector]["inputSchema"], **more}


def listed(*tools, **more):
    return result({"tools": list(tools), **more})


def printed(ended):
    """The one line of stdout, and what stderr says, a line each."""
    assert ended.status == OK, ended.err
    assert ended.out.endswith("\n") and ended.out.count("\n") == 1
    lines = ended.err.splitlines()
    assert all(line.startswith("teploctl: ") for line in lines)
    return json.loads(ended.out), [line.removeprefix("teploctl: ") for line in lines]


@pytest.mark.parametrize("form", FORMS)
def test_each_provider_gets_its_own_form(place, fake, form):
    fake.on("tools/list", listed(tool(description="Opens a session.")))
    tools, told = printed(run(place, "tools", "--format", form))
    schema_of, vector = FORMS[form]
    assert schema_of(tools) == VECTORS["seed.create_session"][vector]
    assert "Opens a session." in json.dumps(tools)
    assert told == []


def test_what_is_said_otherwise_is_a_line(place, fake):
    fake.on("tools/list", listed(tool("ref.remote"), {"name": "", "inputSchema": {}}))
    tools, told = printed(run(place, "tools", "--format=gemini-openapi"))
    assert [each["name"] for each in tools[0]["functionDeclarations"]] == ["remote"]
    assert len(told) == 2, told
    assert told[0].startswith("remote: noted at /properties/p: "), told
    assert told[1].startswith("dropped: "), told


def test_an_altered_name_is_told(place, fake):
    fake.on("tools/list", listed({"name": "a.b/c", "inputSchema": {}}))
    tools, told = printed(run(place, "tools", "--format", "anthropic"))
    assert tools[0]["name"] != "a.b/c"
    assert any(line.startswith("a.b/c: renamed") for line in told), told


def test_strict(place, fake):
    fake.on("tools/list", listed(tool(), tool("seed.query_graph")))
    tools, told = printed(run(place, "tools", "--format", "openai", "--strict"))
    session, query = (each["function"] for each in tools)
    assert session["strict"] is True
    assert session["parameters"] == VECTORS["seed.create_session"]["openai_strict"]
    assert not query.get("strict")
    assert any(line.startswith("query_graph: not_strict") for line in told), told


def test_pages_are_one_array(place, fake):
    fake.on("tools/list", listed(tool(), nextCursor="2"), listed(tool("seed.list_graphs")))
    tools, _ = printed(run(place, "tools", "--format", "openai"))
    assert [each["function"]["name"] for each in tools] == ["create_session", "list_graphs"]


def test_no_tools(place, fake):
    fake.on("tools/list", listed())
    tools, told = printed(run(place, "tools", "--format", "openai"))
    assert (tools, told) == ([], [])


def test_of_one_name_twice_the_first_counts(place, fake):
    fake.on("tools/list", listed(tool(), tool()))
    tools, told = printed(run(place, "tools", "--format", "openai"))
    assert len(tools) == 1
    assert len(told) == 1 and "create_session" in told[0]


def test_a_stale_list_is_told_of(place, fake):
    fake.on("tools/list", listed(tool(), _meta={"dev.teplo/stale": True}))
    _, told = printed(run(place, "tools", "--format", "openai"))
    assert told == ["the server is down: this list is the last one known"]


def test_hostile_text_on_a_terminal(place, fake):
    fake.on("tools/list", listed(tool(description="a\x1b]0;owned\x07b\x9b31m")))
    ended = run_on_terminal(place, "tools", "--format", "openai")
    assert ended.status == OK
    assert b"\x1b" not in ended.raw and b"\x9b" not in ended.raw.replace(b"\xc2\x9b", b"\x9b")
