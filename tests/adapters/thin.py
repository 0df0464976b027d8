"""A thin adapter in plain Python: one request a case, no retry, no fallback. How each message is answered, in full."""
import http.client
import json
import sys
import threading
from urllib.parse import urlsplit

lock, open_cases = threading.Lock(), {}


def say(message):
    with lock:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


class Refused(Exception):
    def __init__(self, status):
        super().__init__(f"the provider answered {status}")
        self.status = status


class Broken(Exception):
    pass


def body_of(case):
    request, model = case["request"], case["providers"][0]["model"]
    body = {"model": model, "messages": request["messages"], "user": request["user"]}
    body.update({key: request[key] for key in ("tools", "n") if key in request})
    if request["stream"]:
        body["stream"] = True
    return json.dumps(body)


def ask(case, connection, streamed):
    """One request: the answer's text and finish_reason, or an exception."""
    provider = case["providers"][0]
    path = urlsplit(provider["base_url"]).path + "/chat/completions"
    headers = {"Authorization": "Bearer " + provider["api_key"], "Content-Type": "application/json"}
    connection.request("POST", path, body_of(case), headers)
    response = connection.getresponse()
    connection.sock.settimeout(case["policy"]["idle_timeout"] / 1000)
    if response.status != 200:
        raise Refused(response.status)
    if not case["request"]["stream"]:
        reply = json.loads(response.read())
        choice = reply["choices"][0]
        return choice["message"]["content"], choice["finish_reason"], reply.get("usage")
    finish = None
    for line in response:
        data = line.decode().removeprefix("data:").strip()
        if data == "[DONE]":
            return "".join(streamed), finish, None
        for choice in json.loads(data)["choices"] if line.startswith(b"data:") else []:
            streamed += [choice["delta"]["content"]] if choice["delta"].get("content") else []
            finish = choice.get("finish_reason") or finish
    raise Broken("the stream ended without [DONE]")


def run(case):
    url, streamed = urlsplit(case["providers"][0]["base_url"]), []
    timeout = case["policy"]["attempt_timeout"] / 1000
    connection = open_cases[case["id"]] = http.client.HTTPConnection(url.hostname, url.port, timeout=timeout)
    outcome = {"type": "outcome", "id": case["id"], "attempts": 1}
    try:
        outcome["text"], outcome["finish_reason"], outcome["usage"] = ask(case, connection, streamed)
        outcome["result"] = "completed"
    except Exception as error:
        gone = open_cases.get(case["id"]) is None
        outcome["result"] = "cancelled" if gone else "failed"
        outcome["error"] = {"native": type(error).__name__, "status": getattr(error, "status", None), "message": str(error)}
    connection.close()
    open_cases.pop(case["id"], None)
    say({**outcome, "streamed": streamed})


def cancel(message):
    connection = open_cases.get(message["id"])
    if connection and connection.sock:
        open_cases[message["id"]] = None
        connection.sock.shutdown(2)


def main():
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "hello":
            client = {"name": "thin", "version": "1", "language": "python"}
            capabilities = ["stream", "cancel", "configurable-timeouts"]
            say({"type": "ready", "protocol": 1, "client": client, "capabilities": capabilities, "concurrency": 32})
        elif message["type"] == "case":
            threading.Thread(target=run, args=(message,)).start()
        elif message["type"] == "cancel":
            cancel(message)
        elif message["type"] == "bye":
            break
        elif message["type"] != "end-session":
            say({"type": "nack", "id": message.get("id"), "why": "unknown type " + message["type"]})


if __name__ == "__main__":
    main()
