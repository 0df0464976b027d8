// openai for Node: `client.chat.completions.create`, plain and streamed.

import OpenAI from "openai";
import { VERSION } from "openai/version";
import { body, joinCalls, run } from "../common/brownout_adapter.mjs";

// Not claimed, since the SDK has nothing for it: fallback, deadline (its timeout is one attempt's), telemetry,
// breaker, retry-budget, in-flight-limit, configurable-parser; idempotency (`idempotencyHeader` is unset for this API).
const capabilities = ["stream", "cancel", "retry", "retry-after", "tools", "usage", "configurable-attempts", "configurable-timeouts"];

function make([primary], policy) {
  // `timeout` is `attempt_timeout`: a plain reply to its last byte, a stream to its head; nothing bounds a stream after that. Nothing can
  // be told of `connect_timeout`, `idle_timeout`, `semantic_idle_timeout`, `deadline`, `backoff` (fixed: 0.5 s doubling to 8 s, less up
  // to a quarter) and `retry_after` (fixed: a wait beyond 60 s is replaced by the backoff).
  return new OpenAI({
    baseURL: primary.base_url,
    apiKey: primary.api_key,
    maxRetries: policy.attempts - 1,
    timeout: policy.attempt_timeout,
  });
}

async function ask(client, message, reply, signal) {
  const answer = await client.chat.completions.create(body(message, message.providers[0]), { signal });
  if (message.request.stream) return read(answer, message.request.n ?? 1, reply);
  reply.reading(answer, ({ choices, usage }) => {
    const { message, finish_reason } = choices[0];
    Object.assign(reply, { text: message.content, refusal: message.refusal, toolCalls: message.tool_calls ?? [], finishReason: finish_reason, usage });
  });
}

async function read(stream, n, reply) {
  const calls = new Map();
  for await (const chunk of stream) {
    reply.reading(chunk, ({ choices, usage }) => {
      reply.usage = usage ?? reply.usage;
      for (const { index, delta, finish_reason } of choices) {
        if (n > 1 && index !== 0) continue;
        reply.say(delta.content);
        reply.refusal += delta.refusal ?? "";
        joinCalls(calls, delta.tool_calls);
        reply.finishReason = finish_reason ?? reply.finishReason;
      }
    });
  }
  reply.toolCalls = [...calls.values()];
}

await run({ client: { name: "openai-node", version: VERSION, language: "javascript" }, capabilities, make, ask });
