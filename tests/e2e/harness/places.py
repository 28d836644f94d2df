# SPDX-License-Identifier: MIT
"""Where the programs under test and their counterparties are; set by tests/run.sh."""

import os
import pathlib
import platform

REPO = pathlib.Path(__file__).parents[3]
BUILD = REPO / "build"
UPSTREAM = REPO / "tests" / "upstream"
CLIENTS = REPO / "tests" / "e2e" / "clients"
NODE_SCRIPTS = REPO / "tests" / "e2e" / "node"

TEPLOD = os.environ.get("TEPLOD", str(BUILD / "dev" / "broker" / "teplod"))
TEPLOCTL = os.environ.get("TEPLOCTL", str(BUILD / "dev" / "client-lib" / "cli" / "teploctl"))
WRAPPER = os.environ.get("TEPLO_WRAPPER", "").split()
VENVS = pathlib.Path(os.environ.get("TEPLO_VENVS", BUILD / "venvs"))
NODE_MODULES = pathlib.Path(os.environ.get("TEPLO_NODE_MODULES", BUILD / "node" / "node_modules"))

# How much slower than usual things may be: valgrind and sanitizers need their time.
SLOWNESS = float(os.environ.get("TEPLO_SLOWNESS", "10" if "valgrind" in WRAPPER[:1] else "1"))


def python(venv: str) -> str:
    """The interpreter of build/venvs/VENV: "mcp1" or "mcp2"."""
    return installed(VENVS / venv / "bin" / "python")


def node() -> str:
    """The one of its npm package: Debian's is too old.  Not every npm links it below .bin."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return installed(NODE_MODULES / f"node-linux-{machine}" / "bin" / "node")


def node_program(name: str) -> list:
    """The command line of a program that an npm package installed."""
    return [node(), installed(NODE_MODULES / ".bin" / name)]


def installed(path: pathlib.Path) -> str:
    if not path.exists():
        raise RuntimeError(f"{path} is missing: run `tests/run.sh setup` first")
    return str(path)
