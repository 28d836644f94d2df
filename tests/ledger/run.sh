#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The at-most-once test against a built teplod.
#
#   tests/ledger/run.sh [PRESET] [SECONDS]      for CI: release, a minute
#   tests/ledger/run.sh gate [CALLS]            before a release: a million calls, 200 kill -9
#
# Without faults nothing may be unknown, nor by a reload, an upgrade, a server that stands still or
# a client that leaves; with everything at once, nothing may be false.
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

# harmless CALLS
harmless() {
    run --calls "$1" --no-nemesis --fault-permille 0
    run --calls "$1" --no-nemesis --fault-permille 0 --reloads 50 --upgrades 10
    run --calls "$1" --no-nemesis --fault-permille 0 --freezes 10 --leaves 100
}

if [ "${1:-}" = gate ]; then
    test_of release
    harmless 100000
    run --calls 200000 --clients 6 --pool-options '"pool_mode":"session"'
    run --calls "${2:-1000000}" --kills 200 --upgrades 100
else
    test_of "${1:-release}"
    harmless 20000
    run --calls 20000 --clients 6 --pool-options '"pool_mode":"session"'
    run --calls 500000 --seconds "${2:-60}"
fi
