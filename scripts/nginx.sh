# Sourced by ./check: finds nginx, behind which --full holds requests, and installs it where it is missing.
# shellcheck shell=bash

require_nginx() {
    # Debian puts it where only root looks.
    PATH=$PATH:/usr/sbin
    if command -v nginx >/dev/null; then return 0; fi
    echo "nginx is not installed: installing it." >&2
    if command -v apt-get >/dev/null; then
        as_root apt-get update -qq || true # an outdated list may still do
        # With this run level the package does not start a service of its own.
        as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx-light
    elif command -v dnf >/dev/null; then
        as_root dnf install -y nginx
    elif command -v apk >/dev/null; then
        as_root apk add nginx
    elif command -v brew >/dev/null; then
        brew install nginx
    fi
    if ! command -v nginx >/dev/null; then
        echo "Install nginx, so that it is on the PATH, and try again." >&2
        return 1
    fi
}
