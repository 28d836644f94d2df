#!/bin/bash
# SPDX-License-Identifier: MIT
#
# valgrind_one.sh PROGRAM: runs it below $VALGRIND (a list of words); says nothing unless it fails.
# shellcheck disable=SC2086 # that list
if ! output=$($VALGRIND "$1" 2>&1); then
    printf '%s\nvalgrind: %s failed\n' "$output" "$1"
    exit 1
fi
