#!/bin/bash
# SPDX-License-Identifier: MIT
#
# teplo, HAProxy and nginx in front of the same server, and that server by itself, side by side
# in one run: calls a second, latencies, CPU, memory, requests to the server for each call.
#
#   tests/bench/compare.sh                 five rounds, the table on stdout
#   tests/bench/compare.sh --help          what can be changed
#
# Installs haproxy and nginx where they are missing; builds the release preset; leaves nothing
# running.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/install.sh
. tests/install.sh

export PATH=$PATH:/usr/sbin
command -v haproxy >/dev/null || install_packages haproxy
command -v nginx >/dev/null || install_packages nginx-light
{
    cmake --preset release
    cmake --build --preset release
} >build/compare-build.log 2>&1 || {
    tail -n 40 build/compare-build.log
    exit 1
}
exec python3 tests/bench/compare.py "$@"
