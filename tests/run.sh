#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Builds teplo and passes every test, from a bare Debian 12 on.
#
#   tests/run.sh               everything (what .ci/run calls)
#   tests/run.sh quick         development build, unit tests, end-to-end tests
#   tests/run.sh setup         only install what the tests need
#   tests/run.sh e2e ARGS      development build, then pytest with ARGS
#   tests/run.sh python ARGS   the same for the Python package
#
# Installs missing Debian packages (as root, or with sudo) and everything else below build/.
# A second run installs nothing again.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/install.sh
. tests/install.sh

PACKAGES=(
    abigail-tools build-essential ca-certificates chromium clang clang-format cmake codespell cppcheck git
    libcjson-dev libcmocka-dev libcurl4-openssl-dev libevent-dev libhiredis-dev libhttp-parser-dev
    libssl-dev man-db ninja-build openssl pkg-config procps python3 python3-venv redis-server
    shellcheck spin valgrind
)
BUILD=$PWD/build
LOGS=$BUILD/test-logs
VALGRIND="valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite"
PYTEST_SUMMARY='^=+ .*(passed|failed|error|no tests ran).* =+$'
FAILED=()
SUMMARIES=()

main() {
    mkdir -p "$LOGS"
    local mode=${1:-all}
    [ $# -eq 0 ] || shift
    case $mode in
    all) run_all ;;
    quick) run_quick ;;
    setup) setup ;;
    e2e)
        setup
        build dev
        pytest_run e2e dev 1 "" "$@"
        ;;
    python)
        setup
        build dev
        paths_of tests/python "$@"
        python_suite python fastmcp "${PATHS[@]}" "$@"
        ;;
    *)
        echo "usage: tests/run.sh [quick | setup | (e2e | python) PYTEST-ARGUMENTS]" >&2
        exit 2
        ;;
    esac
    finish
}

run_all() {
    setup
    step lint bash tests/lint/run.sh
    build dev
    build asan
    # What is shipped must please clang, too; its tests would take as long again.
    build clang -DTEPLO_TESTS=OFF
    build release
    # The unit tests of the plain build run below valgrind.
    ctest_run asan
    step model bash tests/model/run.sh
    step ledger bash tests/ledger/run.sh release 60
    step valgrind-unit valgrind_unit
    # Most of its time is waiting; a file's tests share servers, and stay in one process.
    pytest_run e2e asan 3 "" -n 4 --dist loadfile -m "not quickstart"
    TEPLO_SOAK_CALLS=20000 pytest_run soak dev 1 "" -m soak
    pytest_run e2e-valgrind dev 10 "$VALGRIND" -n 2 --dist loadfile -m valgrind
    pytest_run quickstart dev 1 "" -m quickstart
    dash_run
    python_run
    install_run
}

run_quick() {
    setup
    build dev
    ctest_run dev
    pytest_run e2e dev 1 "" -n 4 --dist loadfile -m "not quickstart"
    dash_run
    python_run
    install_run
}

setup() {
    local wanted=("${PACKAGES[@]}")
    # Any npm will do; Debian's brings many packages, so only where there is none.
    command -v npm >/dev/null || wanted+=(npm)
    install_packages "${wanted[@]}"
    make_venv tests tests/e2e/requirements-pytest.txt
    make_venv mcp1 tests/e2e/requirements-mcp1.txt
    make_venv mcp2 tests/e2e/requirements-mcp2.txt
    make_venv fastmcp tests/e2e/requirements-fastmcp.txt
    make_venv dash tests/dash/requirements.txt
    make_node_modules tests/e2e
}

# Running.

# step NAME COMMAND...: its output goes to a log too; a failure is remembered.
step() {
    local name=$1
    shift
    say "$name"
    if ! "$@" 2>&1 | tee "$LOGS/$name.log"; then
        FAILED+=("$name")
        return 0
    fi
}

# build PRESET ARGS...
build() {
    local preset=$1
    shift
    say "build $preset"
    if ! { cmake --preset "$preset" "$@" && cmake --build --preset "$preset"; } >"$LOGS/build-$preset.log" 2>&1; then
        tail -n 60 "$LOGS/build-$preset.log"
        FAILED+=("build-$preset")
        finish
    fi
}

# ctest_run PRESET ARGS...
ctest_run() {
    local preset=$1
    shift
    step "ctest-$preset" ctest --preset "$preset" -j "$(nproc)" "$@"
    summarize "ctest-$preset" 'tests passed|No tests were found'
}

