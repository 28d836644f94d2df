# SPDX-License-Identifier: MIT
"""The table of prototypes, and how the library is found."""

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys

import pytest
import teplo
from conftest import PACKAGE, REPO
from harness import places
from teplo import _ffi, _library

TOOL = REPO / "client-lib/python/tools/make_ffi.py"
HEADER = REPO / "client-lib/include/teplo.h"


def load_make_ffi():
    spec = importlib.util.spec_from_file_location("make_ffi", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_ffi = load_make_ffi()


def python(code, **env):
    """Run CODE in a fresh interpreter; what it wrote."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), **env}
    environment = {name: value for name, value in environment.items() if value is not None}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def test_the_committed_table_is_the_headers():
    assert make_ffi.generate(HEADER.read_text()) == (PACKAGE / "teplo/_ffi.py").read_text(), (
        f"teplo.h has changed: run {TOOL.relative_to(REPO)}"
    )


def test_every_function_of_the_header_is_in_the_library():
    functions = vars(_library.lib)
    missing = {name for name, value in functions.items() if not is_bound(value)}
    if not (REPO / "client-lib" / "formats").exists():  # this tree has only the client
        missing -= {name for name in functions if name.startswith("teplo_toolset_")} | {"teplo_free"}
    assert functions and not missing


def is_bound(function):
    return isinstance(function, ctypes._CFuncPtr) and function.argtypes is not None


@pytest.mark.parametrize(
    "change",
    [
        ("int teplo_fd(const struct teplo_client *client)", "int teplo_fd(float client)"),
        ("int teplo_fd(", "double teplo_fd("),
        ("    TEPLO_E_INVAL = -1,", "    TEPLO_E_INVAL = -TEPLO_OK,"),
        ("    const char *pool; ", "    long double pool; "),
        ("#define TEPLO_F_NO_RETRY 2U", "#define TEPLO_F_NO_RETRY (1U << 1)"),
    ],
)
def test_what_it_does_not_understand_it_refuses(change):
    header = HEADER.read_text()
    assert header.count(change[0]) == 1
    with pytest.raises(make_ffi.Unknown):
        make_ffi.generate(header.replace(*change))


def test_the_structure_is_as_the_compiler_lays_it_out(tmp_path):
    compiler = shutil.which("cc") or pytest.skip("no C compiler")
    names = [name for name, *_ in _ffi.Callopts._fields_]
    offsets = ", ".join(f"offsetof(struct teplo_callopts, {name})" for name in names)
    program = tmp_path / "offsets.c"
    program.write_text(
        "#include <stdio.h>\n#include <teplo.h>\nint main(void) {\n"
        f"    size_t all[] = {{sizeof(struct teplo_callopts), {offsets}}};\n"
        '    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) printf("%zu ", all[i]);\n'
        "    return 0;\n}\n"
    )
    subprocess.run([compiler, f"-I{HEADER.parent}", program, "-o", tmp_path / "offsets"], check=True)
    said = subprocess.run([tmp_path / "offsets"], capture_output=True, text=True, check=True).stdout
    ours = [ctypes.sizeof(_ffi.Callopts), *(getattr(_ffi.Callopts, name).offset for name in names)]
    assert [int(word) for word in said.split()] == ours


def test_versions():
    assert teplo.library_version() == teplo.__version__
    assert teplo.LIBRARY == os.environ["TEPLO_LIBRARY"]


def test_no_library_says_what_to_do(tmp_path):
    said = python("import teplo", TEPLO_LIBRARY=str(tmp_path / "nowhere.so"))
    assert "ImportError: teplo needs libteplo.so.1 and could not open it" in said
    assert "TEPLO_LIBRARY is set" in said and "nowhere.so" in said
    copied = tmp_path / "copy"
    shutil.copytree(PACKAGE, copied)
    for own in copied.glob("teplo/libteplo.so*"):
        own.unlink()
    code = "import ctypes\ntry: ctypes.CDLL('libteplo.so.1')\nexcept OSError: import teplo"
    said = python(code, TEPLO_LIBRARY=None, PYTHONPATH=str(copied))
    assert not said or "install the wheel" in said  # nothing is said where the system has one


def test_the_packages_own_copy_is_found_first(tmp_path):
    copied = tmp_path / "copy"
    shutil.copytree(PACKAGE, copied)
    shutil.copy(os.environ["TEPLO_LIBRARY"], copied / "teplo" / "libteplo.so.1")
    said = python(
        "import teplo; print(teplo.LIBRARY)", TEPLO_LIBRARY=None, PYTHONPATH=str(copied)
    )
    assert said.strip() == str(copied / "teplo" / "libteplo.so.1")


@pytest.mark.parametrize("abi, too_old", [(2, "package"), (0, "library")])
def test_another_abi_is_refused_by_name(tmp_path, abi, too_old):
    compiler = shutil.which("cc") or pytest.skip("no C compiler")
    source, library = tmp_path / "other.c", tmp_path / "libteplo.so.1"
    source.write_text(f"unsigned teplo_abi(void) {{ return {abi}; }}\n")
    subprocess.run([compiler, "-shared", "-fPIC", source, "-o", library], check=True)
    said = python("import teplo", TEPLO_LIBRARY=str(library))
    assert f"ImportError: {library} has ABI {abi}, and this package was made for ABI 1" in said
    assert f"the {too_old} is too old" in said


def test_a_function_that_the_library_lacks_says_so(tmp_path):
    compiler = shutil.which("cc") or pytest.skip("no C compiler")
    source, library = tmp_path / "older.c", tmp_path / "libteplo.so.1"
    source.write_text("unsigned teplo_abi(void) { return 1; }\n")
    subprocess.run([compiler, "-shared", "-fPIC", source, "-o", library], check=True)
    said = python("import teplo; teplo.connect()", TEPLO_LIBRARY=str(library))
    assert "NotImplementedError" in said and "has no teplo_options_new: it is older" in said


def test_every_status_of_the_header_has_an_exception():
    statuses = {
        name: value for name, value in vars(_ffi).items() if name.startswith("TEPLO_E_")
    }
    from teplo._errors import CLASSES

    general = {"TEPLO_E_NOMEM", "TEPLO_E_FORKED", "TEPLO_E_NOENT"}
    assert {name for name, value in statuses.items() if value not in CLASSES} == general


def test_the_types_are_strict():
    interpreter = places.VENVS / "fastmcp" / "bin" / "python"
    if not interpreter.exists():
        pytest.skip("build/venvs/fastmcp, which has mypy, is not installed")
    done = subprocess.run(
        [interpreter, "-m", "mypy", "--strict", "--cache-dir", "/dev/null", PACKAGE / "teplo"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
