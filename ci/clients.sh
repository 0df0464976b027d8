#!/usr/bin/env bash
# The suite over real clients, at pinned versions, on a machine that has only Python 3.11, npm and this tree.
#
#   ci/clients.sh [install | run | doctor | report | list] [NAME…]      without words: install, run, report, all of them
set -euo pipefail
cd "$(dirname "$0")/.."

ADAPTERS=(openai-python openai-node litellm litellm-router langchain-openai)
GATEWAYS=(litellm-proxy portkey)
CLIENTS=target/clients
RESULTS=$CLIENTS/results
export LITELLM_LOCAL_MODEL_COST_MAP=True # no price list from the net
export PIP_DISABLE_PIP_VERSION_CHECK=1 NPM_CONFIG_AUDIT=false NPM_CONFIG_FUND=false NPM_CONFIG_UPDATE_NOTIFIER=false

step() { printf '\n== %s\n' "$1" >&2; }

# The folder of a client's sources, and that of what it is installed from: the Router is LiteLLM's.
source_of() { case $1 in litellm-proxy | portkey) echo "harness/adapters/gateways/$1" ;; *) echo "harness/adapters/$1" ;; esac; }
home_of() { case $1 in litellm-router) echo "$CLIENTS/litellm" ;; *) echo "$CLIENTS/$1" ;; esac; }

# What is installed is not installed again until its pins change.
up_to_date() { cmp -s "$1" "$2/.pins"; }

install_python() { # source home
  up_to_date "$1/requirements.txt" "$2" && return
  rm -rf "$2"
  python3 -m venv "$2"
  "$2/bin/pip" install --quiet --no-deps --requirement "$1/requirements.txt"
  "$2/bin/pip" check
  cp "$1/requirements.txt" "$2/.pins"
}

install_node() { # source home
  if ! up_to_date "$1/package-lock.json" "$2"; then
    rm -rf "$2"
    mkdir -p "$2"
    cp "$1/package.json" "$1/package-lock.json" "$2"
    # No package's own scripts: Node itself comes as a package, whole.
    (cd "$2" && npm ci --silent --ignore-scripts)
    cp "$1/package-lock.json" "$2/.pins"
  fi
  # Modules are looked for beside the program that imports them.
  if [ -f "$1/adapter.mjs" ]; then ln -sfn "$PWD/$2/node_modules" "$1/node_modules"; fi
}

install() { # name
  step "install $1"
  mkdir -p "$CLIENTS"
  local from home
  from=$(source_of "$1") home=$(home_of "$1")
  if [ -e "$from/requirements.txt" ]; then install_python "$from" "$home"; else install_node "$from" "$home"; fi
}

node_of() { echo "$1"/node_modules/node-linux-*/bin/node; }

# How an adapter is started, as words in COMMAND.
command_of() { # name
  local from home
  from=$(source_of "$1") home=$(home_of "$1")
  if [ -f "$from/adapter.mjs" ]; then COMMAND=("$(node_of "$home")" "$from/adapter.mjs"); else COMMAND=("$home/bin/python" "$from/adapter.py"); fi
}

brownout() { cargo run --quiet --release --locked -- "$@"; }

# Command, policy and known violations stand in the client.yaml of its folder. True time and a busy machine can spoil a run: what is not
# fine is run once more, and counts if it comes again.
run() { # name
  local status=0
  step "the suite over $1"
  mkdir -p "$RESULTS"
  judge "$1" || status=$?
  [ "$status" -ne 0 ] || return 0
  step "once more over $1, which ended with $status"
  judge "$1"
}

judge() { brownout run --client "$1" --transcripts "$RESULTS/$1.jsonl"; } # name

# All that was run, side by side.
report() {
  step "the matrix"
  brownout report "$RESULTS"/*.jsonl
}

doctor() { # name
  step "doctor: $1"
  command_of "$1"
  brownout doctor -- "${COMMAND[@]}"
}

# All are tried, whatever becomes of the first; the worst exit status is the script's.
each() { # what name…
  local what=$1 worst=0 status
  shift
  for name in "$@"; do
    status=0
    "$what" "$name" || status=$?
    [ "$status" -le "$worst" ] || worst=$status
  done
  return "$worst"
}

what=${1:-all}
[ $# -eq 0 ] || shift
ALL=("${ADAPTERS[@]}" "${GATEWAYS[@]}")
case $what in
  install) for name in "${@:-${ALL[@]}}"; do install "$name"; done ;;
  run) each run "${@:-${ALL[@]}}" ;;
  doctor) each doctor "${@:-${ADAPTERS[@]}}" ;;
  report) report ;;
  list) printf '%s\n' "${ALL[@]}" ;;
  all)
    for name in "${ALL[@]}"; do install "$name"; done
    each run "${ALL[@]}"
    report
    ;;
  *) echo "usage: ci/clients.sh [install | run | doctor | report | list] [NAME…]" >&2; exit 2 ;;
esac
