# Sourced by ./dev, ./check and .ci/run: finds what Rust needs, and says what to do where it is not there.
# shellcheck shell=bash

# Puts cargo on the PATH; ends the script when there is none.
require_cargo() {
    if ! command -v cargo >/dev/null && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
        PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
        export PATH
    fi
    if ! command -v cargo >/dev/null; then
        echo "Rust is not installed. Get it with the command at https://rustup.rs and try again;" >&2
        echo "rust-toolchain.toml then chooses the version." >&2
        exit 1
    fi
    if ! command -v cc >/dev/null; then
        echo "There is no C compiler, which Rust links with (Debian: apt-get install build-essential;" >&2
        echo "Fedora: dnf install gcc; Alpine: apk add build-base; macOS: xcode-select --install)." >&2
        exit 1
    fi
}

# Prints the folder that cargo, run in the folder $1, builds into.
target_folder() {
    case ${CARGO_TARGET_DIR:-} in
        '') printf '%s\n' "$1/target" ;;
        /*) printf '%s\n' "$CARGO_TARGET_DIR" ;;
        *) printf '%s\n' "$1/$CARGO_TARGET_DIR" ;;
    esac
}
