"""A command that asks once, or badly: what `brownout exec` is tested with. `ask.py KIND`, no packages."""

import json
import os
import sys
import time
import urllib.error
import urllib.request

KIND = sys.argv[1] if len(sys.argv) > 1 else "good"
TRIES = 5 if KIND == "stubborn" else 1


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def ask():
    body = {"model": os.environ["BROWNOUT_MODEL"], "messages": [{"role": "user", "content": "How long is a fortnight?"}]}
    headers = {"authorization": f"Bearer {os.environ['OPENAI_API_KEY']}", "content-type": "application/json"}
    if KIND != "unmarked":
        headers["x-brownout-user"] = "0"
    url = f"{os.environ['OPENAI_BASE_URL']}/chat/completions"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.build_opener(NoRedirect).open(request, timeout=10) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]


if KIND == "endless":
    time.sleep(60)
for attempt in range(TRIES):
    try:
        print("answered:", len(ask()), "characters")
        break
    except urllib.error.HTTPError as error:
        print("refused:", error.code)
        if KIND == "talkative":
            print(error.read().decode())
            print(os.environ["OPENAI_API_KEY"])
    except (OSError, ValueError, LookupError) as error:
        print("lost:", type(error).__name__)
else:
    sys.exit(3)
