#!/usr/bin/env bash
# Holds the running api against its own document: schemathesis makes thousands of requests of what /api/openapi.json says, good
# ones and bad ones, and every answer has to be one that the document describes. `./check --full` calls it.
#
# Usage: tests/schemathesis.sh [--seed N] [--examples N]
#
#   --seed N       which requests [default: 20261124]
#   --examples N   most made-up requests of a path in each pass, beside those at the edges of what is allowed [default: 25]
#
# Passes: with a token; with none, or with wrong ones; as whoever the client says (trust-client); what stops a user or
# everybody (kill switch, suspend, erase), at the end and without the others, since these would be refused from then on. Whatever
# is started here listens on 127.0.0.1 and is ended here.
set -euo pipefail
cd "$(dirname "$0")/.."

schemathesis_version=4.32.5
seed=20261124
examples=25

while [ "$#" -gt 0 ]; do
    case $1 in
        --seed) seed=$2 && shift 2 ;;
        --examples) examples=$2 && shift 2 ;;
        *) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2 && exit 2 ;;
    esac
done

# shellcheck source=scripts/redis.sh
. scripts/redis.sh
# shellcheck source=scripts/cargo.sh
. scripts/cargo.sh
require_redis
require_cargo

target=$(target_folder "$PWD")
folder=$target/schemathesis
python=$folder/venv/bin/python
schemathesis=$folder/venv/bin/schemathesis
rules=$PWD/tests/schemathesis
export HOOKS=$rules/hooks.py PYTHONDONTWRITEBYTECODE=1
pids=()
stop() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
}
trap stop EXIT

fail() { echo "✗ $*" >&2 && exit 1; }
free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
start() { # LOG COMMAND…: in the background, without the caller's own settings
    local log=$folder/$1.log
    shift
    env -i PATH="$PATH" "$@" >"$log" 2>&1 &
    pids+=($!)
}
until_answered() { # URL: asks for at most half a minute
    for _ in $(seq 150); do
        curl -fsS -o "$folder/answer" "$1" 2>/dev/null && return 0
        sleep 0.2
    done
    fail "no answer from $1; see $folder"
}

if [ ! -x "$schemathesis" ] || ! "$schemathesis" --version | grep -qF "$schemathesis_version"; then
    mkdir -p "$folder"
    python3 -m venv "$folder/venv"
    "$python" -m pip install --quiet --disable-pip-version-check "schemathesis==$schemathesis_version"
fi
cargo build --workspace --bins --features shared/testing
bin=$target/debug

redis=$(free_port)
data=$(mktemp -d "$folder/redis.XXXXXX")
start redis "$REDIS_SERVER" --bind 127.0.0.1 --port "$redis" --save '' --dir "$data"
upstream=$(free_port)
start upstream "$bin/upstream-simulator" --port "$upstream"

admin="admin-token-of-the-test"
secret="a-shared-secret-of-at-least-32-bytes"
# Nothing is refused by a limit of requests; a job that fails does so at once.
settings=(REDIS_URL="redis://127.0.0.1:$redis" USER_AI_LIMIT_PER_MIN=0 IP_AI_LIMIT_PER_MIN=0 IP_GENERAL_LIMIT_PER_15MIN=0
    ADMIN_TOKEN="$admin" CONTENT_MAX_CHARS=2000 JOB_MAX_ATTEMPTS=1
    OPENAI_RATE_LIMIT_RPM=0 OPENAI_RATE_LIMIT_TPM=0 OPENAI_RATE_WINDOW_MS=1000 LOG_FORMAT=json)
# No call was made before, so none has to be waited for.
env -i "${settings[@]}" "$bin/unilingo" limits vouch >/dev/null
worker=$(free_port)
start worker "${settings[@]}" PORT="$worker" OPENAI_BASE_URL="http://127.0.0.1:$upstream/v1" OPENAI_API_KEY=key \
    "$bin/flashcard-worker"
until_answered "http://127.0.0.1:$worker/api/ready"

base=
api() { # NAME SETTING…: starts an api; $base is where it listens
    local name=$1 port
    shift
    port=$(free_port)
    start "$name" "${settings[@]}" PORT="$port" "$@" "$bin/api"
    base=http://127.0.0.1:$port
    until_answered "$base/api/ready"
}

token=$("$python" - "$secret" <<'PY'
import base64, hashlib, hmac, json, sys, time
part = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=")
head = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
body = part(json.dumps({"sub": "learner-1", "exp": int(time.time()) + 3600}).encode())
signature = part(hmac.new(sys.argv[1].encode(), head + b"." + body, hashlib.sha256).digest())
print((head + b"." + body + b"." + signature).decode())
PY
)

failed=()
total=0
pass() { # NAME OPTION…: every check over the document at $base
    local name=$1 cases report=$folder/$1.json begin=$SECONDS
    shift
    echo "== $name"
    (cd "$folder" && "$schemathesis" --config-file "$rules/schemathesis.toml" run "$base/api/openapi.json" --seed "$seed" \
        --max-examples "$examples" --continue-on-failure --request-timeout 75 --no-color \
        --generation-database none --warnings off --report json --report-json-path "$report" "$@") >"$folder/$name.out" 2>&1 ||
        failed+=("$name")
    cases=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["test_cases"]["generated"])' "$report")
    total=$((total + cases))
    sed -n '/^=.* FAILURES =/,$p' "$folder/$name.out"
    echo "   $cases cases in $((SECONDS - begin)) s"
}
stopping=() others=()
for path in /api/admin/budget/kill-switch '/api/admin/users/{userId}/suspend' '/api/admin/users/{userId}/erase'; do
    stopping+=(--include-path "$path")
    others+=(--exclude-path "$path")
done

# Limits that nobody comes to are told in headers, which are held against the document as well.
api tokens AUTH=jwt JWT_SECRET="$secret" USER_AI_LIMIT_PER_MIN=1000000 IP_AI_LIMIT_PER_MIN=1000000 IP_GENERAL_LIMIT_PER_15MIN=1000000
pass with-a-token -H "Authorization: Bearer $token" -H "x-admin-token: $admin" "${others[@]}"
signed_in=$base

api strangers AUTH=jwt,api-key JWT_SECRET="$secret"
pass with-nothing "${others[@]}"

api trusting AUTH=trust-client
pass trust-client -H "user-id: learner-1" -H "x-admin-token: $admin" "${others[@]}"

base=$signed_in
# Without what follows from one answer to another request: no path here leads to another.
pass stopping -H "x-admin-token: $admin" "${stopping[@]}" --phases examples,coverage,fuzzing

echo "$total cases, seed $seed"
[ "${#failed[@]}" -eq 0 ] || fail "not as the document says: ${failed[*]}; see $folder/*.out"
[ "$total" -ge 2000 ] || fail "only $total cases"
echo "✓ every answer is one that the document describes"
