#!/bin/sh
# The examples of `exec` with pytest and of `serve` with vitest, run for real. Needs python3, node and npm; installs into target/command.
set -eu
cd "$(dirname "$0")/.."
here=target/command
brownout=${BROWNOUT:-target/debug/brownout}
mkdir -p "$here/vitest"

[ -x "$here/python/bin/pytest" ] || {
    python3 -m venv "$here/python"
    "$here/python/bin/pip" install --quiet --disable-pip-version-check --requirement tests/command/requirements.txt
}
cp tests/command/package.json tests/command/package-lock.json tests/command/vitest_example.test.mjs "$here/vitest/"
(cd "$here/vitest" && [ -d node_modules ] || npm ci --no-audit --no-fund --loglevel error)

echo "== exec, pytest"
"$brownout" exec --expect-exit 0 \
    --scenario 'request-contract/documented-fields[plain]' --scenario auth/bad-key \
    --scenario 'provider-transient/injected-500[safe]' --scenario 'request-contract/bad-request[plain]' \
    -- "$here/python/bin/pytest" --quiet -p no:cacheprovider tests/command/test_pytest_example.py

echo "== serve, vitest"
"$brownout" serve > "$here/place.json" &
served=$!
trap 'kill "$served" 2> /dev/null' EXIT
until [ -s "$here/place.json" ]; do sleep 0.1; done
BROWNOUT_PLACE=$(head -1 "$here/place.json")
export BROWNOUT_PLACE
(cd "$here/vitest" && npx vitest run --reporter=verbose)
