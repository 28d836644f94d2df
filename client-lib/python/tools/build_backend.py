# SPDX-License-Identifier: MIT
"""
The wheel's build: scikit-build-core's, but that an sdist carries the sources of libteplo.

They lie around this folder in a checkout, and inside it, as libteplo/, in an sdist.
"""

import contextlib
import pathlib
import shutil

from scikit_build_core import build as backend
from scikit_build_core.build import (  # noqa: F401 - the hooks that stay as they are
    build_editable,
    build_wheel,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
)

PYTHON = pathlib.Path(__file__).resolve().parents[1]
CHECKOUT = PYTHON.parents[1]
COPY = PYTHON / "libteplo"
# What TEPLO_CLIENT_ONLY builds from.
PARTS = [
    "CMakeLists.txt",
    "LICENSE",
    "proto",
    "client-lib/CMakeLists.txt",
    "client-lib/library.cmake",
    "client-lib/libteplo.map",
    "client-lib/include",
    "client-lib/package",
    "client-lib/lib",
    "client-lib/formats",
]


@contextlib.contextmanager
def sources():
    """A copy of the library's sources in here, while it lasts; an sdist has it anyway."""
    if not (CHECKOUT / "client-lib/libteplo.map").exists():
        yield
        return
    shutil.rmtree(COPY, ignore_errors=True)
    try:
        for part in PARTS:
            target = COPY / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if (CHECKOUT / part).is_dir():
                shutil.copytree(CHECKOUT / part, target)
            else:
                shutil.copy2(CHECKOUT / part, target)
        yield
    finally:
        shutil.rmtree(COPY, ignore_errors=True)


def build_sdist(sdist_directory, config_settings=None):
    with sources():
        return backend.build_sdist(sdist_directory, config_settings)
