# SPDX-License-Identifier: MIT
"""
Schemas that nobody would write, in every format: what comes out is read by rules that are written
down here a second time, so that a mistake the converters share with the library's own lint shows.
"""

import json
import os
import random
import re

import pytest

from test_tool_schemas import ANTHROPIC, CHAT, GEMINI, GEMINI_OPENAPI, STRICT, convert, jsonschema, schema_of

COUNT = int(os.environ.get("TEPLO_ODD_SCHEMAS", "400"))
WAYS = [(CHAT, 0), (CHAT, STRICT), (GEMINI, 0), (GEMINI_OPENAPI, 0), (ANTHROPIC, 0), (ANTHROPIC, STRICT)]

KEYS = ["a", "b", "c", "$x", "type", "a.b", "1"]
TYPES = ["object", "array", "string", "integer", "number", "boolean", "null", ["string", "null"], ["object", "array"]]
ENUMS = [["a", "b"], ["a", "a"], ["", "x"], ["a", None], [1, "a"], [None], [{"a": 1}]]
WORDS = (
    "type properties required items prefixItems additionalProperties anyOf oneOf allOf not if then else enum const "
    "default description title format pattern minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum "
    "multipleOf minItems maxItems uniqueItems contains minContains maxContains minProperties maxProperties "
    "patternProperties propertyNames dependentRequired dependentSchemas unevaluatedItems unevaluatedProperties "
    "examples $ref $defs definitions $id $anchor $dynamicRef $schema $comment nullable additionalItems "
    "contentEncoding contentMediaType contentSchema deprecated readOnly dependencies x-foo discriminator id example"
).split()
VALUES = [
    None, True, False, 0, 1, -1, 1.5, 1.0, 2**70, 1e300, "x", "", "(?=a)", "object", "date-time", "any", [],
    ["a", "a"], ["a", "b", "a"], {}, {"a": {}}, [1], [{}], ["null"], {"type": "string"}, [{"type": "string"}],
    {"a": ["b", "b"]}, {"$ref": "#"}, {"$ref": "#/$defs/a"}, "#/$defs/a", ["b", "c", "b"], {"a": True, "b": False},
]  # fmt: skip


def value(dice, depth):
    return dice.choice(VALUES) if depth <= 0 or dice.random() < 0.6 else schema(dice, depth - 1)


def schema(dice, depth):
    if dice.random() < 0.08:
        return dice.choice([True, False, None, 5, "x", []])
    made = {}
    if dice.random() < 0.7:
        made["type"] = dice.choice(TYPES)
    if depth > 0:
        if made.get("type") == "object" or dice.random() < 0.2:
            made["properties"] = {key: schema(dice, depth - 1) for key in dice.sample(KEYS, dice.randint(0, 3))}
            made["required"] = [dice.choice(KEYS[:4]) for _ in range(dice.randint(0, 4))]
        if made.get("type") == "array" and dice.random() < 0.6:
            made["items"] = schema(dice, depth - 1)
        if dice.random() < 0.25:
            made[dice.choice(["anyOf", "oneOf", "allOf"])] = [schema(dice, depth - 1) for _ in range(dice.randint(1, 3))]
    if made.get("type") == "string" and dice.random() < 0.3:
        made["enum"] = dice.choice(ENUMS)
    for _ in range(dice.choice([0, 0, 1, 1, 2, 3])):
        made[dice.choice(WORDS)] = value(dice, depth - 1)
    return made


def root(seed):
    dice = random.Random(seed)
    made = schema(dice, 3)
    made = made if isinstance(made, dict) else {"properties": {"a": made}}
    if dice.random() < 0.8:
        made["type"] = "object"
    if dice.random() < 0.5:
        made["$defs"] = {"a": schema(dice, 2)}
    return made


def nodes(node, path=""):
    """Every schema in NODE, which is JSON Schema."""
    if not isinstance(node, dict):
        return
    yield node, path
    for key in ("properties", "$defs", "patternProperties", "dependentSchemas"):
        for name, member in node.get(key, {}).items():
            yield from nodes(member, f"{path}/{key}/{name}")
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for index, member in enumerate(node.get(key, [])):
            yield from nodes(member, f"{path}/{key}/{index}")
    for key in ("items", "not", "if", "then", "else", "contains", "additionalProperties", "propertyNames"):
        yield from nodes(node.get(key), f"{path}/{key}")


def types_of(node):
    types = node.get("type", [])
    return [types] if isinstance(types, str) else types


def is_of(item, types):
    if isinstance(item, bool):
        return "boolean" in types
    if isinstance(item, (int, float)):
        return "number" in types or ("integer" in types and item == int(item))
    return {str: "string", type(None): "null", list: "array", dict: "object"}[type(item)] in types


def neat_enum(node):
    texts = [json.dumps(item, sort_keys=True) for item in node.get("enum", [])]
    assert len(texts) == len(set(texts)), "a value twice"
    for item in node.get("enum", []):
        assert not types_of(node) or is_of(item, types_of(node)), f"{item!r} of no type"


def keys(node, pattern):
    for key in node.get("properties", {}):
        assert re.fullmatch(pattern, key), f"the key {key}"
    if "properties" in node:
        assert set(node.get("required", [])) <= set(node["properties"]), "required is no property"


