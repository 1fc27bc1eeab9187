# Sourced by tests/promtool.sh and tests/it/harness/alert_rules.rs: finds promtool (of Prometheus),
# and fetches it if it is not installed.
# shellcheck shell=bash

# Fetches promtool into the folder $1, without root where that is possible.
fetch_promtool() {
    local folder=$1
    mkdir -p "$folder"
    if command -v brew >/dev/null; then
        brew install prometheus
    elif command -v apt-get >/dev/null; then
        # The whole package would start a server. One program of it is enough. Tests may fetch it at the
        # same time, so each uses its own folder.
        (
            own=$(mktemp -d "$folder/fetch.XXXXXX")
            cd "$own" || exit
            apt-get download prometheus || { as_root apt-get update -qq && apt-get download prometheus; }
            dpkg-deb --fsys-tarfile prometheus_*.deb | tar -xf - --strip-components=3 ./usr/bin/promtool
            mv promtool ..
            rm -r "$own"
        )
    elif command -v apk >/dev/null; then
        as_root apk add prometheus
    elif command -v dnf >/dev/null; then
        as_root dnf install -y golang-github-prometheus
    else
        echo "None of brew, apt-get, apk and dnf is here." >&2
        return 1
    fi
}

# Sets PROMTOOL; ends the script when there is none and none can be had.
require_promtool() {
    local folder=$1
    export PROMTOOL
    PROMTOOL=$(command -v promtool || command -v "$folder/promtool") && return 0
    echo "promtool, which checks metrics and alerts, is not installed. Fetching it." >&2
    fetch_promtool "$folder" >&2 || true
    hash -r
    if ! PROMTOOL=$(command -v promtool || command -v "$folder/promtool"); then
        echo "Could not fetch it. Install Prometheus yourself, and try again." >&2
        exit 1
    fi
}
