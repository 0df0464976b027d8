"""openai for Python: `AsyncOpenAI.chat.completions.create`, plain and streamed."""

import pathlib
import ssl
import sys

import openai

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "common"))
from brownout_adapter import Adapter
from openai_shapes import body, read, take

# Not claimed, since the SDK has nothing for it: fallback, deadline (its timeouts are those of single reads), telemetry, breaker,
# retry-budget, in-flight-limit, configurable-parser; idempotency (`_idempotency_header` is unset for this API).
CAPABILITIES = ["stream", "cancel", "retry", "retry-after", "tools", "usage", "configurable-attempts", "configurable-timeouts"]

# The SDK's own HTTP client, but for the trust store: reading one for every session would cost 30 ms each, and nothing here is TLS.
TLS = ssl.create_default_context()


def make(providers, policy):
    # One read timeout serves the wait for the head and every silence after it, so `idle_timeout` cannot be told: it would cut
    # healthy waits for a head. Nothing can be told of `semantic_idle_timeout`, `deadline`,
    # `backoff` (fixed: 0.5 s doubling to 8 s, less up to a quarter) and `retry_after` (fixed ceiling of 120 s).
    return openai.AsyncOpenAI(
        base_url=providers[0]["base_url"],
        api_key=providers[0]["api_key"],
        max_retries=policy["attempts"] - 1,
        timeout=openai.Timeout(policy["attempt_timeout"] / 1000, connect=policy["connect_timeout"] / 1000),
        http_client=openai.DefaultAsyncHttpxClient(verify=TLS),
    )


async def ask(client, case, reply):
    request = body(case, case["providers"][0])
    answer = await client.chat.completions.create(**request)
    await read(answer, request, reply) if request.get("stream") else take(answer, reply)


client = {"name": "openai-python", "version": openai.__version__, "language": "python"}
Adapter(client, CAPABILITIES, make, ask, close=lambda client: client.close()).run()
