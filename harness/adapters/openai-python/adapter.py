"""openai for Python: `AsyncOpenAI.chat.completions.create`, plain and streamed."""

import pathlib
import ssl
import sys

import openai

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "common"))
from brownout_adapter import Adapter, body, join_calls

# Not claimed, since the SDK has nothing for it: fallback, deadline (its timeouts are those of single reads), telemetry, breaker,
# retry-budget, in-flight-limit, configurable-parser; idempotency (`_idempotency_header` is unset for this API).
CAPABILITIES = ["stream", "cancel", "retry", "retry-after", "tools", "usage", "configurable-attempts", "configurable-timeouts"]

# The SDK's own HTTP client, but for the trust store: reading one for every session would cost 30 ms each, and nothing here is TLS.
TLS = ssl.create_default_context()


def make(providers, policy):
    # One read timeout serves the wait for the head and every silence after it: `idle_timeout` cannot be told apart from
    # `attempt_timeout`, and the longer one refuses no healthy reply. Nothing can be told of `semantic_idle_timeout`, `deadline`,
    # `backoff` (fixed: 0.5 s doubling to 8 s, less up to a quarter) and `retry_after` (fixed ceiling of 120 s).
    silence = max(policy["attempt_timeout"], policy["idle_timeout"]) / 1000
    return openai.AsyncOpenAI(
        base_url=providers[0]["base_url"],
        api_key=providers[0]["api_key"],
        max_retries=policy["attempts"] - 1,
        timeout=openai.Timeout(silence, connect=policy["connect_timeout"] / 1000),
        http_client=openai.DefaultAsyncHttpxClient(verify=TLS),
    )


async def ask(client, case, reply):
    answer = await client.chat.completions.create(**body(case, case["providers"][0]))
    if case["request"]["stream"]:
        return await read(answer, case["request"].get("n", 1), reply)
    with reply.reading(answer):
        choice = answer.choices[0]
        reply.text, reply.finish_reason = choice.message.content, choice.finish_reason
        reply.refusal = choice.message.refusal
        reply.tool_calls = [call.model_dump(exclude_unset=True) for call in choice.message.tool_calls or []]
        reply.usage = answer.usage and answer.usage.model_dump(exclude_unset=True)


async def read(stream, choices, reply):
    with reply.reading(stream):
        chunks = aiter(stream)
    async for chunk in chunks:
        with reply.reading(chunk):
            if chunk.usage:
                reply.usage = chunk.usage.model_dump(exclude_unset=True)
            for choice in chunk.choices:
                if choices > 1 and choice.index != 0:
                    continue
                reply.say(choice.delta.content)
                reply.refusal += choice.delta.refusal or ""
                join_calls(reply.tool_calls, choice.delta.tool_calls)
                reply.finish_reason = choice.finish_reason or reply.finish_reason


client = {"name": "openai-python", "version": openai.__version__, "language": "python"}
Adapter(client, CAPABILITIES, make, ask, close=lambda client: client.close()).run()
