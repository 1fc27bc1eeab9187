# Sourced by ./check: finds luac of Lua 5.1, which compiles the scripts as Redis does, and installs it where it is missing.
# shellcheck shell=bash

require_luac() {
    if command -v luac5.1 >/dev/null; then return 0; fi
    echo "luac5.1 is not installed: installing Lua 5.1." >&2
    if command -v apt-get >/dev/null; then
        as_root apt-get update -qq || true # an outdated list may still do
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends lua5.1
    elif command -v apk >/dev/null; then
        as_root apk add lua5.1
    elif command -v brew >/dev/null; then
        brew install lua@5.1
    fi
    if ! command -v luac5.1 >/dev/null; then
        echo "Install Lua 5.1, so that luac5.1 is on the PATH, and try again." >&2
        return 1
    fi
}
