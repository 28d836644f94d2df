# SPDX-License-Identifier: MIT
"""The schema vectors and the fakes must be of one mind: what the vectors expect, the fakes take."""

import json
import pathlib

import pytest

from fakes.anthropic import check_input_schema
from fakes.gemini_schema import check_json_schema, check_parameters
from fakes.openai_schema import check_schema
from fakes.rules import Refused

FILE = pathlib.Path(__file__).parents[1] / "vectors" / "tool-schemas.jsonl"
VECTORS = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
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
