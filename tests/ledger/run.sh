#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The at-most-once test against a built teplod.
#
#   tests/ledger/run.sh [PRESET] [SECONDS]      for CI: release, a minute
#   tests/ledger/run.sh gate [CALLS]            before a release: a million calls, 200 kill -9
#
# Two runs: without faults nothing may be unknown; with them, nothing may be false.
set -euo pipefail
cd "$(dirname "$0")/../.."

run() {
    echo "== ledger: $*"
    "$TEST" "$@"
}

test_of() {
    TEST=build/$1/tests/ledger/ledger_test
    [ -x "$TEST" ] || {
        echo "$TEST is missing: cmake --preset $1 && cmake --build --preset $1"
        exit 2
    }
}

if [ "${1:-}" = gate ]; then
    test_of release
    run --calls 100000 --no-nemesis --fault-permille 0
    run --calls "${2:-1000000}" --kills 200 --upgrades 100
else
    test_of "${1:-release}"
    run --calls 20000 --no-nemesis --fault-permille 0
    run --calls 500000 --seconds "${2:-60}"
fi
