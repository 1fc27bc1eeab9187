#!/usr/bin/env bash
# Type-checks .railway/railway.ts, evaluates it, and holds what comes out against the railway.*.json files: the two
# have to say the same. Needs Node; where it is not, that is said and nothing is checked.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v npm >/dev/null; then
    echo "No npm here: .railway/railway.ts is not checked."
    exit 0
fi
# shellcheck source=scripts/cargo.sh
. scripts/cargo.sh
folder=$(target_folder "$PWD")/ci-tools/railway
mkdir -p "$folder"
cp .railway/* .railway/.npmrc "$folder/"
if ! cmp -s "$folder/package-lock.json" "$folder/node_modules/installed-lock.json"; then
    (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    cp "$folder/package-lock.json" "$folder/node_modules/installed-lock.json"
fi
(cd "$folder" && node_modules/.bin/tsc)
cp tests/railway/evaluate.mjs "$folder/evaluate.mjs"
node "$folder/evaluate.mjs" "$folder/out/railway.js" "$PWD"
