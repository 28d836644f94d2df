# SPDX-License-Identifier: MIT
"""Packages that teplo works with and never requires."""

import importlib
import importlib.util
from typing import Any


def load(module: str, what_for: str) -> Any:
    """The module; ImportError says what needed it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        package = module.partition(".")[0]
        if missing.name is None or missing.name.partition(".")[0] != package:
            raise
        raise ImportError(f"{what_for} needs the package {package!r}, which is not installed") from missing


def find(module: str) -> Any | None:
    """The module, or None if its package is not installed.  A broken package still raises."""
    try:
        if importlib.util.find_spec(module) is None:
            return None
    except ModuleNotFoundError:
        return None
    return importlib.import_module(module)
