"""The thin adapter with one thing wrong: broken.py WHAT PIDS. It goes wrong in scenarios named `guilty` and for the doctor, where it can."""
import json
import os
import signal
import subprocess
import sys
import time

import thin

WHAT, PIDS = sys.argv[1:3]
proxies = [name for name in os.environ if name.lower().endswith("_proxy") and name.lower() != "no_proxy"]
assert not proxies and "127.0.0.1" in os.environ["NO_PROXY"], "no proxy may stand between it and the providers"
with open(PIDS, "a") as pids:
    print(os.getpid(), file=pids)
# A child of its own, which must not outlive it.
subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
true_run, true_say, sessions, ignored = thin.run, thin.say, {}, []
held, said_goodbye = [], []


def raw(text):
    with thin.lock:
        sys.stdout.write(text)
        sys.stdout.flush()


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def crash(case):
    print("the last words\nwith the key", case["providers"][0]["api_key"], file=sys.stderr, flush=True)
    os._exit(3)


def close(case):
    sys.stdout.flush()
    os.close(1)
    time.sleep(60)


def half(case):
    raw('{"type":"outcome","id":')
    os._exit(0)


def three_attempts(case):
    for _ in range(2):
        connection = thin.http.client.HTTPConnection(thin.urlsplit(case["providers"][0]["base_url"]).netloc)
        try:
            thin.ask(case, connection, [])
        except thin.Refused:
            pass
    true_run(case)


def always_well(case, **more):
    streamed = []
    try:
        thin.ask(case, thin.http.client.HTTPConnection(thin.urlsplit(case["providers"][0]["base_url"]).netloc), streamed)
    except thin.Broken:
        pass
    outcome = {"result": "completed", "text": "".join(streamed), "streamed": streamed, "finish_reason": "stop"}
    true_say({"type": "outcome", "id": case["id"], **outcome, **more})


def misuses_its_sdk(case):
    error = {"native": "TypeError", "status": None, "message": "create() got an unexpected keyword argument 'user'"}
    true_say({"type": "outcome", "id": case["id"], "result": "failed", "error": error})


def twice(case):
    true_run(case)
    true_run(case)


def with_records(case):
    true_say({"type": "effect", "id": case["id"], "name": "charge", "call": "1"})
    words = "endpoint_class mode status_code error_code latency_bucket retry_attempt".split()
    true_say({"type": "telemetry", "id": case["id"], "record": {"provider": "primary", "model": None, **dict.fromkeys(words, 1)}})
    true_run(case)


def leaks(case):
    print("DEBUG sending", case["providers"][0]["api_key"], file=sys.stderr, flush=True)
    true_run(case)


def charges_twice(case):
    for _ in range(2):
        true_say({"type": "effect", "id": case["id"], "name": "charge", "call": "1"})
    true_run(case)


def first_providers(case, first=[]):
    first.append(case["providers"])
    true_run({**case, "providers": first[0]})


class InTurn:
    def __init__(self, target, args):
        self.start = lambda: target(*args)


RUNS = {
    "shares-a-client": first_providers,
    "misuses-its-sdk": misuses_its_sdk,
    "leaks": leaks,
    "charges-twice": charges_twice,
    "crash": crash,
    "hang": lambda case: time.sleep(600),
    "garbage": lambda case: (raw("Starting up...\n"), true_run(case)),
    "half-line": half,
    "long-line": lambda case: raw('{"type":"telemetry","id":"%s","record":{"x":"%s"}}\n' % (case["id"], "x" * (2 << 20))),
    "close-stdout": close,
    "wrong-id": lambda case: true_run({**case, "id": "c999"}),
    "duplicate": twice,
    "nack": lambda case: true_say({"type": "nack", "id": case["id"], "why": "no idea"}),
    "lies-about-attempts": three_attempts,
    "lies-about-success": always_well,
    "long-outcome": lambda case: always_well(case, padding="x" * (2 << 20)),
    "records": with_records,
    "dies-at-case": lambda case: die(),
    "dies-at-telemetry": lambda case: (true_say({"type": "telemetry", "id": case["id"], "record": {}}), die()),
    "dies-at-effect": lambda case: (true_say({"type": "effect", "id": case["id"], "name": "x", "call": "1"}), die()),
    "dies-at-outcome": lambda case: (true_run(case), die()),
    "ignores-cancel": lambda case: true_run(case) if case["session"] in ignored else ignored.append(case["session"]),
}


def run(case):
    guilty = "guilty" in case["scenario"] or "doctor" in case["scenario"]
    sessions[case["session"]] = case if guilty else None
    (RUNS.get(WHAT, true_run) if guilty else true_run)(case)


def say(message):
    if WHAT == "one-at-a-time" and message["type"] == "ready":
        message["concurrency"] = 1
    if message["type"] == "ready":
        message["capabilities"] += ["tools"] if WHAT == "charges-twice" else []
    message["capabilities"] = message.get("capabilities", []) + ["rety"] if WHAT == "misspells" else message.get("capabilities")
    if WHAT == "unflushed" or (WHAT == "holds-back" and message["type"] == "nack"):
        return held.append(json.dumps(message) + "\n")
    true_say(message)


def listen(lines):
    """Every line, once it was seen whether to go wrong at it."""
    for line in lines:
        message = json.loads(line)
        kind = message["type"]
        case = sessions.get(message.get("session"))
        if WHAT == "dies-at-" + kind and kind in ("hello", "bye", "cancel") or (WHAT == "dies-at-end-session" and case and kind == "end-session"):
            die()
        if kind == "bye":
            said_goodbye.append(True)
        if WHAT == "never-ready" and kind == "hello":
            time.sleep(600)
        if WHAT == "after-the-end" and kind == "end-session" and case:
            true_say({"type": "outcome", "id": case["id"], "result": "completed"})
        if WHAT == "strict" and "brownout_doctor" in message:
            true_say({"type": "nack", "id": message.get("id"), "why": "what is brownout_doctor?"})
            continue
        if WHAT == "ignores-unknown-types" and kind == "brownout-doctor":
            continue
        yield line
        if WHAT == "dies-at-ready" and kind == "hello":
            time.sleep(0.1)
            die()


thin.run, thin.say, thin.sys.stdin = run, say, listen(sys.stdin)
if WHAT == "in-turn":
    thin.threading.Thread = InTurn
thin.main()
if WHAT == "lingers" and not said_goodbye:
    time.sleep(600)
raw("".join(held))
