# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# bash completion for teploctl

# The command among the words before the cursor, or nothing.
_teploctl_command() {
    local i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -s | --pool | --runtime-dir | --timeout | --format | --redis | --namespace | --ns) i=$((i + 1)) ;;
        --interval | --count) i=$((i + 1)) ;;
        -*) ;;
        *)
            echo "${COMP_WORDS[i]}"
            return
            ;;
        esac
    done
}

# Names in the first column of what teploctl prints, asked with the switches already typed.
_teploctl_names() {
    local i words=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -s | --pool | --runtime-dir) words+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}") ;;
        esac
    done
    teploctl "${words[@]}" "$@" 2>/dev/null | cut -f 1
}

_teploctl() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command choices
    command=$(_teploctl_command)
    COMPREPLY=()
    case $previous in
    -s | --pool) choices=$(teploctl show pools 2>/dev/null | tail -n +2 | cut -f 1) ;;
    --runtime-dir)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        return
        ;;
    --format) choices="mcp openai openai-responses gemini gemini-openapi anthropic" ;;
    --timeout) choices="10s 30s 5m" ;;
    --interval) choices="500ms 1s 5s" ;;
    --redis) choices="redis://127.0.0.1:6379/0" ;;
    --namespace | --ns) choices="main" ;;
    --count) choices="" ;;
    redis) choices="purge" ;;
    call) choices=$(_teploctl_names tools --timeout 2s) ;;
    show) choices="pools sessions clients errors calls" ;;
    check-config)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    *)
        choices="--runtime-dir --help"
        case $command in
        "") choices+=" --pool --version" ;;
        tools) choices+=" --pool --json --format --strict --timeout" ;;
        call | outcome) choices+=" --pool --json --timeout" ;;
        connect) choices+=" --pool --timeout" ;;
        top) choices+=" --redis --namespace --interval --once --count --json --timeout" ;;
        redis) choices+=" --ns --redis --dry-run --yes --force --timeout" ;;
        show) choices+=" --json --timeout --pool --failed" ;;
        status | health | reload | drain | resume | flush | shutdown) choices+=" --json --timeout" ;;
        esac
        if [[ -z $command || $previous == help ]]; then
            choices+=" tools call outcome connect status health show top redis reload drain resume flush shutdown"
            choices+=" check-config help"
        fi
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}

complete -F _teploctl teploctl
