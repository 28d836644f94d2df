# SPDX-License-Identifier: MIT
"""The Python package as pip builds it: one wheel for every Python, with the library inside."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

from conftest import REPO, run
from harness import Broker, RawServer
from test_symbols import exported, header_functions

PACKAGE = REPO / "client-lib/python"
PIN = re.search(r'"(scikit-build-core==[^"]+)"', (PACKAGE / "pyproject.toml").read_text())[1]
# The newest glibc symbol that the library needs: what it was when this was written, and so the
# oldest system that a wheel built here runs on.
GLIBC_MOST = (2, 34)
USE_IT = """
import asyncio, sys, teplo

async def call(pool):
    return (await pool.call_tool("counter", {"key": "k"})).text

pool = teplo.connect(socket=sys.argv[1])
print(asyncio.run(call(pool)), pool.call_tool_sync("counter", {"key": "k"}).text)
print(teplo.LIBRARY)
"""


class Python:
    """A fresh virtual environment, in which TEPLO_LIBRARY does not help."""

    def __init__(self, folder, interpreter=sys.executable):
        run(interpreter, "-m", "venv", folder)
        self.program = folder / "bin/python"
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith(("TEPLO_LIBRARY", "PYTHON", "PIP_"))}  # fmt: skip

    def run(self, *words):
        return run(self.program, *words, env=self.env)

    def pip(self, *words):
        return self.run("-m", "pip", "--disable-pip-version-check", "--quiet", *words)

    def pip_fetching(self, *words):
        """What goes over the network is tried three times."""
        for attempt in range(3):
            try:
                return self.pip(*words)
            except AssertionError:
                if attempt == 2:
                    raise


def interpreters():
    """{"3.12": path or None}: on PATH as python3.12, or of pyenv."""
    found = {}
    for minor in range(10, 14):
        places = [pathlib.Path(folder) / f"python3.{minor}" for folder in os.get_exec_path()]
        pyenv = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
        places += sorted(pyenv.glob(f"versions/3.{minor}.*/bin/python3.{minor}"))
        found[f"3.{minor}"] = next((p for p in places if is_version(p, f"3.{minor}")), None)
    return found


def is_version(program, version):
    """A shim of pyenv is there for versions that do not start."""
    if not program.exists():
        return False
    asked = [program, "-c", "import sys, ensurepip; print('%d.%d' % sys.version_info[:2])"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60)
    return done.returncode == 0 and done.stdout.strip() == version


INTERPRETERS = interpreters()


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    return Python(tmp_path_factory.mktemp("builder") / "venv")


@pytest.fixture(scope="module")
def wheel(builder, tmp_path_factory):
    """Built in a checkout, with pip's own isolation: as README says."""
    folder = tmp_path_factory.mktemp("wheel")
    builder.pip_fetching("wheel", "--no-deps", "--wheel-dir", folder, PACKAGE)
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def library(wheel, tmp_path_factory):
    with zipfile.ZipFile(wheel) as archive:
        return pathlib.Path(archive.extract("teplo/libteplo.so.1", tmp_path_factory.mktemp("so")))


@pytest.fixture(scope="module")
def broker():
    server = RawServer()
    broker = Broker({"raw": server.url})
    yield broker
    broker.done()
    server.done()


def test_one_wheel_serves_every_python(wheel):
    assert re.fullmatch(r"teplo-[\d.]+-py3-none-linux_\w+\.whl", wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    sources = {f"teplo/{path.relative_to(PACKAGE / 'src/teplo')}"
               for path in (PACKAGE / "src/teplo").rglob("*")
               if path.is_file() and path.suffix != ".pyc"}  # fmt: skip
    assert {name for name in names if ".dist-info/" not in name} == sources | {"teplo/libteplo.so.1"}


def test_its_library_needs_libc_alone(library):
    dynamic = run("readelf", "--dynamic", "--wide", library)
    assert re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic) == ["libc.so.6"]
    assert set(exported(library)) == header_functions() | {"TEPLO_1"}


def test_its_library_runs_on_older_systems(library):
    versions = re.findall(r"GLIBC_(\d+)\.(\d+)", run("readelf", "--version-info", library))
    newest = max((int(major), int(minor)) for major, minor in versions)
    assert newest <= GLIBC_MOST, f"needs glibc {newest}; if that is meant, say so here"


@pytest.mark.parametrize("version", INTERPRETERS)
def test_a_call_of_a_tool(wheel, broker, tmp_path, version):
    if INTERPRETERS[version] is None:
        pytest.skip(f"no CPython {version} on PATH or in pyenv")
    python = Python(tmp_path / "venv", INTERPRETERS[version])
    python.pip("install", "--no-index", wheel)
    before = int(broker.client().text("counter", {"key": "k"}))
    answers, place = python.run("-c", USE_IT, broker.socket_path()).splitlines()
    assert answers == f"{before + 1} {before + 2}"
    assert pathlib.Path(place).parent.is_relative_to(tmp_path / "venv")


def make_sdist(builder, folder):
    builder.pip_fetching("install", PIN)
    hook = "import sys, build_backend as b; print(b.build_sdist(sys.argv[1]))"
    env = {**builder.env, "PYTHONPATH": str(PACKAGE / "tools"), "PYTHONDONTWRITEBYTECODE": "1"}
    said = run(builder.program, "-c", hook, folder, env=env, cwd=PACKAGE)
    return folder / said.splitlines()[-1]


def test_an_sdist_has_all_that_it_needs(builder, tmp_path):
    """CMake finds each source in it, elsewhere; nothing of it stays in the checkout."""
    sdist = make_sdist(builder, tmp_path)
    assert not (PACKAGE / "libteplo").exists()
    shutil.unpack_archive(sdist, tmp_path)
    (folder,) = tmp_path.glob("teplo-*/")
    run("cmake", "-S", folder, "-B", tmp_path / "build", "-G", "Ninja")
    inside = {str(path.relative_to(folder / "libteplo")) for path in folder.rglob("*.h")}
    ours = [path for part in ("proto", "client-lib/lib", "client-lib/formats", "client-lib/include")
            for path in (REPO / part).rglob("*.h")]  # fmt: skip
    assert inside == {str(path.relative_to(REPO)) for path in ours}


@pytest.mark.skipif("TEPLO_WHEEL_LONG" not in os.environ, reason="TEPLO_WHEEL_LONG is not set")
def test_an_sdist_becomes_a_wheel(builder, tmp_path):
    sdist = make_sdist(builder, tmp_path)
    builder.pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", tmp_path,
                sdist)  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert "teplo/libteplo.so.1" in archive.namelist()


def test_the_versions_are_one(wheel):
    version = re.search(r"project\(teplo VERSION ([\d.]+)", (REPO / "CMakeLists.txt").read_text())[1]
    header = re.search(r"TEPLO_VERSION_NUMBER (0x\w+)", (REPO / "client-lib/include/teplo.h").read_text())[1]
    number = int(header, 16)
    assert f"{number >> 16}.{number >> 8 & 255}.{number & 255}" == version
    assert wheel.name.startswith(f"teplo-{version}-")
    assert f'__version__ = "{version}"' in (PACKAGE / "src/teplo/__init__.py").read_text()
