"""LiteLLM's Router with one fallback: `Router.acompletion`, plain and streamed, with the `openai/` provider."""

import os
import pathlib
import sys

# Read at import: prices come from the package, not from the net.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import importlib.metadata

import litellm

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "common"))
from brownout_adapter import Adapter
from openai_shapes import body, read, take

# Not claimed, since the Router has nothing for it: deadline (`timeout` is one attempt's), telemetry, retry-budget, idempotency,
# in-flight-limit, configurable-parser. Nor breaker: its cooldowns count the failures of a minute, no success clears them, a first 429
# may be enough, and when one is over everybody comes back at once. Of a breaker's contract only the length of a hold can be told.
CAPABILITIES = [
    "stream", "cancel", "retry", "retry-after", "fallback", "tools", "usage", "configurable-attempts", "configurable-timeouts",
]  # fmt: skip


def make(providers, policy):
    # `timeout` is a deployment's, for the head and for every silence. Nothing can be told of `connect_timeout`, `idle_timeout`,
    # `semantic_idle_timeout`, `deadline`, `fallback.reserve`, `backoff` (fixed: 0.5 s doubling to 8 s, with jitter), `retry_after`
    # (fixed ceiling of 60 s) and of a fallback that gets one attempt only: `num_retries` is every group's.
    def deployment(provider, timeout):
        params = {"model": f"openai/{provider['model']}", "api_base": provider["base_url"], "api_key": provider["api_key"]}
        return {
            "model_name": provider["name"],
            "litellm_params": {**params, "timeout": timeout / 1000, "stream_timeout": timeout / 1000},
            "model_info": {"id": provider["name"]},
        }

    targets = policy["fallback"]["targets"]
    primary, others = providers[0], [provider for provider in providers[1:] if provider["name"] in targets]
    return litellm.Router(
        model_list=[deployment(primary, policy["attempt_timeout"])]
        + [deployment(provider, policy["fallback"]["timeout"]) for provider in others],
        fallbacks=[{primary["name"]: [provider["name"]]} for provider in others[:1]],
        num_retries=policy["attempts"] - 1,
        # Cooldowns are no breaker (see above), and would decide who is asked in cases about something else.
        disable_cooldowns=True,
    )


async def ask(router, case, reply):
    request = body(case, case["providers"][0])
    request["model"] = case["providers"][0]["name"]
    unsafe = case["request"]["fallback"] == "unsafe"
    answer = await router.acompletion(**request, disable_fallbacks=unsafe)
    await read(answer, request, reply) if request.get("stream") else take(answer, reply)


async def close(router):
    router.retire()


client = {"name": "litellm-router", "version": importlib.metadata.version("litellm"), "language": "python"}
Adapter(client, CAPABILITIES, make, ask, close).run()
