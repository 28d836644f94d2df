# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Installing for tests/run.sh and deploy/quickstart.sh, which source this from the checkout's root.
# Debian packages go to the system, all else below build/.

say() { printf '\n== %s\n' "$*"; }

# Install those of the named Debian packages that are missing.
install_packages() {
    local package missing=() as_root=()
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing+=("$package")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    say "installing Debian packages: ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            echo "These packages are missing. Please run, as root, then start again:" >&2
            echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
            exit 1
        fi
        as_root=(sudo -n)
    fi
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# Run a command up to three times: for what goes over the network.
persist() {
    local try
    for try in 1 2 3; do
        if "$@"; then
            return 0
        fi
        echo "try $try failed: $*" >&2
    done
    return 1
}

# make_venv NAME REQUIREMENTS: build/venvs/NAME with exactly those packages.
make_venv() {
    local venv=$PWD/build/venvs/$1 stamp
    stamp=$(cat "$2" <(/usr/bin/python3 --version) <(echo "$venv") | sha256sum)
    if [ "$(cat "$venv/stamp" 2>/dev/null)" != "$stamp" ]; then
        say "installing Python packages: $2"
        rm -rf "$venv"
        /usr/bin/python3 -m venv "$venv"
        persist "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$2"
        echo "$stamp" >"$venv/stamp"
    fi
}

# make_node_modules FOLDER: build/node with the packages of FOLDER's lock file.
make_node_modules() {
    local folder=$PWD/build/node stamp
    stamp=$(cat "$1/package.json" "$1/package-lock.json" | sha256sum)
    if [ "$(cat "$folder/stamp" 2>/dev/null)" != "$stamp" ]; then
        say "installing npm packages: $1/package.json"
        rm -rf "$folder"
        mkdir -p "$folder"
        cp "$1/package.json" "$1/package-lock.json" "$folder"
        (cd "$folder" && persist npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
        echo "$stamp" >"$folder/stamp"
    fi
}
