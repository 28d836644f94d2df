# SPDX-License-Identifier: MIT
"""
Tests of the Python package, against a real broker.  The harness of tests/e2e is importable.

Environment: TEPLO_LIBRARY and TEPLOD (default: build/dev), and what tests/README.md says.
"""

import os
import pathlib
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = REPO / "client-lib" / "python" / "src"

os.environ.setdefault("TEPLO_LIBRARY", str(REPO / "build/dev/client-lib/lib/libteplo.so.1"))
os.environ.setdefault("TEPLO_BLOCKING", "raise")
sys.path.insert(0, str(REPO / "tests" / "e2e"))
if "teplo" not in sys.modules:
    sys.path.insert(0, str(PACKAGE))
