#!/usr/bin/env bash
# Real speech: espeak-ng speaks, and a server that honours Azure Speech's contract follows it with a real aligner; first asked
# by hand, then by a pronunciation worker, in every format that phones send (ffmpeg encodes them). `./check --full` calls it;
# docs/COUNTERPARTS.md holds what was seen.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=scripts/redis.sh
. scripts/redis.sh
# shellcheck source=scripts/cargo.sh
. scripts/cargo.sh
require_redis
require_cargo
target=$(target_folder "$PWD")
folder=$target/speech
python=$folder/venv/bin/python
pids=()
stop() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
}
trap stop EXIT

for program in espeak-ng ffmpeg; do
    if command -v "$program" >/dev/null; then continue; fi
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get install -y --no-install-recommends "$program" >/dev/null
    else
        echo "✗ $program is not installed (Debian: apt-get install $program)" >&2
        exit 1
    fi
done
if [ ! -e "$folder/installed" ]; then
    mkdir -p "$folder"
    python3 -m venv "$folder/venv"
    "$python" -m pip install --quiet --disable-pip-version-check pocketsphinx==5.1.1 numpy soundfile==0.13.1
    touch "$folder/installed"
fi

port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$python" tests/speech/server.py "$port" >"$folder/server.log" 2>&1 &
pids+=($!)
"$python" - "http://127.0.0.1:$port/health" <<'PY'
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
"$python" tests/speech/judge.py "http://127.0.0.1:$port"

cargo build --quiet --workspace --bins --features shared/testing
bin=$target/debug
start() { # LOG COMMAND…: in the background, without the caller's own settings
    local log=$folder/$1.log
    shift
    env -i PATH="$PATH" "$@" >"$log" 2>&1 &
    pids+=($!)
}
# Below the ports that outgoing connections get.
redis=$((20000 + RANDOM % 6000))
api=$((redis + 6001))
start redis "$REDIS_SERVER" --bind 127.0.0.1 --port "$redis" --save '' --dir "$folder"
ours=(REDIS_URL="redis://127.0.0.1:$redis" LOG_FORMAT=json)
start api env "${ours[@]}" PORT="$api" AUTH=trust-client USER_PRONUNCIATION_LIMIT_PER_MIN=0 IP_PRONUNCIATION_LIMIT_PER_MIN=0 \
    "$bin/api"
start worker env "${ours[@]}" PORT=0 AZURE_SPEECH_BASE_URL="http://127.0.0.1:$port" AZURE_SPEECH_KEY=x "$bin/pronunciation-worker"
ready=
for _ in $(seq 300); do
    if curl -fsS -o /dev/null "http://127.0.0.1:$api/api/ready" 2>/dev/null; then ready=yes && break; fi
    sleep 0.1
done
if [ -z "$ready" ]; then
    echo "✗ the api is not ready" >&2
    tail -n 20 "$folder"/{redis,api}.log >&2
    exit 1
fi
REDIS_URL="redis://127.0.0.1:$redis" "$bin/unilingo" limits vouch >/dev/null
"$python" tests/speech/through_api.py "http://127.0.0.1:$api"
