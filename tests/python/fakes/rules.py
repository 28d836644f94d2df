# SPDX-License-Identifier: MIT
"""What the checks of all providers are made of: each function returns, or raises Refused."""

import base64
import binascii
import re


class Refused(Exception):
    """The request is wrong at FIELD.  UNKNOWN: for a key that nobody knows, its name."""

    def __init__(self, field, message, code=None, unknown=None):
        super().__init__(message)
        self.field = field
        self.message = message
        self.code = code
        self.unknown = unknown


def step(path, key):
    """PATH extended by a key or an index, as the providers write it."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def an_object(value, path):
    if not isinstance(value, dict):
        raise Refused(path, f"Invalid value at '{path}': expected an object, got {kind_of(value)}.")
    return value


def an_array(value, path, minimum=0, maximum=None):
    if not isinstance(value, list):
        raise Refused(path, f"Invalid value at '{path}': expected an array, got {kind_of(value)}.")
    if len(value) < minimum:
        raise Refused(path, f"Invalid '{path}': empty array.", "empty_array")
    if maximum is not None and len(value) > maximum:
        raise Refused(
            path,
            f"Invalid '{path}': array too long. Expected an array with maximum length {maximum}, "
            f"but got an array with length {len(value)} instead.",
            "array_above_max_length",
        )
    return value


def a_string(value, path, maximum=None, pattern=None, minimum=0):
    if not isinstance(value, str):
        raise Refused(path, f"Invalid value at '{path}': expected a string, got {kind_of(value)}.")
    if maximum is not None and len(value) > maximum:
        raise Refused(
            path,
            f"Invalid '{path}': string too long. Expected a string with maximum length {maximum}, "
            f"but got a string with length {len(value)} instead.",
            "string_above_max_length",
        )
    if len(value) < minimum:
        raise Refused(path, f"Invalid '{path}': empty string.", "empty_string")
    if pattern and not re.fullmatch(pattern, value):
        raise Refused(
            path,
            f"Invalid '{path}': string does not match pattern. "
            f"Expected a string that matches the pattern '^{pattern}$'.",
            "invalid_value",
        )
    return value


def a_boolean(value, path):
    if not isinstance(value, bool):
        raise Refused(path, f"Invalid value at '{path}': expected a boolean, got {kind_of(value)}.")
    return value


def a_number(value, path):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refused(path, f"Invalid value at '{path}': expected a number, got {kind_of(value)}.")
    return value


def one_of(value, path, choices):
    if value not in choices:
        raise Refused(
            path, f"Invalid value: {value!r} at '{path}'. Supported values are: {list(choices)}."
        )
    return value


def base64_text(value, path):
    a_string(value, path, minimum=1)
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(path, f"Base64 decoding failed for '{path}'.") from None


def only(value, path, required=(), optional=()):
    """VALUE is an object with the REQUIRED keys and no other than those and OPTIONAL."""
    an_object(value, path)
    for key in value:
        if key not in required and key not in optional:
            raise Refused(step(path, key), f"Unknown parameter: '{step(path, key)}'.", unknown=key)
    for key in required:
        if key not in value:
            where = step(path, key)
            raise Refused(where, f"Missing required parameter: '{where}'.", "missing_required")
    return value


def kind_of(value):
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    return names.get(type(value), "null" if value is None else "a number")
