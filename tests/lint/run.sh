#!/bin/bash
# SPDX-License-Identifier: MIT
# All checks that need no build.  `run.sh floors shellcheck` runs only those two.
set -euo pipefail
cd "$(dirname "$0")/../.."

ALL=(floors sources tables metrics dashboards matrix headers format shellcheck codespell cppcheck python manuals
    lockfiles)

# The project's files of the given patterns, NUL-terminated.
list() {
    git ls-files --cached --others --exclude-standard -z -- "$@" |
        while IFS= read -r -d '' file; do
            [ ! -f "$file" ] || printf '%s\0' "$file"
        done
}

check_floors() { python3 tests/lint/check_floors.py; }
check_sources() { python3 tests/lint/check_sources.py; }
check_tables() { python3 tests/lint/check_tables.py; }
check_metrics() { python3 tests/lint/check_metrics.py; }
check_dashboards() {
    python3 tests/lint/check_dashboards.py && python3 tests/lint/broken_dashboards.py
}
check_matrix() { python3 tests/lint/check_matrix.py; }
check_headers() { bash tests/lint/check_headers.sh; }
check_format() { list '*.c' '*.h' | xargs -0 -r clang-format --dry-run -Werror; }
check_shellcheck() { list '*.sh' '.ci/run' | xargs -0 -r shellcheck; }

check_codespell() {
    list '*.c' '*.h' '*.def' '*.md' '*.py' '*.sh' '*.txt' 'deploy/*' |
        xargs -0 -r codespell --ignore-words tests/lint/codespell-ignore.txt
}

check_cppcheck() {
    list 'proto/*.c' 'broker/*.c' 'client-lib/*.c' |
        xargs -0 -r cppcheck --quiet --enable=warning,portability --inline-suppr -j "$(nproc)" \
            --std=c11 -I. -Iclient-lib/include --error-exitcode=1 \
            --suppress=missingInclude --suppress=unknownMacro --suppress=normalCheckLevelMaxBranches
}

check_python() {
    list '*.py' | xargs -0 -r python3 -c '
import sys
for name in sys.argv[1:]:
    compile(open(name, encoding="utf-8").read(), name, "exec")
'
}

# As lintian does; a word of man is a failure.
check_manuals() {
    local page words status=0
    while IFS= read -r -d '' page; do
        words=$(LC_ALL=C.UTF-8 MANWIDTH=100 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" \
            2>&1 >/dev/null) || status=1
        [ -z "$words" ] || { echo "$page: $words" && status=1; }
    done < <(list 'deploy/man/*')
    return "$status"
}

# A lock file names packages and hashes; where to fetch them from is the machine's business.
check_lockfiles() {
    if list '*package-lock.json' | xargs -0 -r grep -n '"resolved"'; then
        echo 'lock file with addresses: set "omit-lockfile-registry-resolved" in npm, make it again'
        return 1
    fi
}

failed=()
for name in "${@:-${ALL[@]}}"; do
    if output=$("check_$name" 2>&1); then
        echo "lint: $name ok"
    else
        printf '%s\nlint: %s FAILED\n' "$output" "$name"
        failed+=("$name")
    fi
done
if [ "${#failed[@]}" -gt 0 ]; then
    echo "lint: failed: ${failed[*]}"
    exit 1
fi
