"""LangChain's ChatOpenAI `with_fallbacks`: `ainvoke` and `astream`."""

import importlib.metadata
import json
import os
import pathlib
import ssl
import sys

os.environ.update(LANGSMITH_TRACING="false", LANGCHAIN_TRACING_V2="false")
import openai
from langchain_openai import ChatOpenAI

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "common"))
from brownout_adapter import Adapter

# Not claimed, since there is nothing for it: deadline, telemetry, breaker, retry-budget, in-flight-limit, idempotency,
# configurable-parser.
CAPABILITIES = [
    "stream", "cancel", "retry", "retry-after", "fallback", "tools", "usage",
    "configurable-attempts", "configurable-timeouts",
]  # fmt: skip

# The HTTP client of the openai SDK, but for the trust store: reading one for every session is slow, and nothing here is TLS.
TLS = ssl.create_default_context()

# By default every exception leads to the fallback; our policy forbids it after a request that is at fault (400, 405, 415, 422). An error
# among the events is a plain APIError, which cannot be listed without its subclasses, those very errors among them.
HANDLED = (
    openai.APIConnectionError, openai.InternalServerError, openai.RateLimitError, openai.AuthenticationError,
    openai.PermissionDeniedError, openai.NotFoundError, ValueError, TypeError, KeyError, IndexError, AttributeError,
    TimeoutError,  # StreamChunkTimeoutError
)  # fmt: skip


def make(providers, policy):
    def model(provider, attempts, timeout):
        # One read timeout for the head and for every silence. `stream_chunk_timeout` is the wait for the next chunk, whatever
        # keeps the connection alive: `semantic_idle_timeout`. Nothing can be told of `deadline`, `fallback.reserve`, `backoff`
        # (fixed: 0.5 s doubling to 8 s, less up to a quarter) and `retry_after` (fixed ceiling of 120 s).
        return ChatOpenAI(
            model=provider["model"],
            base_url=provider["base_url"],
            api_key=provider["api_key"],
            max_retries=attempts - 1,
            timeout=openai.Timeout(timeout / 1000, connect=policy["connect_timeout"] / 1000),
            stream_chunk_timeout=policy["semantic_idle_timeout"] / 1000,
            stream_usage=True,
            http_client=openai.DefaultHttpxClient(verify=TLS),
            http_async_client=openai.DefaultAsyncHttpxClient(verify=TLS),
        )

    targets = policy["fallback"]["targets"]
    primary = model(providers[0], policy["attempts"], policy["attempt_timeout"])
    others = [model(other, 1, policy["fallback"]["timeout"]) for other in providers[1:] if other["name"] in targets]
    return primary, primary.with_fallbacks(others[:1], exceptions_to_handle=HANDLED) if others else primary


async def ask(client, case, reply):
    asked = case["request"]
    alone, with_fallback = client
    model = alone if asked["fallback"] == "unsafe" else with_fallback
    options = {key: asked[key] for key in ("user", "tools", "n") if asked.get(key) is not None}
    if not asked["stream"]:
        return take(await model.ainvoke(asked["messages"], **options), reply)
    whole = None
    async for chunk in model.astream(asked["messages"], **options):
        with reply.reading(chunk):
            reply.say(chunk.text)
            # LangChain's own sum of chunks, as its documentation shows.
            whole = chunk if whole is None else whole + chunk
    if whole is not None:
        take(whole, reply)


def take(message, reply):
    with reply.reading(message):
        reply.text, reply.finish_reason = message.text, message.response_metadata.get("finish_reason")
        reply.refusal = message.additional_kwargs.get("refusal")
        # The application gets parsed arguments; those that did not parse it gets as text, beside the others.
        calls = [(call, json.dumps(call["args"], separators=(",", ":"), ensure_ascii=False)) for call in message.tool_calls]
        calls += [(call, call["args"]) for call in message.invalid_tool_calls]
        reply.tool_calls = [
            {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": arguments}}
            for call, arguments in calls
        ]
        names = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens", "total_tokens": "total_tokens"}
        usage = message.usage_metadata
        reply.usage = usage and {name: usage[own] for name, own in names.items()}


client = {"name": "langchain-openai", "version": importlib.metadata.version("langchain-openai"), "language": "python"}
Adapter(client, CAPABILITIES, make, ask).run()
