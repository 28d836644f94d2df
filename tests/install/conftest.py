# SPDX-License-Identifier: MIT
"""
What is installed, as a user gets it: below a DESTDIR of its own.

Environment: TEPLO_BUILD, the build to install (default: build/dev).
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tests/e2e"))
BUILD = pathlib.Path(os.environ.get("TEPLO_BUILD", REPO / "build/dev"))


def run(*words, **keywords):
    """Its stdout; its failure shows all it said."""
    words = [str(word) for word in words]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, **keywords)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


def cache(name):
    text = (BUILD / "CMakeCache.txt").read_text()
    return re.search(rf"^{name}:\w+=(.*)$", text, re.MULTILINE)[1]


def header_functions(text=None):
    """The names in teplo.h, by the rule that its head gives."""
    text = text or (REPO / "client-lib/include/teplo.h").read_text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    declared = re.findall(r"TEPLO_API\b([^;]*);", text)
    return {re.search(r"(\w+)\s*\(", one)[1] for one in declared}


def need(program):
    if shutil.which(program) is None:
        pytest.skip(f"no {program} here")
    return program


class Installed:
    def __init__(self, root):
        self.root = root
        self.prefix = pathlib.Path(f"{root}{cache('CMAKE_INSTALL_PREFIX')}")
        self.libdir = next(self.prefix.rglob("libteplo.so.1")).parent
        self.include = self.prefix / "include"
        self.library = self.libdir / "libteplo.so.1"
        self.archive = self.libdir / "libteplo.a"
        self.env = {**os.environ, "LD_LIBRARY_PATH": str(self.libdir)}

    def pkg_config(self, *words):
        env = {"PATH": os.environ["PATH"], "PKG_CONFIG_PATH": f"{self.libdir}/pkgconfig",
               "PKG_CONFIG_SYSROOT_DIR": str(self.root)}  # fmt: skip
        return run(need("pkg-config"), *words, "teplo", env=env).split()


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    if cache("TEPLO_SANITIZE"):
        pytest.skip("a build with sanitizers is not what is installed")
    root = tmp_path_factory.mktemp("root")
    env = {**os.environ, "DESTDIR": str(root)}
    run("cmake", "--install", BUILD, "--component", "client", env=env)
    return Installed(root)
