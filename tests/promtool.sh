#!/usr/bin/env bash
# Holds metrics and alerts against Prometheus' own tool: the rules in ops/ are well formed and do what their tests say, and what
# /metrics of a running api and worker answers is clean. `./check` calls it. Whatever is started here listens on 127.0.0.1 and is
# ended here.
#
# Usage: tests/promtool.sh
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=scripts/redis.sh
. scripts/redis.sh
# shellcheck source=scripts/cargo.sh
. scripts/cargo.sh
# shellcheck source=scripts/promtool.sh
. scripts/promtool.sh
require_redis
require_cargo
target=$(target_folder "$PWD")
folder=$target/promtool
require_promtool "$folder"
mkdir -p "$folder"

"$PROMTOOL" check rules ops/alerts.yml
"$PROMTOOL" test rules ops/alerts.test.yml
"$PROMTOOL" check config --syntax-only ops/prometheus.yml

cargo build --quiet --workspace --bins --features shared/testing
bin=$target/debug
data=$(mktemp -d "$folder/run.XXXXXX")
pids=()
stop() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$data"
}
trap stop EXIT

fail() {
    echo "✗ $*" >&2
    tail -n 20 "$data"/*.log >&2
    exit 1
}
start() { # LOG COMMAND…: in the background, without the caller's own settings
    local log=$data/$1.log
    shift
    env -i PATH="$PATH" "$@" >"$log" 2>&1 &
    pids+=($!)
}
port_of() { # LOG: the port that a program of ours says that it listens on
    for _ in $(seq 300); do
        sed -n 's/.*"port":\([0-9]\{1,\}\).*/\1/p' "$data/$1.log" | head -n 1 | grep . && return 0
        sleep 0.1
    done
    fail "$1 does not listen"
}
until_ready() { # URL
    for _ in $(seq 300); do
        curl -fsS -o /dev/null "$1/api/ready" 2>/dev/null && return 0
        sleep 0.1
    done
    fail "$1 is not ready"
}

# Below the ports that outgoing connections get; Redis says nothing of a port that is taken but that it ends.
redis=$((20000 + RANDOM % 10000))
start redis "$REDIS_SERVER" --bind 127.0.0.1 --port "$redis" --save '' --dir "$data"
ours=(REDIS_URL="redis://127.0.0.1:$redis" QUEUE_PREFIX=promtool LOG_FORMAT=json)
start api env "${ours[@]}" PORT=0 AUTH=trust-client ADMIN_TOKEN=promtool "$bin/api"
# Nobody is there to answer: a call that fails is one as well.
start worker env "${ours[@]}" PORT=0 OPENAI_BASE_URL=http://127.0.0.1:9/v1 OPENAI_API_KEY=x JOB_MAX_ATTEMPTS=1 \
    "$bin/flashcard-worker"
api=http://127.0.0.1:$(port_of api)
worker=http://127.0.0.1:$(port_of worker)
until_ready "$api"
until_ready "$worker"
REDIS_URL="redis://127.0.0.1:$redis" QUEUE_PREFIX=promtool "$bin/unilingo" limits vouch >/dev/null
curl -fsS -o "$data/job" "$api/api/v1/flashcards" -H 'content-type: application/json' -H 'user-id: me' -d \
    '{"content":"Plants make sugar from light.","subject":"Biology","topic":"Leaves","targetLanguage":"German"}'
id=$(sed -n 's/.*"id":"\([^"]*\)".*/\1/p' "$data/job")
curl -fsS -o /dev/null "$api/api/v1/jobs/$id?wait=30" -H 'user-id: me'

status=$(curl -sS -o /dev/null -w '%{http_code}' "$api/metrics")
[ "$status" = 403 ] || fail "/metrics of the api answers $status without the token"
curl -fsS -o "$data/api.metrics" "$api/metrics" -H 'x-admin-token: promtool'
curl -fsS -o "$data/worker.metrics" "$worker/metrics"
for service in api worker; do
    "$PROMTOOL" check metrics <"$data/$service.metrics" || fail "/metrics of the $service is not clean"
    echo "/metrics of the $service: clean, $(grep -vc '^#' "$data/$service.metrics") figures"
done
