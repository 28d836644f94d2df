# SPDX-License-Identifier: MIT
"""What the library shows and what it needs: the header's functions, and libc."""

import re

from conftest import REPO, header_functions, run

MAP = REPO / "client-lib/libteplo.map"
SYMBOLS = REPO / "client-lib/abi/libteplo1.symbols"


def exported(library):
    """{name: version} of the defined dynamic symbols."""
    found = {}
    for line in run("readelf", "--dyn-syms", "--wide", library).splitlines():
        words = line.split()
        if len(words) >= 8 and words[6] not in ("UND", "Ndx") and words[4] in ("GLOBAL", "WEAK"):
            name, _, version = words[7].partition("@@")
            found[name] = version
    return found


def test_the_version_script_is_the_header():
    assert set(re.findall(r"^    (\w+);", MAP.read_text(), re.MULTILINE)) == header_functions()


def test_the_library_exports_the_header_and_nothing_else(installed):
    functions = exported(installed.library)
    assert functions.pop("TEPLO_1") == ""
    assert set(functions) == header_functions()
    assert set(functions.values()) == {"TEPLO_1"}


def test_the_archive_does_too(installed):
    shown = run("nm", "--defined-only", "--extern-only", installed.archive)
    names = {line.split()[2] for line in shown.splitlines() if len(line.split()) == 3}
    assert names == header_functions()


def test_the_symbols_file_names_them(installed):
    """As Debian's dpkg-gensymbols has it: each with the first version that had it."""
    head, *lines = SYMBOLS.read_text().splitlines()
    assert head == "libteplo.so.1 libteplo1 #MINVER#"
    listed = {line.split()[0] for line in lines}
    versions = exported(installed.library)
    assert listed == {f"{name}@{version or name}" for name, version in versions.items()}
    assert all(re.fullmatch(r" \S+@TEPLO_1(\.\d+)? \d+\.\d+\.\d+", line) for line in lines)


def test_it_needs_libc_alone(installed):
    dynamic = run("readelf", "--dynamic", "--wide", installed.library)
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    assert [name for name in needed if not name.startswith("ld-linux")] == ["libc.so.6"]
    abi = re.search(r"#define TEPLO_ABI (\d+)", (REPO / "client-lib/include/teplo.h").read_text())[1]
    assert re.search(r"\(SONAME\).*\[(.*)\]", dynamic)[1] == f"libteplo.so.{abi}"
    assert "TEXTREL" not in dynamic and "RUNPATH" not in dynamic and "RPATH" not in dynamic


def test_its_names_follow_the_soname(installed):
    assert (installed.libdir / "libteplo.so").resolve() == installed.library.resolve()
    assert re.fullmatch(r"libteplo\.so\.1\.\d+\.\d+\.\d+", installed.library.resolve().name)


def test_its_stack_is_not_executable_and_its_tables_are_read_only(installed):
    segments = run("readelf", "--segments", "--wide", installed.library)
    assert re.search(r"GNU_STACK.* RW ", segments) and "GNU_RELRO" in segments
