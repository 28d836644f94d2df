#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Try teplo in one command.
#
#   deploy/quickstart.sh                          with a demo MCP server
#   deploy/quickstart.sh MCP-URL ['Name: value' ...]
#                                                 with yours; the rest are HTTP headers for it
#   deploy/quickstart.sh stop                     stop everything it started
#
# Installs missing Debian packages (as root, or with sudo), builds, and starts a Redis, the MCP server,
# teplod and a web page of its own.  All it writes is below build/ and .quickstart/ in this checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/install.sh
. tests/install.sh

PACKAGES=(
    build-essential ca-certificates cmake libcjson-dev libcurl4-openssl-dev libevent-dev
    libhiredis-dev libhttp-parser-dev libssl-dev ninja-build pkg-config python3 python3-venv
    redis-server redis-tools
)
STATE=$PWD/.quickstart
TEPLOD=$PWD/build/release/broker/teplod
TEPLOCTL=$PWD/build/release/client-lib/cli/teploctl
TEPLO_DASH=$PWD/build/release/client-lib/dash/teplo-dash
STARTED=(teplo-dash teplod demo-server redis-server) # in the order they are stopped
CALLS=200
USAGE="deploy/quickstart.sh [http://host:port/sse ['Name: value' ...] | stop]"

main() {
    case ${1:-} in
    -h | --help)
        sed -n '4,12s/^# \{0,1\}//p' "$0"
        exit
        ;;
    stop)
        stop_all
        echo "stopped"
        exit
        ;;
    *) [ $# -eq 0 ] || check_arguments "$@" ;;
    esac
    install_packages "${PACKAGES[@]}"
    build
    stop_all
    choose_runtime_dir
    start_redis
    if [ $# -eq 0 ]; then
        start_demo_server
        start_teplod demo "$DEMO_URL"
    else
        start_teplod mcp "$@"
    fi
    start_dash
    show "${1:-}"
    say_farewell
}

# Before anything that runs already is stopped for it.
check_arguments() {
    local word
    [[ $1 =~ ^https?://[^/] ]] ||
        fail "\"$1\" is no http:// or https:// URL of a server" "$USAGE"
    for word in "${@:2}"; do
        [[ $word =~ ^[A-Za-z0-9_-]+:\ *[^\ ] ]] || fail "\"$word\" is no header, 'Name: value'" "$USAGE"
    done
}

fail() {
    printf '\nquickstart: %s\n' "$1" >&2
    [ -z "${2:-}" ] || printf 'What to do: %s\n' "$2" >&2
    if compgen -G "$STATE/*.pid" >/dev/null; then
        printf 'What was started runs on until the next start, or: deploy/quickstart.sh stop\n' >&2
    fi
    exit 1
}

build() {
    say "building teplo (release) in build/release"
    mkdir -p "$STATE"
    if ! { cmake --preset release -DTEPLO_TESTS=OFF && cmake --build --preset release; } \
        >"$STATE/build.log" 2>&1; then
        tail -n 30 "$STATE/build.log"
        fail "the build failed" "see .quickstart/build.log"
    fi
}

# A Unix socket's path has at most 107 bytes: in a deep checkout the sockets go to /tmp.
choose_runtime_dir() {
    RUN=$STATE/run
    if [ "${#RUN}" -gt 60 ]; then
        RUN=$(mktemp -d /tmp/teplo-quickstart.XXXXXX)
    fi
    mkdir -p "$RUN"
    chmod 700 "$RUN"
    echo "$RUN" >"$STATE/runtime-dir"
    export TEPLO_RUNTIME_DIR=$RUN
}

start_redis() {
    say "starting a Redis of its own on $RUN/redis.sock"
    start redis-server redis-server --port 0 --unixsocket "$RUN/redis.sock" --unixsocketperm 700 \
        --save '' --appendonly no --dir "$STATE"
    wait_for redis-server redis_answers
}

redis_answers() { redis PING >/dev/null 2>&1; }
redis() { redis-cli -s "$RUN/redis.sock" "$@"; }

start_demo_server() {
    make_venv mcp1 tests/e2e/requirements-mcp1.txt
    say "starting the demo MCP server: the official Python SDK, HTTP+SSE, a graph in SQLite"
    rm -f "$STATE/demo.json"
    start demo-server build/venvs/mcp1/bin/python tests/upstream/demo_server.py \
        --db "$STATE/graph.db" --port-file "$STATE/demo.json"
    wait_for demo-server test -e "$STATE/demo.json"
    DEMO_URL=$(sed -n 's/.*"url": "\([^"]*\)".*/\1/p' "$STATE/demo.json")
    echo "$DEMO_URL"
}

# start_teplod POOL URL HEADERS...
start_teplod() {
    local pool=$1 url=$2 header arguments
    shift 2
    arguments=(--server "$pool=$url" --redis "unix://$RUN/redis.sock")
    for header in "$@"; do
        arguments+=(--header "$pool: $header")
    done
    say "starting teplod in front of it, on $RUN/teplo.sock"
    start teplod "$TEPLOD" --runtime-dir "$RUN" "${arguments[@]}"
    wait_for teplod "$TEPLOCTL" status
    echo "No session is open yet: the first request opens one."
}

# The page shows what is in Redis; any free port will do.
start_dash() {
    start teplo-dash "$TEPLO_DASH" --listen 127.0.0.1:0 --redis "unix://$RUN/redis.sock"
    wait_for teplo-dash grep -q '^teplo-dash: http' "$STATE/teplo-dash.log"
    DASH_URL=$(sed -n 's/^teplo-dash: \(http[^ ]*\)$/\1/p' "$STATE/teplo-dash.log" | head -n 1)
}

# start NAME COMMAND...: in the background, its pid and log below .quickstart/.
start() {
    local name=$1
    shift
    setsid "$@" </dev/null >"$STATE/$name.log" 2>&1 &
    echo $! >"$STATE/$name.pid"
}

# wait_for NAME COMMAND...: until COMMAND succeeds; at most 15 s, and only while NAME runs.
wait_for() {
    local name=$1 end=$((SECONDS + 15))
    shift
    until "$@" >/dev/null 2>&1; do
        if ! kill -0 "$(cat "$STATE/$name.pid")" 2>/dev/null; then
            tail -n 20 "$STATE/$name.log" >&2
            fail "$name ended at once" "see its words above, or .quickstart/$name.log"
        fi
        [ "$SECONDS" -lt "$end" ] ||
            fail "$name did not become ready within 15 s" "see .quickstart/$name.log"
        sleep 0.1
    done
}

stop_all() {
    local name
    for name in "${STARTED[@]}"; do
        stop_one "$name"
    done
    if [ -e "$STATE/runtime-dir" ]; then
        rm -rf "$(cat "$STATE/runtime-dir")"
        rm -f "$STATE/runtime-dir"
    fi
}

# A pid file may outlive its process, and the number be used again: the name must fit too.
stop_one() {
    local name=$1 pid end=$((SECONDS + 10))
    [ -e "$STATE/$name.pid" ] || return 0
    pid=$(cat "$STATE/$name.pid")
    rm -f "$STATE/$name.pid"
    is_ours "$name" "$pid" || return 0
    kill "$pid" 2>/dev/null || true
    while is_ours "$name" "$pid"; do
        [ "$SECONDS" -lt "$end" ] || kill -KILL "$pid" 2>/dev/null || true
        sleep 0.1
    done
    echo "$name stopped"
}

is_ours() { tr '\0' ' ' 2>/dev/null <"/proc/$2/cmdline" | grep -q -e "${1//-/.}"; }

show() {
    say "teploctl tools: what the server offers"
    if ! "$TEPLOCTL" tools >"$STATE/tools.txt" 2>"$STATE/tools.err"; then
        explain_refusal "$1"
    fi
    cat "$STATE/tools.txt"
    if [ -z "$1" ]; then
        show_calls
    fi
    say "teploctl show sessions: what served all of that"
    "$TEPLOCTL" show sessions
    say "teploctl status"
    "$TEPLOCTL" status
    show_redis
}

explain_refusal() {
    cat "$STATE/tools.err" >&2
    if grep -q 421 "$STATE/tools.err"; then
        fail "the server accepts only certain Host headers" \
            "give it the one it wants: deploy/quickstart.sh $1 'Host: localhost'"
    elif grep -q 401 "$STATE/tools.err"; then
        fail "the server wants credentials" \
            "deploy/quickstart.sh $1 'Authorization: Bearer ...'"
    fi
    fail "the tools could not be listed" "see the message above and .quickstart/teplod.log"
}

show_calls() {
    say "teploctl call add_node: writes a node through the pool"
    "$TEPLOCTL" call add_node \
        '{"node_type": "Note", "node_data": {"id": "quickstart", "text": "Тепло в хаті"}}'
    say "teploctl call query_graph: reads it back"
    "$TEPLOCTL" call query_graph "query=MATCH (n:Note {id: 'quickstart'}) RETURN n"
    say "$CALLS calls from $CALLS processes, 3 at a time"
    seq "$CALLS" | xargs -P 3 -I{} "$TEPLOCTL" call list_graphs >/dev/null
    echo "What the MCP server itself has seen of them:"
    build/venvs/mcp1/bin/python - "${DEMO_URL%/sse}/__stats" <<'PYTHON'
import json, sys, urllib.request
stats = json.load(urllib.request.urlopen(sys.argv[1]))
print(f"  event streams opened {stats['streams_total']}, at most {stats['streams_peak']} at a time")
print(f"  initialize {stats['rpc'].get('initialize', 0)}, tools/list {stats['rpc'].get('tools/list', 0)},"
      f" tools/call {stats['rpc'].get('tools/call', 0)}")
PYTHON
}

show_redis() {
    local row
    say "what Redis knows (dashboards read this)"
    "$TEPLOCTL" flush >/dev/null
    wait_for redis-server redis_has_keys
    redis --scan --pattern 'teplo:*' | sort
    row=$(redis --scan --pattern 'teplo:*:p:*' | head -n 1)
    if [ -n "$row" ]; then
        echo "some fields of $row:"
        redis HGETALL "$row" | paste - - | grep -E '^(s_total|s_idle|calls_total|ok_total|health)\b' || true
    fi
}

redis_has_keys() { [ -n "$(redis --scan --pattern 'teplo:*:p:*')" ]; }

say_farewell() {
    cat <<TEXT

== it runs.  To look at it: $DASH_URL
To try it yourself:
  export TEPLO_RUNTIME_DIR=$RUN PATH=\$PATH:${TEPLOCTL%/*}:${TEPLOD%/*}
  teploctl tools
  teploctl status
  teploctl top
  curl --unix-socket $RUN/admin.sock http://localhost/metrics
  redis-cli -s $RUN/redis.sock
From Python:
  python3 -m venv .venv && .venv/bin/pip install ./client-lib/python
  .venv/bin/python -c 'import teplo; print([tool.name for tool in teplo.connect().list_tools_sync()])'
In an MCP host, the server's command is: $TEPLOCTL --runtime-dir $RUN connect
The socket for programs is $RUN/teplo.sock
Logs and process ids are in .quickstart/.  To stop it all:
  deploy/quickstart.sh stop
TEXT
}

main "$@"
