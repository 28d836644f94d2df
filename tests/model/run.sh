#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Checks the model of delivery (amo.pml): safe and live as it is, and each mutant found out.
# Needs spin and gcc.  `run.sh 3` does it for three calls too, which takes a minute.
set -euo pipefail
cd "$(dirname "$0")"
MODEL=$PWD/amo.pml
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"
failed=0

# verifier NAME FLAG...: makes ./NAME; weak fairness for all the model's processes.  Mutants are found
# out at once, so that compiling them well would take longer than running them.
verifier() {
    local name=$1 optimize=-O2
    [ "$name" = model ] || optimize=-O0
    shift
    spin -a "$@" "$MODEL" >spin.log || { cat spin.log; exit 1; }
    gcc "$optimize" -w -DNFAIR=5 -DVECTORSZ=2048 -o "$name" pan.c
}

# verdict NAME ARGUMENT...: the number of errors that the verifier counts, and its states.
verdict() {
    local name=$1
    shift
    "./$name" -m200000 "$@" >pan.log 2>&1 || true
    errors=$(sed -n 's/.*errors: \([0-9]*\)$/\1/p' pan.log)
    states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' pan.log)
    # A search that was cut short proves nothing.
    if [ -z "$errors" ] || grep -q 'max search depth too small\|out of memory' pan.log; then
        cat pan.log
        errors=broken
    fi
}

expect() {
    local what=$1 wanted=$2
    if [ "$errors" = "$wanted" ]; then
        echo "model: $what: ok (${states:-?} states)"
    else
        echo "model: $what: $errors errors, $wanted expected"
        failed=1
    fi
}

verifier model
verdict model -a -N safe
expect "two calls, safe" 0
verdict model -a -f -N live
expect "two calls, live" 0
for mutant in M1 M2 M3 M4 M5; do
    verifier mutant "-D$mutant"
    verdict mutant -a -N safe
    expect "mutant $mutant is found out" 1
done
# A broker that never answers would be live to a property that says nothing.
verifier mutant -DM6
verdict mutant -a -f -N live
expect "mutant M6 is found out" 1

if [ "${1:-2}" = 3 ]; then
    verifier model -DN=3
    verdict model -a -N safe
    expect "three calls, safe" 0
fi
exit "$failed"
