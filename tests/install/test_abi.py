# SPDX-License-Identifier: MIT
"""
The header keeps what client-lib/abi/libteplo.abi promises, and the check of it finds what would not.
"""

import platform
import subprocess
import sys

import pytest

from conftest import REPO, need

PROMISE = REPO / "client-lib/abi/promise.py"
HEADER = (REPO / "client-lib/include/teplo.h").read_text()

INCOMPATIBLE = {
    "a function is gone": ("TEPLO_API int teplo_fd(const struct teplo_client *client);", ""),
    "a parameter is narrower": ("_wait(struct teplo_client *client, int64_t", "_wait(struct teplo_client *client, int32_t"),
    "a result is narrower": ("TEPLO_API int64_t teplo_result_rpc_code", "TEPLO_API int teplo_result_rpc_code"),
    "an error has another number": ("TEPLO_E_AGAIN = -6,", "TEPLO_E_AGAIN = -9,"),
    "an error is gone": ("TEPLO_E_PROTO = -22,", ""),
    "an option has another number": ("TEPLO_OPT_POOL = 2,", "TEPLO_OPT_POOL = 12,"),
    "a flag has another value": ("TEPLO_F_NO_RETRY 2U", "TEPLO_F_NO_RETRY 4U"),
    "a field is wider": ("    uint32_t flags;", "    uint64_t flags;"),
    "a field has another type": ("    size_t meta_length;", "    int64_t meta_length;"),
    "a field comes in between": ("    const char *pool;", "    const char *more;\n    const char *pool;"),
    "a field is gone": ("    struct teplo_cancel_token *cancel;", ""),
}
COMPATIBLE = {
    "nothing changes": ("", ""),
    "a function is new": ("TEPLO_API uint32_t teplo_abi(void);",
                          "TEPLO_API uint32_t teplo_abi(void);\nTEPLO_API int teplo_more(void);"),
    "an error is new": ("TEPLO_E_RPC = -60", "TEPLO_E_MORE = -61,\n    TEPLO_E_RPC = -60"),
    "a field is new at the end": ("    struct teplo_cancel_token *cancel;",
                                  "    struct teplo_cancel_token *cancel;\n    uint64_t more;"),
    "a new version": ("TEPLO_VERSION_NUMBER 0x000100", "TEPLO_VERSION_NUMBER 0x000200"),
}  # fmt: skip


def check(change, tmp_path):
    need("abidiff")
    if platform.machine() != "x86_64":
        pytest.skip("the promise was written on x86_64")
    before, after = change
    assert before in HEADER
    header = tmp_path / "teplo.h"
    header.write_text(HEADER.replace(before, after, 1) if before else HEADER)
    return subprocess.run(
        [sys.executable, PROMISE, "check", header], capture_output=True, text=True, timeout=60)  # fmt: skip


@pytest.mark.parametrize("change", COMPATIBLE)
def test_compatible(tmp_path, change):
    done = check(COMPATIBLE[change], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("change", INCOMPATIBLE)
def test_incompatible(tmp_path, change):
    done = check(INCOMPATIBLE[change], tmp_path)
    assert done.returncode in (4, 12), done.stdout + done.stderr
    assert "[C]" in done.stdout or "[D]" in done.stdout
