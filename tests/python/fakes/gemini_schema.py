# SPDX-License-Identifier: MIT
"""The two schema dialects of Gemini's function declarations.

`parameters` is a protobuf message, a subset of OpenAPI 3.0: what it does not know is refused.
`parametersJsonSchema` is JSON Schema with the keywords that are documented.
"""

from .rules import (
    Refused,
    a_boolean,
    a_number,
    a_string,
    an_array,
    an_object,
    one_of,
    only,
    step,
)

TYPES = ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")
FORMATS = {
    "STRING": ("enum", "date-time"),
    "INTEGER": ("int32", "int64"),
    "NUMBER": ("float", "double"),
}
SCHEMA_FIELDS = (
    "type", "format", "title", "description", "nullable", "enum", "items", "minItems", "maxItems",
    "minLength", "maxLength", "pattern", "minimum", "maximum", "minProperties", "maxProperties",
    "properties", "required", "propertyOrdering", "anyOf", "default", "example",
)  # fmt: skip
COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
KEY = r"[A-Za-z_][A-Za-z0-9_]{0,63}"

JSON_TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
JSON_KEYWORDS = (
    "$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items",
    "prefixItems", "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties",
    "additionalProperties", "required", "propertyOrdering",
)  # fmt: skip
DEPTH = 64


def check_parameters(schema, path):
    check_node(schema, path)
    if schema.get("type") != "OBJECT":
        raise Refused(path, "parameters schema should be of type OBJECT.")


def check_node(schema, path):
    only(schema, path, (), SCHEMA_FIELDS)
    if "anyOf" in schema:
        check_any_of(schema, path)
        return
    kind = schema.get("type")
    if not isinstance(kind, str):
        raise Refused(
            step(path, "type"),
            f"Invalid value at '{step(path, 'type')}' (type.googleapis.com/Type): {kind!r}",
        )
    one_of(kind, step(path, "type"), TYPES)
    check_words(schema, path)
    check_enum(schema, kind, path)
    if "format" in schema:
        check_format(schema["format"], kind, path)
    if kind == "ARRAY" and "items" not in schema:
        raise Refused(step(path, "items"), f"{step(path, 'items')}: missing field.")
    if "items" in schema:
        check_node(schema["items"], step(path, "items"))
    check_properties(schema, kind, path)


def check_any_of(schema, path):
    if len(schema) > 1:
        others = sorted(set(schema) - {"anyOf"})
        raise Refused(
            path,
            "When using any_of, it must be the only field set. "
            f"'{path}' also has {', '.join(others)}.",
        )
    for index, member in enumerate(an_array(schema["anyOf"], step(path, "anyOf"), 1)):
        check_node(member, step(step(path, "anyOf"), index))


def check_words(schema, path):
    for key in ("title", "description", "pattern"):
        if key in schema:
            a_string(schema[key], step(path, key))
    if "nullable" in schema:
        a_boolean(schema["nullable"], step(path, "nullable"))
    for key in ("minimum", "maximum"):
        if key in schema:
            a_number(schema[key], step(path, key))
    for key in COUNTS:
        if key in schema and not is_count(schema[key]):
            where = step(path, key)
            raise Refused(where, f"Invalid value at '{where}' (TYPE_INT64), {schema[key]!r}")


def is_count(value):
    """int64 in protobuf's JSON: a number, or the same as text."""
    if isinstance(value, str):
        return value.isdigit()
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def check_enum(schema, kind, path):
    if "enum" not in schema:
        return
    where = step(path, "enum")
    for index, value in enumerate(an_array(schema["enum"], where)):
        if not isinstance(value, str):
            raise Refused(
                step(where, index),
                f"Invalid value at '{step(where, index)}' (TYPE_STRING), {value!r}",
            )
        if not value:
            raise Refused(step(where, index), f"{step(where, index)}: cannot be empty.")
    if kind != "STRING":
        raise Refused(where, f"{where}: only allowed for STRING type.")


def check_format(name, kind, path):
    where = step(path, "format")
    allowed = FORMATS.get(kind, ())
    if name not in allowed:
        raise Refused(
            where,
            f"{where}: only {' and '.join(map(repr, allowed)) or 'no format'} "
            f"are supported for {kind} type.",
        )


def check_properties(schema, kind, path):
    where = step(path, "properties")
    properties = an_object(schema.get("properties", {}), where)
    if "properties" in schema and kind == "OBJECT" and not properties:
        raise Refused(where, f"{where}: should be non-empty for OBJECT type.")
    if "properties" in schema and kind != "OBJECT":
        raise Refused(where, f"{where}: only allowed for OBJECT type.")
    for key, member in properties.items():
        a_string(key, f"{where} key {key!r}", pattern=KEY)
        check_node(member, f"{where}[{key}]")
    for list_name in ("required", "propertyOrdering"):
        for index, key in enumerate(an_array(schema.get(list_name, []), step(path, list_name))):
            if key not in properties:
                at = step(step(path, list_name), index)
                raise Refused(at, f"{at}: property is not defined.")


# JSON Schema.


def check_json_schema(schema, path):
    an_object(schema, path)
    if schema.get("type") != "object":
        raise Refused(step(path, "type"), "parameters schema should be of type OBJECT.")
    check_json_node(schema, path, schema, 0)


def check_json_node(schema, path, root, depth):
    if schema is True:
        return
    if depth > DEPTH:
        raise Refused(path, f"{path}: nested too deeply.")
    only(schema, path, (), JSON_KEYWORDS)
    if "$ref" in schema:
        check_ref(schema, path, root)
    if "type" in schema:
        check_json_type(schema["type"], step(path, "type"))
    kinds = schema.get("type", [])
    if "array" in (kinds if isinstance(kinds, list) else [kinds]) and "items" not in schema:
        raise Refused(step(path, "items"), f"{step(path, 'items')}: missing field.")
    for index, value in enumerate(an_array(schema.get("enum", []), step(path, "enum"))):
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            at = step(step(path, "enum"), index)
            raise Refused(at, f"{at}: enum values are strings or numbers.")
    properties = an_object(schema.get("properties", {}), step(path, "properties"))
    for index, key in enumerate(an_array(schema.get("required", []), step(path, "required"))):
        if key not in properties:
            at = step(step(path, "required"), index)
            raise Refused(at, f"{at}: property is not defined.")
    for key in properties:
        a_string(key, f"{step(path, 'properties')} key {key!r}", pattern=KEY)
    for member, where in json_members(schema, path):
        check_json_node(member, where, root, depth + 1)


def check_json_type(kind, path):
    for name in kind if isinstance(kind, list) else [kind]:
        one_of(name, path, JSON_TYPES)


def check_ref(schema, path, root):
    """Next to $ref only $-keywords; it leads to a definition that is there."""
    where = step(path, "$ref")
    if any(not key.startswith("$") for key in schema):
        raise Refused(where, f"{where}: only keywords beginning with $ may stand beside $ref.")
    name = a_string(schema["$ref"], where)
    known = [f"#/$defs/{key}" for key in root.get("$defs", {})]
    if name != "#" and name not in known:
        raise Refused(where, f"reference to undefined schema at {path}: {name}")


def json_members(schema, path):
    for key in ("properties", "$defs"):
        for name, member in schema.get(key, {}).items():
            yield member, f"{step(path, key)}[{name}]"
    for key in ("anyOf", "oneOf", "prefixItems"):
        for index, member in enumerate(an_array(schema.get(key, []), step(path, key))):
            yield member, step(step(path, key), index)
    for key in ("items", "additionalProperties"):
        if key in schema and not isinstance(schema[key], bool):
            yield schema[key], step(path, key)
