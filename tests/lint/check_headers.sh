#!/bin/bash
# SPDX-License-Identifier: MIT
# Each header compiles alone.  With arguments: those headers.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ $# -eq 0 ]; then
    git ls-files --cached --others --exclude-standard -z -- \
        'proto/*.h' 'broker/*.h' 'client-lib/*.h' |
        xargs -0 -r -n 8 -P "$(nproc)" bash tests/lint/check_headers.sh
    exit
fi

for header in "$@"; do
    [ ! -f "$header" ] ||
        gcc -std=c17 -D_GNU_SOURCE -DTEPLO_VERSION='"lint"' -I. -Iclient-lib/include -Wall -Wextra \
            -Werror -fsyntax-only -x c -include "$header" /dev/null
done
