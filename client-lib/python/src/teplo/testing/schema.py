# SPDX-License-Identifier: MIT
"""A tool's input schema from the signature of a Python function: the simple types, no models."""

import enum
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Schema = dict[str, Any]

SCALARS: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


class Progress:
    """A tool that has a parameter of this type may tell how far it is: progress(2, 5, "text")."""

    def __init__(self, report: Callable[[float, float | None, str | None], None]) -> None:
        self.report = report

    def __call__(self, done: float, total: float | None = None, message: str | None = None) -> None:
        self.report(done, total, message)


def annotations_of(function: Callable[..., Any]) -> dict[str, Any]:
    """As written: typing.get_type_hints would make `list = None` an Optional before Python 3.11."""
    try:
        parameters = inspect.signature(function, eval_str=True).parameters.values()
    except NameError:
        # Under `from __future__ import annotations` a type of the test's own function is unknown.
        return {}
    return {one.name: one.annotation for one in parameters if one.annotation is not one.empty}


def progress_parameters(function: Callable[..., Any]) -> list[str]:
    """Their names: they are no arguments of the tool."""
    return [name for name, kind in annotations_of(function).items() if kind is Progress]


def input_schema(function: Callable[..., Any]) -> Schema:
    annotations = annotations_of(function)
    properties: dict[str, Schema] = {}
    required = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{function.__name__}: a tool's arguments have names, unlike {parameter}")
        if annotations.get(name) is Progress:
            continue
        properties[name] = type_schema(annotations.get(name, Any))
        if parameter.default is parameter.empty:
            required.append(name)
        else:
            properties[name]["default"] = parameter.default
    schema: Schema = {"type": "object", "properties": properties}
    return {**schema, "required": required} if required else schema


def type_schema(kind: Any) -> Schema:
    """An unknown type gives {}: anything."""
    if kind in SCALARS:
        return {"type": SCALARS[kind]}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {"enum": [member.value for member in kind]}
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return type_schema(arguments[0])
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [type_schema(argument) for argument in arguments]}
    return container_schema(origin or kind, arguments)


def container_schema(kind: Any, arguments: Sequence[Any]) -> Schema:
    if not isinstance(kind, type):
        return {}
    if issubclass(kind, Mapping):
        values = type_schema(arguments[1]) if len(arguments) == 2 else True
        return {"type": "object", "additionalProperties": values or True}
    if issubclass(kind, (list, tuple, set, frozenset)) or kind is Sequence:
        items = type_schema(arguments[0]) if arguments else {}
        return {"type": "array", "items": items}
    return {}
