"""LiteLLM: `litellm.acompletion`, plain and streamed, with the `openai/` provider."""

import os
import pathlib
import sys

# Read at import: prices come from the package, not from the net.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import importlib.metadata

import litellm
import openai

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "common"))
from brownout_adapter import Adapter
from openai_shapes import body, read, take

# Not claimed, since the function has nothing for it: deadline, telemetry, breaker, retry-budget, in-flight-limit, idempotency,
# configurable-parser. `fallbacks=[..]` of this function is another loop of attempts; the Router has the real one.
CAPABILITIES = ["stream", "cancel", "retry", "retry-after", "tools", "usage", "configurable-attempts", "configurable-timeouts"]


def make(providers, policy):
    """There is no client object: the module keeps its connections by base URL, key and timeouts."""
    # The retries are those of the openai SDK below (`num_retries` becomes its `max_retries`). Its one read timeout serves the wait for
    # the head and every silence after it, so `idle_timeout` cannot be told: it would cut healthy waits for a head. Nothing can be
    # told of `semantic_idle_timeout`, `deadline`, `backoff` and `retry_after`, which are the openai SDK's too.
    return {
        "api_base": providers[0]["base_url"],
        "api_key": providers[0]["api_key"],
        "max_retries": policy["attempts"] - 1,
        "timeout": openai.Timeout(policy["attempt_timeout"] / 1000, connect=policy["connect_timeout"] / 1000),
    }


async def ask(settings, case, reply):
    request = body(case, case["providers"][0])
    request["model"] = f"openai/{request['model']}"
    answer = await litellm.acompletion(**request, **settings)
    await read(answer, request, reply) if request.get("stream") else take(answer, reply)


client = {"name": "litellm", "version": importlib.metadata.version("litellm"), "language": "python"}
Adapter(client, CAPABILITIES, make, ask).run()
