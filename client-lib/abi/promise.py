#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
What libteplo.so.1 promises to the programs that were linked with it, for abidiff.

    client-lib/abi/promise.py write             writes libteplo.abi from the header
    client-lib/abi/promise.py check [HEADER]    fails if HEADER breaks what libteplo.abi promises

The promise is the header's: a library is made of empty functions with its prototypes, and of its
enumerators and macros, so that nothing inside libteplo is in it.  That libteplo has those functions
and no others, other tests say.  Compatible are new functions, new enumerators and new fields at
the end of teplo_callopts (compatible.suppr): write the promise anew after such a change.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
HEADER = HERE.parent / "include/teplo.h"
PROMISE = HERE / "libteplo.abi"
COMPATIBLE = HERE / "compatible.suppr"


def main():
    command, *words = sys.argv[1:] or ["help"]
    if command not in ("write", "check"):
        sys.exit(__doc__)
    header = pathlib.Path(words[0] if words else HEADER)
    with tempfile.TemporaryDirectory() as folder:
        library = build(header, pathlib.Path(folder))
        if command == "write":
            write(library)
        else:
            sys.exit(check(library))


def build(header, folder):
    (folder / "teplo.h").write_text(header.read_text())
    (folder / "promise.c").write_text(empty_library(header.read_text()))
    library = folder / "libteplo.so.1"
    flags = ["-std=c11", "-g", "-O0", "-w", "-shared", "-fPIC", "-Wl,-soname,libteplo.so.1"]
    subprocess.run(
        ["gcc", *flags, f"-fdebug-prefix-map={folder}=.", "promise.c", "-o", library.name],
        cwd=folder, check=True)  # fmt: skip
    return library


def empty_library(text):
    """C with all that the header declares, in forms that debugging information keeps."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    macros = re.findall(r"^#define (TEPLO_(?!H\b|API\b|VERSION|CALLOPTS)\w+)[ \t]+\S", text, re.MULTILINE)
    code = re.sub(r"^\s*#(?:.*\\\n)*.*$", "", text, flags=re.MULTILINE)
    lines = ['#include "teplo.h"']
    # The suppression forgives whatever happens to the size of the structure: not so its fields.
    fields = re.search(r"^struct teplo_callopts \{(.*?)^\};", code, re.DOTALL | re.MULTILINE)[1]
    for name in re.findall(r"(\w+);", fields):
        at = f"char (*at)[__builtin_offsetof(struct teplo_callopts, {name}) + 1]"
        kind = f"__typeof__(((struct teplo_callopts *)0)->{name}) *kind"
        lines.append(f"void promise_callopts_{name}({at}, {kind}) {{}}")
    for declared in re.findall(r"TEPLO_API\b([^;]*);", code):
        value = "" if re.match(r"\s*void\s+teplo_", declared) else "return 0;"
        lines.append(f"{' '.join(declared.split())} {{ {value} }}")
    enums = re.findall(r"^enum (\w+) \{", code, re.MULTILINE)
    lines += [f"void promise_{name}(enum {name} value) {{}}" for name in enums]
    lines += [f"void promise_{name}(char (*value)[({name}) + 2]) {{}}" for name in macros]
    return "\n".join(lines) + "\n"


def write(library):
    options = ["--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--no-elf-needed"]
    subprocess.run(["abidw", *options, "--type-id-style", "hash", "--out-file", PROMISE, library],
                   check=True)  # fmt: skip


def check(library):
    options = ["--no-added-syms", "--suppressions", COMPATIBLE]
    return subprocess.run(["abidiff", *options, PROMISE, library]).returncode


if __name__ == "__main__":
    main()
