# Sourced by ./dev and ./check: finds Redis or Valkey, and installs it where neither is there.
# shellcheck shell=bash

# The oldest version whose commands our scripts use.
redis_minimum="6.2"

# Prints "major minor" of the server at $1; nothing when it can't be run.
redis_version() {
    "$1" --version 2>/dev/null | sed -n 's/.*v=\([0-9][0-9]*\)\.\([0-9][0-9]*\).*/\1 \2/p'
}

# Whether the server at $1 is new enough.
redis_is_new_enough() {
    local version major minor
    version=$(redis_version "$1")
    [ -n "$version" ] || return 1
    major=${version% *}
    minor=${version#* }
    [ "$major" -gt "${redis_minimum%.*}" ] ||
        { [ "$major" -eq "${redis_minimum%.*}" ] && [ "$minor" -ge "${redis_minimum#*.}" ]; }
}

# Prints the path of a server that is new enough; fails when there is none.
find_redis() {
    local name path
    for name in redis-server valkey-server; do
        path=$(command -v "$name") || continue
        if redis_is_new_enough "$path"; then
            printf '%s\n' "$path"
            return 0
        fi
        echo "$path is older than $redis_minimum ($(redis_version "$path" | tr ' ' .)): looking further" >&2
    done
    return 1
}

# Runs a command as root. Only somebody at a terminal can be asked for a password.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif ! command -v sudo >/dev/null; then
        echo "root is needed, and there is no sudo: $*" >&2
        return 1
    elif [ -t 0 ] && [ -z "${CI:-}" ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

# Installs a server with the platform's package manager. On Debian the package also starts a service of its own on
# port 6379; nothing here uses or touches it.
install_redis() {
    if command -v brew >/dev/null; then
        brew install redis
    elif command -v apt-get >/dev/null; then
        as_root apt-get update -qq || true # an outdated list may still do
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server
    elif command -v dnf >/dev/null; then
        as_root dnf install -y valkey || as_root dnf install -y redis
    elif command -v apk >/dev/null; then
        as_root apk add redis || as_root apk add valkey
    else
        echo "None of brew, apt-get, dnf and apk is here." >&2
        return 1
    fi
}

# Sets REDIS_SERVER to a server that is new enough, after installing one if need be; ends the script when that fails.
require_redis() {
    export REDIS_SERVER
    REDIS_SERVER=$(find_redis) && return 0
    echo "Neither redis-server nor valkey-server ($redis_minimum or newer) is installed. Installing it." >&2
    install_redis >&2 || true
    hash -r
    if ! REDIS_SERVER=$(find_redis); then
        echo "Could not install it. Install Redis or Valkey $redis_minimum or newer yourself, and try again." >&2
        exit 1
    fi
}
