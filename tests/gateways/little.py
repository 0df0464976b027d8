"""Little gateways of a few lines: what the driver of gateways is tested with. `little.py KIND CONFIG PIDS`, no packages."""

import http.client
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

KIND, CONFIG, PIDS = sys.argv[1:4]
with open(PIDS, "a", encoding="utf-8") as pids:
    pids.write(f"{os.getpid()}\n")
with open(CONFIG, encoding="utf-8") as file:
    TOLD = json.load(file)
# Tries at the primary, before the fallback has its one.
TRIES = {"greedy": 5}.get(KIND, 1)


class Lost(Exception):
    """No usable answer: the status to pass on."""

    def __init__(self, status, body):
        super().__init__(status)
        self.status, self.body = status, body


def ask(provider, request):
    url = urlsplit(provider["base_url"])
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=provider["timeout"])
    headers = {"authorization": f"Bearer {provider['api_key']}", "content-type": "application/json"}
    body = json.dumps({**request, "model": provider["model"]})
    connection.request("POST", f"{url.path}/chat/completions", body, headers)
    answer = connection.getresponse()
    if KIND == "follows" and answer.status == 302:
        answer.read()
        connection.request("GET", urlsplit(answer.headers["location"]).path)
        answer = connection.getresponse()
    if answer.status != 200:
        raise Lost(answer.status, answer.read())
    return answer


def error(status, why):
    kind = {429: "rate_limit_error", 401: "authentication_error"}.get(status, "upstream_error")
    return json.dumps({"error": {"message": why, "type": kind, "code": status}}).encode()


def straggle():
    """At work for a user of long ago."""
    request = {"messages": [{"role": "user", "content": "Are you still there?"}]}
    ask(TOLD["fallback"], request).read()


class Gateway(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply(503 if KIND == "never-ready" else 200, b"{}")

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        said = request["messages"][-1]["content"]
        if KIND == "straggler":
            threading.Thread(target=straggle, daemon=True).start()
        if KIND == "talkative":
            print("asked:", said, flush=True)
        if KIND == "dies" and "fortnight" in said:
            print("the last words of a gateway", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        status, why = 502, "no provider"
        for provider in [TOLD["primary"]] * TRIES + [TOLD["fallback"]]:
            try:
                answer = ask(provider, request)
                return self.stream(answer) if request.get("stream") else self.whole(answer)
            except Lost as lost:
                status, why = lost.status, f"the provider answered {lost.status}"
                if status in (400, 401, 404, 422):
                    break
            except (OSError, http.client.HTTPException, ValueError):
                status, why = 504, "the provider was lost"
        self.reply(status, error(status, why))

    def whole(self, answer):
        body = answer.read()
        json.loads(body)["choices"][0]["message"]
        self.reply(200, body)

    def stream(self, answer):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        ended = False
        try:
            for line in answer:
                ended = ended or b"[DONE]" in line
                self.wfile.write(line)
        except (OSError, http.client.HTTPException):
            pass
        if not ended and KIND == "liar":
            stop = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
            self.wfile.write(f"data: {json.dumps(stop)}\n\ndata: [DONE]\n\n".encode())
        elif not ended:
            self.wfile.write(b"data: " + error(502, "the provider was lost") + b"\n\n")
        self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


if KIND == "dies-at-once":
    sys.exit("there is nothing to see here")
if KIND == "background":
    primary = urlsplit(TOLD["primary"]["base_url"])
    probe = http.client.HTTPConnection(primary.hostname, primary.port)
    probe.request("GET", "/v1/models")
    assert json.load(probe.getresponse())["data"], "a list of models"
server = Server(("127.0.0.1", TOLD["port"]), Gateway)
threading.Thread(target=server.serve_forever, daemon=True).start()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
while True:
    time.sleep(60)
