#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes src/teplo/_ffi.py from teplo.h.

  make_ffi.py [HEADER [OUTPUT]]      OUTPUT "-": standard output

The header is written for this: every function begins with TEPLO_API and ends at the next semicolon,
every enumerator and structure member stands on a line of its own.  What is not understood is refused:
a prototype that is wrong by one word is a crash in somebody's server.
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
HEADER = HERE.parents[1] / "include" / "teplo.h"
OUTPUT = HERE.parent / "src" / "teplo" / "_ffi.py"

HEAD = '''\
# SPDX-License-Identifier: MIT
# Made by tools/make_ffi.py from client-lib/include/teplo.h.  Do not edit: change the header, and run that.
"""libteplo for ctypes: its numbers, its one public structure, and its prototypes.

Pointers are integers here (None is NULL).  Text that libteplo returns with a length is an
address, for ctypes.string_at; text with an end of its own is bytes.
"""

import ctypes
from collections.abc import Callable
from typing import Any, Final

'''

LIBRARY = '''

def _bind(cdll: ctypes.CDLL, name: str, restype: Any, *argtypes: Any) -> Any:
    try:
        function = getattr(cdll, name)
    except AttributeError:
        return _missing(cdll, name)
    function.restype = restype
    function.argtypes = argtypes
    return function


def _missing(cdll: ctypes.CDLL, name: str) -> Any:
    def complain(*_: Any) -> Any:
        raise NotImplementedError(f"{cdll._name} has no {name}: it is older than this package")

    return complain


class Library:
    """
    The functions of an opened libteplo, with their prototypes.  One that a library older than
    this package lacks complains when it is called.
    """

    def __init__(self, cdll: ctypes.CDLL) -> None:
'''

# C type (without "const") -> ctypes expression, annotation.
ARGUMENTS = {
    "int": ("ctypes.c_int", "int"),
    "int64_t": ("ctypes.c_int64", "int"),
    "uint32_t": ("ctypes.c_uint32", "int"),
    "uint64_t": ("ctypes.c_uint64", "int"),
    "size_t": ("ctypes.c_size_t", "int"),
    "char *": ("ctypes.c_char_p", "bytes | None"),
    "void *": ("ctypes.c_void_p", "int | None"),
    "char **": ("ctypes.POINTER(ctypes.c_void_p)", "Any"),
    "size_t *": ("ctypes.POINTER(ctypes.c_size_t)", "Any"),
    "uint64_t *": ("ctypes.POINTER(ctypes.c_uint64)", "Any"),
}
RESULTS = {
    "int": ("ctypes.c_int", "int"),
    "int64_t": ("ctypes.c_int64", "int"),
    "uint32_t": ("ctypes.c_uint32", "int"),
    "void": ("None", "None"),
}


class Unknown(Exception):
    """The header says something that this program does not know."""


def main():
    header = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HEADER
    output = sys.argv[2] if len(sys.argv) > 2 else str(OUTPUT)
    text = generate(header.read_text(encoding="utf-8"))
    if output == "-":
        sys.stdout.write(text)
    else:
        pathlib.Path(output).write_text(text, encoding="utf-8")


def generate(header):
    code = re.sub(r"/\*.*?\*/", " ", header, flags=re.DOTALL)
    parts = [HEAD, *constants(code), *structures(code), *library(code)]
    return "".join(parts)


# Numbers.


def constants(code):
    for name, value in re.findall(r"^#define +(TEPLO_\w+) +(.*\S) *$", code, re.MULTILINE):
        number = re.fullmatch(r"(?:INT64_C\()?(-?(?:0[xX][0-9a-fA-F]+|\d+))U?\)?", value)
        if number:
            yield f"{name}: Final = {number[1]}\n"
        elif name not in ("TEPLO_API", "TEPLO_CALLOPTS_INIT"):
            raise Unknown(f"#define {name} {value}")
    for enum, body in re.findall(r"^enum (\w+) \{(.*?)^\};", code, re.MULTILINE | re.DOTALL):
        yield f"\n# enum {enum}\n"
        for line in filter(None, (part.strip() for part in body.split(","))):
            enumerator = re.fullmatch(r"(TEPLO_\w+) = (-?\d+)", line)
            if not enumerator:
                raise Unknown(f"enum {enum}: {line}")
            yield f"{enumerator[1]}: Final = {enumerator[2]}\n"


# Structures that callers fill in.


def structures(code):
    for name, body in re.findall(r"^struct (\w+) \{(.*?)^\};", code, re.MULTILINE | re.DOTALL):
        yield f"\n\nclass {class_name(name)}(ctypes.Structure):\n    _fields_ = [\n"
        for member in filter(None, (part.strip() for part in body.split(";"))):
            match = re.fullmatch(r"(.*?)(\w+)", " ".join(member.split()))
            ctype, _ = argument_type(match[1].strip(), f"struct {name}")
            yield f'        ("{match[2]}", {ctype}),\n'
        yield "    ]\n"


def class_name(name):
    return "".join(word.capitalize() for word in name.removeprefix("teplo_").split("_"))


# Functions.


def library(code):
    yield LIBRARY
    declarations = re.findall(r"^TEPLO_API\s+([^;]*);", code, re.MULTILINE)
    if len(declarations) != len(re.findall(r"^TEPLO_API\b", code, re.MULTILINE)):
        raise Unknown("a TEPLO_API without its semicolon")
    for declaration in declarations:
        yield from function(" ".join(declaration.split()))


def function(declaration):
    match = re.fullmatch(r"(.*?)\b(teplo_\w+)\((.*)\)", declaration)
    if not match:
        raise Unknown(declaration)
    result, name, parameters = match[1].strip(), match[2], match[3]
    types = [] if parameters == "void" else [parameter_type(one, name) for one in parameters.split(", ")]
    has_length = parameters.endswith("size_t *ret_length")
    restype, returned = result_type(result, has_length, name)
    annotations = ", ".join(annotation for _, annotation in types)
    yield f"        self.{name}: Callable[[{annotations}], {returned}] = _bind(\n"
    yield f'            cdll, "{name}", {", ".join([restype, *(ctype for ctype, _ in types)])}\n        )\n'


def parameter_type(parameter, where):
    match = re.fullmatch(r"(.*?)(\w+)", parameter)
    return argument_type(match[1].strip(), where)


def argument_type(text, where):
    plain = text.removeprefix("const ")
    if plain in ARGUMENTS:
        return ARGUMENTS[plain]
    if re.fullmatch(r"enum teplo_\w+", plain):
        return ARGUMENTS["int"]
    if re.fullmatch(r"enum teplo_\w+ \*", plain):
        return "ctypes.POINTER(ctypes.c_int)", "Any"
    if plain == "struct teplo_callopts *":
        return "ctypes.POINTER(Callopts)", "Any"
    if re.fullmatch(r"struct teplo_\w+ \*", plain):
        return ARGUMENTS["void *"]
    if re.fullmatch(r"struct teplo_\w+ \*\*", plain):
        return "ctypes.POINTER(ctypes.c_void_p)", "Any"
    raise Unknown(f"{where}: {text}")


def result_type(text, has_length, where):
    if text in RESULTS:
        return RESULTS[text]
    if text.startswith("enum "):
        return RESULTS["int"]
    if text == "const char *":
        return ("ctypes.c_void_p", "int | None") if has_length else ("ctypes.c_char_p", "bytes")
    if re.fullmatch(r"struct teplo_\w+ \*", text):
        return "ctypes.c_void_p", "int | None"
    raise Unknown(f"{where} returns {text}")


if __name__ == "__main__":
    main()