def only(node, words):
    assert set(node) <= set(words.split()), set(node) - set(words.split())


def plain_chat(node):
    assert "array" not in types_of(node) or "items" in node, "no items"
    assert "object" not in types_of(node) or {"properties", "additionalProperties"} & set(node), "no properties"


def closed(node, formats):
    """What OpenAI's strict mode and Anthropic's have in common."""
    assert "type" in node or "anyOf" in node or "allOf" in node or "enum" in node, "untyped"
    if "object" in types_of(node):
        assert node.get("additionalProperties") is False, "open"
    if "array" in types_of(node):
        assert "items" in node, "no items"
    assert node.get("format", "date") in formats.split(), "format"
    neat_enum(node)


def strict_chat(node):
    if "$ref" in node:
        return only(node, "$ref")
    only(node, "type description enum properties required additionalProperties items minItems maxItems minimum maximum "
         "exclusiveMinimum exclusiveMaximum multipleOf pattern format anyOf $defs")  # fmt: skip
    closed(node, "date-time time date duration email hostname ipv4 ipv6 uuid")
    if "object" in types_of(node):
        assert sorted(node.get("required", [])) == sorted(node.get("properties", {})), "not all are required"
    assert not re.search(r"\(\?(=|!|<=|<!)", node.get("pattern", "")), "lookaround"


def strict_anthropic(node):
    only(node, "type description enum properties required additionalProperties items minItems format anyOf")
    closed(node, "date-time time date duration email hostname uri ipv4 ipv6 uuid")
    assert node.get("minItems", 0) in (0, 1), "minItems"
    keys(node, "[A-Za-z0-9_.-]{1,64}")


def gemini_json(node):
    only(node, "$defs $ref type format title description enum items prefixItems minItems maxItems minimum maximum anyOf "
         "oneOf properties additionalProperties required propertyOrdering")  # fmt: skip
    assert "$ref" not in node or all(key.startswith("$") for key in node), "beside $ref"
    for item in node.get("enum", []):
        assert isinstance(item, (str, int, float)) and not isinstance(item, bool), "enum"
    assert "array" not in types_of(node) or "items" in node, "no items"
    if "format" in node and types_of(node):
        assert "string" in types_of(node), "format"
    neat_enum(node)
    keys(node, "[A-Za-z_][A-Za-z0-9_]{0,63}")


GEMINI_FORMATS = {"STRING": ["enum", "date-time"], "INTEGER": ["int32", "int64"], "NUMBER": ["float", "double"]}


def gemini_openapi(node):
    only(node, "type format title description nullable enum items minItems maxItems minLength maxLength pattern minimum "
         "maximum minProperties maxProperties properties required propertyOrdering anyOf default example")  # fmt: skip
    if "anyOf" in node:
        only(node, "anyOf")
        return [gemini_openapi(member) for member in node["anyOf"]]
    assert node["type"] in ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT"), "type"
    if "enum" in node:
        assert node["type"] == "STRING" and all(isinstance(item, str) and item for item in node["enum"]), "enum"
    neat_enum({"enum": node.get("enum", [])})
    assert node.get("format") in [None, *GEMINI_FORMATS.get(node["type"], [])], "format"
    for word in ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"):
        assert 0 <= node.get(word, 0) < 2**63, word
    assert node.get("properties", True), "empty properties"
    required = node.get("required", [])
    assert set(required) <= set(node.get("properties", {})) and len(required) == len(set(required)), "required"
    keys(node, "[A-Za-z_][A-Za-z0-9_]{0,63}")
    assert node["type"] != "ARRAY" or "items" in node, "no items"
    return [gemini_openapi(member) for member in [*node.get("properties", {}).values(), *filter(None, [node.get("items")])]]


def rule_of(provider, tool):
    if provider == CHAT:
        return strict_chat if tool["function"].get("strict") else plain_chat
    if provider == ANTHROPIC:
        return strict_anthropic if tool.get("strict") else lambda node: keys(node, "[A-Za-z0-9_.-]{1,64}")
    return gemini_json


def check(provider, tool):
    made = schema_of(tool)
    if provider == GEMINI_OPENAPI:
        if made is not None:
            gemini_openapi(made)
        return
    jsonschema.Draft202012Validator.check_schema(made)
    for node, path in nodes(made):
        try:
            rule_of(provider, tool)(node)
        except AssertionError as why:
            raise AssertionError(f"{why} at {path}") from None


@pytest.mark.parametrize(("provider", "flags"), WAYS)
def test_odd_schemas_come_out_by_the_rules(provider, flags):
    wrong, made = [], 0
    for seed in range(COUNT):
        given = root(seed)
        for tool in convert([given], provider, flags)[0]:
            made += 1
            try:
                check(provider, tool)
            except (AssertionError, jsonschema.SchemaError) as why:
                message = getattr(why, "message", str(why).splitlines()[0])
                wrong.append(f"{seed}: {message}: {json.dumps(given)} -> {json.dumps(schema_of(tool))}")
    assert not wrong, "\n".join(wrong[:5]) + f"\n{len(wrong)} of {made}"
    assert made > COUNT / 2
