# SPDX-License-Identifier: MIT
"""
The schema vectors, the library and the fakes must be of one mind: what the vectors expect, and what
the library makes of any tool, the fakes take.
"""

import json
import pathlib

import pytest

from fakes import anthropic, gemini, openai_chat, openai_responses
from fakes.anthropic import check_input_schema
from fakes.gemini_schema import check_json_schema, check_parameters
from fakes.openai_schema import check_schema
from fakes.rules import Refused
from fakes_ways import complaints  # noqa: F401
from teplo import _ffi
from teplo._formats import NativeToolset

FOLDER = pathlib.Path(__file__).parents[1] / "vectors"


def read(name):
    return [json.loads(line) for line in (FOLDER / name).read_text("utf-8").splitlines()]


VECTORS = read("tool-schemas.jsonl")
MORE = read("more-schemas.jsonl")
CHECKS = {
    "openai": lambda schema: check_schema(schema, "f", "parameters", False),
    "openai_strict": lambda schema: check_schema(schema, "f", "parameters", True),
    "gemini_parameters": lambda schema: check_parameters(schema, "parameters"),
    "gemini_parameters_json": lambda schema: check_json_schema(schema, "parametersJsonSchema"),
    "anthropic": lambda schema: check_input_schema(schema, "input_schema"),
}


def is_taken(check, schema):
    try:
        check(schema)
    except Refused:
        return False
    return True


@pytest.mark.parametrize("target", CHECKS)
def test_the_fakes_take_what_the_vectors_expect(target):
    refused = []
    for vector in VECTORS:
        if vector.get(target) is not None:
            try:
                CHECKS[target](vector[target])
            except Refused as why:
                refused.append((vector["name"], why.message))
    assert not refused


@pytest.mark.parametrize("target", ["openai_strict", "gemini_parameters"])
def test_what_is_not_converted_is_refused(target):
    """Every server's own schema: none is what these two want."""
    plain = [one for one in VECTORS if one.get(target) is not None]
    assert len(plain) > 20
    taken = [one["name"] for one in plain if is_taken(CHECKS[target], one["inputSchema"])]
    assert len(taken) <= 1, taken


TARGETS = {
    "chat": (_ffi.TEPLO_OPENAI_CHAT, 0, lambda tools: openai_chat.check_tools({"tools": tools})),
    "chat, strict": (
        _ffi.TEPLO_OPENAI_CHAT,
        _ffi.TEPLO_T_STRICT,
        lambda tools: openai_chat.check_tools({"tools": tools}),
    ),
    "responses": (
        _ffi.TEPLO_OPENAI_RESPONSES,
        0,
        lambda tools: openai_responses.check_tools({"tools": tools}),
    ),
    "responses, strict": (
        _ffi.TEPLO_OPENAI_RESPONSES,
        _ffi.TEPLO_T_STRICT,
        lambda tools: openai_responses.check_tools({"tools": tools}),
    ),
    "gemini": (_ffi.TEPLO_GEMINI, 0, gemini.check_tools),
    "gemini, openapi": (_ffi.TEPLO_GEMINI_OPENAPI, 0, gemini.check_tools),
    "gemini, openapi, any": (
        _ffi.TEPLO_GEMINI_OPENAPI,
        _ffi.TEPLO_T_MODE_ANY,
        gemini.check_tools,
    ),
    "anthropic": (_ffi.TEPLO_ANTHROPIC, 0, anthropic.check_tools),
    "anthropic, strict": (_ffi.TEPLO_ANTHROPIC, _ffi.TEPLO_T_STRICT, anthropic.check_tools),
}


@pytest.mark.parametrize("target", TARGETS)
def test_the_fakes_take_what_the_library_makes(target):
    """Of the schema of every vector, one by one; a name and a description are in the way, too."""
    provider, flags, check = TARGETS[target]
    refused, count = [], 0
    for number, vector in enumerate(VECTORS + MORE):
        tool = {
            "name": f"a.tool/{number}",
            "description": "ї" * 3000,
            "inputSchema": vector["inputSchema"],
        }
        native = NativeToolset(provider, flags)
        native.add("server", json.dumps([tool]).encode())
        made = json.loads(native.tools())
        count += len(made)
        try:
            check(made) if made else None
        except Refused as why:
            refused.append((vector["name"], why.field, why.message))
    assert not refused
    assert count > 40