# Every unit test below valgrind, some at a time.  They print little, so a failing one is shown whole.
# shellcheck disable=SC2317 # called by step
valgrind_unit() {
    # What tries many things at random tries fewer, being forty times as slow.
    local -x TEPLO_RANDOM_SCHEMAS=40 TEPLO_ROUND_TRIPS=60
    local programs
    mapfile -t programs < <(find "$BUILD/dev/tests/unit" -maxdepth 2 -type f -perm -u+x -name 'test_*' | sort)
    echo "valgrind: ${#programs[@]} unit test programs"
    printf '%s\0' "${programs[@]}" |
        VALGRIND=$VALGRIND xargs -0 -n 1 -P "$(nproc)" bash tests/valgrind_one.sh
}

# pytest_run NAME PRESET SLOWNESS WRAPPER ARGS...
pytest_run() {
    local name=$1 preset=$2 slowness=$3 wrapper=$4
    shift 4
    broker_environment "$preset" "$slowness" "$wrapper"
    paths_of tests/e2e "$@"
    step "$name" "$BUILD/venvs/tests/bin/python" -m pytest -c tests/e2e/pytest.ini \
        --rootdir tests/e2e "${PATHS[@]}" "$@"
    summarize "$name" "$PYTEST_SUMMARY"
}

# The Python package, wholly beside SDK 2 and fastmcp, and what uses an SDK beside SDK 1.  What
# measures the heartbeat of a loop runs alone.
python_run() {
    local alone=(failures_blocked_loop failures_running_loop loops provider)
    local files=(compat failures_blocked_loop failures_running_loop failures_scopes
        three_lines testing transport)
    alone=("${alone[@]/#/tests/python/test_}")
    alone=("${alone[@]/%/.py}")
    python_suite python fastmcp tests/python -n 3 --dist loadfile "${alone[@]/#/--ignore=}"
    python_suite python-alone fastmcp "${alone[@]}"
    files=("${files[@]/#/tests/python/test_}")
    python_suite python-mcp1 mcp1 "${files[@]/%/.py}"
}

# python_suite NAME VENV TESTS...
python_suite() {
    local name=$1 venv=$2
    shift 2
    broker_environment dev 1 ""
    step "$name" "$BUILD/venvs/$venv/bin/python" -m pytest -c tests/python/pytest.ini \
        --rootdir tests/python "$@"
    summarize "$name" "$PYTEST_SUMMARY"
}

# The web page, in Chromium.
dash_run() {
    broker_environment dev 1 ""
    TEPLO_DASH=$BUILD/dev/client-lib/dash/teplo-dash step dash "$BUILD/venvs/dash/bin/python" \
        -m pytest -c tests/dash/pytest.ini --rootdir tests/dash -n 4 --dist loadfile tests/dash
    summarize dash "$PYTEST_SUMMARY"
}

# The library as it is installed, and as a wheel.
install_run() {
    broker_environment dev 1 ""
    TEPLO_BUILD=$BUILD/release step install "$BUILD/venvs/tests/bin/python" -m pytest \
        -c tests/install/pytest.ini --rootdir tests/install tests/install
    summarize install "$PYTEST_SUMMARY"
}

# broker_environment PRESET SLOWNESS WRAPPER
broker_environment() {
    export TEPLOD=$BUILD/$1/broker/teplod TEPLOCTL=$BUILD/$1/client-lib/cli/teploctl
    export TEPLO_LIBRARY=$BUILD/$1/client-lib/lib/libteplo.so.1
    export TEPLO_SLOWNESS=$2 TEPLO_WRAPPER=$3 PYTHONDONTWRITEBYTECODE=1
}

# PATHS: what pytest looks for tests in: FOLDER, unless the arguments say it themselves.
paths_of() {
    local argument
    PATHS=("$1")
    shift
    for argument in "$@"; do
        [ ! -e "${argument%%::*}" ] || PATHS=()
    done
}

summarize() {
    SUMMARIES+=("$1: $(grep -E "$2" "$LOGS/$1.log" | tail -n 1)")
}

finish() {
    local line
    [ "${#FAILED[@]}" -eq 0 ] && [ "${#SUMMARIES[@]}" -eq 0 ] && exit 0
    say "summary"
    if [ "${#FAILED[@]}" -gt 0 ]; then
        echo "FAILED: ${FAILED[*]} (logs in ${LOGS#"$PWD"/})"
    fi
    for line in "${SUMMARIES[@]}"; do
        echo "${line%%: *}:"
        echo "${line#*: }"
    done
    [ "${#FAILED[@]}" -eq 0 ] || exit 1
    exit 0
}

main "$@"
