# SPDX-License-Identifier: MIT
"""Programs that use what was installed, in every way that README names."""

import pytest

from conftest import REPO, header_functions, need, run

CONSUMER = REPO / "tests/install/consumer"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
COMPILERS = {
    "gcc": ["gcc", "-std=c11"],
    "clang": ["clang", "-std=c11"],
    "g++": ["g++", "-x", "c++", "-std=c++11"],
    "clang++": ["clang++", "-x", "c++", "-std=c++11"],
}


@pytest.mark.parametrize("name", COMPILERS)
def test_by_pkg_config(installed, tmp_path, name):
    compiler = COMPILERS[name]
    need(compiler[0])
    program = tmp_path / "consumer"
    flags = installed.pkg_config("--cflags")
    libraries = installed.pkg_config("--libs")
    run(*compiler, *STRICT, *flags, CONSUMER / "consumer.c", "-o", program, "-x", "none", *libraries)
    run(program, env=installed.env)
    assert "libteplo.so.1" in run("ldd", program, env=installed.env)


def test_by_pkg_config_static(installed, tmp_path):
    """All of the program, libc too: then the archive is complete."""
    program = tmp_path / "consumer"
    flags = installed.pkg_config("--cflags")
    libraries = installed.pkg_config("--static", "--libs")
    run("gcc", *STRICT, "-static", *flags, CONSUMER / "consumer.c", "-o", program, *libraries)
    run(program)


def test_by_cmake(installed, tmp_path):
    """Shared and static; the prefix is not where it was configured for."""
    run("cmake", "-S", CONSUMER, "-B", tmp_path, "-G", "Ninja",
        f"-DCMAKE_PREFIX_PATH={installed.prefix}")  # fmt: skip
    run("cmake", "--build", tmp_path)
    assert "libteplo.so.1" in run("ldd", tmp_path / "shared")
    assert "teplo" not in run("ldd", tmp_path / "static")
    run(tmp_path / "shared")
    run(tmp_path / "static")


def test_cmake_refuses_another_major_version(installed, tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(c LANGUAGES C)\n"
        "find_package(teplo 1.0 QUIET)\n"
        'if(teplo_FOUND)\n  message(FATAL_ERROR "found")\nendif()\n'
    )
    run("cmake", "-S", tmp_path, "-B", tmp_path / "b", f"-DCMAKE_PREFIX_PATH={installed.prefix}")


def test_each_function_has_its_page(installed):
    section = installed.prefix / "share/man/man3"
    manual = (section / "libteplo.3").read_text()
    for name in header_functions():
        assert (section / f"{name}.3").read_text() == ".so man3/libteplo.3\n"
        assert f"{name}(" in manual, f"libteplo(3) does not have the prototype of {name}"
    assert {page.name for page in (installed.prefix / "share/man/man7").iterdir()} == {
        "teplo.7", "teplo-formats.7"}  # fmt: skip
