#!/usr/bin/env bash
# Real speech: espeak-ng speaks, and a server that honours Azure Speech's contract follows it with a real aligner. `./check
# --full` calls it; docs/COUNTERPARTS.md holds what was seen.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${CARGO_TARGET_DIR:-target}/speech
python=$folder/venv/bin/python
server=
stop() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
    wait
}
trap stop EXIT

if ! command -v espeak-ng >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get install -y --no-install-recommends espeak-ng >/dev/null
    else
        echo "✗ espeak-ng is not installed (Debian: apt-get install espeak-ng)" >&2
        exit 1
    fi
fi
if [ ! -e "$folder/installed" ]; then
    mkdir -p "$folder"
    python3 -m venv "$folder/venv"
    "$python" -m pip install --quiet --disable-pip-version-check pocketsphinx==5.1.1 numpy soundfile==0.13.1
    touch "$folder/installed"
fi

port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$python" tests/speech/server.py "$port" >"$folder/server.log" 2>&1 &
server=$!
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
