# SPDX-License-Identifier: MIT
"""What OpenAI refuses in a function's parameters, plain and strict; its words as seen in the wild."""

from .rules import Refused

ROOT_COMBINATORS = ("anyOf", "oneOf", "allOf", "enum", "not")
TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")

STRICT_FORMATS = (
    "date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid",
)  # fmt: skip
STRICT_KEYWORDS = {
    "string": ("pattern", "format"),
    "number": ("multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    "array": ("items", "minItems", "maxItems"),
    "object": ("properties", "required", "additionalProperties"),
    "boolean": (),
    "null": (),
}
STRICT_KEYWORDS["integer"] = STRICT_KEYWORDS["number"]
ANYWHERE = ("type", "description", "enum", "const", "title")
LOOKAROUND = ("(?=", "(?!", "(?<=", "(?<!")
MOST_LEVELS = 10
MOST_PROPERTIES = 5000
MOST_ENUM_VALUES = 1000
MOST_CHARACTERS = 120_000


class Invalid(Exception):
    """CONTEXT: the path from the root, as OpenAI writes it."""

    def __init__(self, message, context=()):
        super().__init__(message)
        self.message = message
        self.context = context


def check_schema(schema, name, field, is_strict):
    """Of the function NAME; FIELD is where it stands in the request."""
    try:
        check_root(schema)
        if is_strict:
            StrictCheck(schema).run()
        else:
            check_plain(schema, ())
    except Invalid as invalid:
        where = f"In context={invalid.context!r}, " if invalid.context else ""
        raise Refused(
            field,
            f"Invalid schema for function '{name}': {where}{invalid.message}.",
            "invalid_function_parameters",
        ) from None


def check_root(schema):
    if not isinstance(schema, dict):
        raise Invalid(f"{schema!r} is not of type 'object'")
    if schema.get("type") != "object":
        raise Invalid(
            "schema must be a JSON Schema of 'type: \"object\"', "
            f"got 'type: \"{schema.get('type')}\"'"
        )
    if "properties" not in schema:
        raise Invalid("object schema missing properties")
    if "$schema" in schema:
        raise Invalid("'$schema' is not permitted")
    for key in ROOT_COMBINATORS:
        if key in schema:
            raise Invalid(
                "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' "
                "at the top level"
            )


def check_plain(schema, context):
    """Every array says what is in it, at every level, and every type is one."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise Invalid(f"{schema!r} is not of type 'object', 'boolean'", context)
    kinds = types_of(schema, context)
    if "array" in kinds and "items" not in schema and "prefixItems" not in schema:
        raise Invalid("array schema missing items", context)
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        raise Invalid(f"{properties!r} is not of type 'object'", context + ("properties",))
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(key, str) for key in required):
        raise Invalid(f"{required!r} is not of type 'array'", context + ("required",))
    for member, where in members(schema, context):
        check_plain(member, where)


def types_of(schema, context):
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    for kind in kinds:
        if kind not in TYPES:
            raise Invalid(f"{kind!r} is not valid under any of the given schemas", context)
    return kinds


def members(schema, context):
    for key in ("properties", "$defs", "definitions", "patternProperties"):
        for name, member in schema.get(key, {}).items():
            yield member, context + (key, name)
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for index, member in enumerate(schema.get(key, [])):
            yield member, context + (key, str(index))
    for key in ("items", "additionalProperties", "not"):
        if key in schema:
            yield schema[key], context + (key,)


class StrictCheck:
    """strict: true.  Every node typed, every object closed, every property required."""

    def __init__(self, root):
        self.root = root
        self.properties = 0
        self.enum_values = 0
        self.characters = 0

    def run(self):
        self.node(self.root, (), 0, ("$defs",))
        for name, member in self.root.get("$defs", {}).items():
            self.node(member, ("$defs", name), 1)
        if self.properties > MOST_PROPERTIES:
            raise Invalid(f"more than {MOST_PROPERTIES} properties")
        if self.enum_values > MOST_ENUM_VALUES:
            raise Invalid(f"more than {MOST_ENUM_VALUES} enum values")
        if self.characters > MOST_CHARACTERS:
            raise Invalid(f"more than {MOST_CHARACTERS} characters of names and values")

    def node(self, schema, context, level, also=()):
        if not isinstance(schema, dict):
            raise Invalid("schema must have a 'type' key", context)
        if level > MOST_LEVELS:
            raise Invalid(f"nested more than {MOST_LEVELS} levels deep", context)
        if "$ref" in schema:
            self.ref(schema, context)
        elif "anyOf" in schema:
            self.any_of(schema, context, level)
        else:
            self.typed(schema, context, level, also)

    def ref(self, schema, context):
        if len(schema) > 1:
            raise Invalid("$ref cannot have keywords beside it", context)
        known = ["#"] + [f"#/$defs/{name}" for name in self.root.get("$defs", {})]
        if schema["$ref"] not in known:
            raise Invalid(f"reference {schema['$ref']!r} leads nowhere", context)

    def any_of(self, schema, context, level):
        self.permit(schema, ("anyOf", "description", "title"), context)
        for index, member in enumerate(schema["anyOf"]):
            self.node(member, context + ("anyOf", str(index)), level)

    def typed(self, schema, context, level, also):
        kinds = types_of(schema, context)
        if not kinds:
            raise Invalid("schema must have a 'type' key", context)
        allowed = ANYWHERE + tuple(also)
        for kind in kinds:
            allowed += STRICT_KEYWORDS[kind]
        self.permit(schema, allowed, context)
        self.values(schema, context)
        if "array" in kinds:
            if "items" not in schema:
                raise Invalid("array schema missing items", context)
            self.node(schema["items"], context + ("items",), level + 1)
        if "object" in kinds:
            self.an_object(schema, context, level)

    def permit(self, schema, allowed, context):
        for key in schema:
            if key not in allowed:
                raise Invalid(f"'{key}' is not permitted", context)

    def values(self, schema, context):
        if "format" in schema and schema["format"] not in STRICT_FORMATS:
            raise Invalid(f"'{schema['format']}' is not a valid format", context)
        if any(word in schema.get("pattern", "") for word in LOOKAROUND):
            raise Invalid("'pattern' has lookaround, which is not permitted", context)
        enum = schema.get("enum", [])
        self.enum_values += len(enum)
        size = sum(len(value) for value in enum if isinstance(value, str))
        self.characters += size
        if len(enum) > 250 and size > 15_000:
            raise Invalid("enum values are longer than 15000 characters in all", context)

    def an_object(self, schema, context, level):
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False:
            raise Invalid("'additionalProperties' is required to be supplied and to be false", context)
        if sorted(schema.get("required", ())) != sorted(properties):
            missing = sorted(set(properties) ^ set(schema.get("required", ())))
            raise Invalid(
                "'required' is required to be supplied and to be an array including every key in "
                f"properties. Missing {missing[0]!r}",
                context,
            )
        self.properties += len(properties)
        self.characters += sum(map(len, properties))
        for name, member in properties.items():
            self.node(member, context + ("properties", name), level + 1)
