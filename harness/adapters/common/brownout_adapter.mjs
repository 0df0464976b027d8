// The protocol loop that every JavaScript adapter shares: copy this file beside your own adapter.
//
// An adapter says how a client object is made for a session and how one user request is made with it; everything about lines,
// sessions and cancellation is here. Nothing here retries, falls back or parses a reply: that is the SDK's part.

import { createInterface } from "node:readline";

// Standard output is the protocol's alone: what an SDK prints goes to standard error.
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);

/** The SDK returned normally, but the value has not the shape that its types promise. */
class Unusable extends Error {
  constructor(value, error) {
    super(`${error.name}: ${error.message}`);
    this.native = value?.constructor?.name ?? String(value);
  }
}

function text(value) {
  if (typeof value !== "string") throw new TypeError(`text is ${value === null ? "null" : typeof value}`);
  return value;
}

/** What the application has got so far. The adapter fills it in; the outcome is made from it, whatever happens. */
export class Reply {
  text = null;
  refusal = "";
  finishReason = null;
  toolCalls = [];
  usage = null;
  servedBy = null;
  attempts = null;
  streamed = [];
  value = undefined;

  /** A delta, as it reaches the user of a stream. */
  say(delta) {
    if (delta != null && text(delta)) this.streamed.push(delta);
  }

  /** Around the lines that take a value of the SDK apart: what they trip over is the value's fault, not an error of the SDK. */
  reading(value, take) {
    this.value = value;
    try {
      return take(value);
    } catch (error) {
      throw new Unusable(value, error);
    }
  }

  outcome() {
    const whole = this.text ?? (this.streamed.length ? this.streamed.join("") : null);
    return {
      result: this.refusal || this.finishReason === "content_filter" ? "refused" : "completed",
      text: whole === null ? null : text(whole),
      finish_reason: this.finishReason == null ? null : text(this.finishReason),
      tool_calls: this.toolCalls,
      usage: this.usage ?? null,
      served_by: this.servedBy,
      attempts: this.attempts,
    };
  }
}

/** The request in OpenAI's terms. Nothing is null, and `n` is sent only where it is more than one. */
export function body({ request }, provider) {
  const sent = { model: provider.model, messages: request.messages };
  for (const key of ["user", "tools", "n"]) if (request[key] != null) sent[key] = request[key];
  return request.stream ? { ...sent, stream: true, stream_options: { include_usage: true } } : sent;
}

/**
 * Tool calls of a stream come in fragments, which the SDKs hand over as they are: joined by index, the arguments in a row, as
 * OpenAI's guide to function calling shows; a name or an id may come late.
 */
export function joinCalls(calls, fragments) {
  for (const { index, ...fragment } of fragments ?? []) {
    const call = calls.get(index);
    if (!call) {
      calls.set(index, fragment);
      continue;
    }
    const { name, arguments: more } = fragment.function ?? {};
    call.id ||= fragment.id;
    call.function.name ||= name;
    call.function.arguments = (call.function.arguments ?? "") + (more ?? "");
  }
}

/** What an error says of itself. Its class is not guessed here: `errors.yaml` maps the type's name and the status. */
function ofError(error) {
  const status = Number.isInteger(error?.status) ? error.status : null;
  const native = error?.native ?? error?.constructor?.name ?? typeof error;
  return { native, status, code: error?.code == null ? null : String(error.code), message: String(error?.message ?? error), channel: "raised" };
}

function send(message) {
  // Half a surrogate pair, which JSON can carry and UTF-8 cannot, becomes the replacement character.
  const whole = (_, value) => (typeof value === "string" ? value.toWellFormed() : value);
  write(JSON.stringify(message, whole) + "\n");
}

/**
 * `make(providers, policy)` gives the client object of a session, `ask(client, case, reply, signal)` makes one user request with
 * it; `signal` aborts when the user leaves.
 */
export async function run({ client, capabilities, make, ask, concurrency = 64 }) {
  const ready = { type: "ready", protocol: 1, client, capabilities, concurrency };
  const sessions = new Map();
  const cases = new Map();

  /** One client object a session; a client is made for its providers, so a case that names others gets another one. */
  function clientOf({ session, providers, policy }) {
    if (!sessions.has(session)) sessions.set(session, new Map());
    const clients = sessions.get(session);
    const key = JSON.stringify(providers);
    if (!clients.has(key)) clients.set(key, make(providers, policy));
    return clients.get(key);
  }

  async function one(message, signal) {
    const reply = new Reply();
    let outcome;
    try {
      await ask(clientOf(message), message, reply, signal);
      outcome = reply.reading(reply.value, () => reply.outcome());
    } catch (error) {
      outcome = { result: error instanceof Unusable ? "unusable" : "failed", error: ofError(error) };
    }
    // An SDK may end an aborted call with an error of its own, or quietly: the user has gone in either case.
    if (signal.aborted) outcome = { result: "cancelled" };
    cases.delete(message.id);
    send({ type: "outcome", id: message.id, streamed: reply.streamed, ...outcome });
  }

  function take(message) {
    switch (message.type) {
      case "hello":
        if (!message.protocol.includes(1)) throw new Error("only protocol 1 is spoken here");
        return send(ready);
      case "case": {
        const { id, session, providers, request, policy } = message;
        if (![id, session, providers, request, policy].every(Boolean)) throw new Error("a case lacks a field");
        const leaving = new AbortController();
        cases.set(id, { leaving, done: undefined });
        cases.get(id).done = one(message, leaving.signal);
        return;
      }
      case "cancel":
        // A case that is over needs no cancel.
        return cases.get(message.id)?.leaving.abort();
      case "end-session":
        return void sessions.delete(message.session);
      default:
        throw new Error(`unknown type ${message.type}`);
    }
  }

  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    if (!line.trim()) continue;
    let message;
    try {
      message = JSON.parse(line);
      if (message.type === "bye") break;
      take(message);
    } catch (error) {
      send({ type: "nack", id: message?.id ?? null, why: error.message });
    }
  }
  await Promise.allSettled([...cases.values()].map(({ done }) => done));
  process.exit(0);
}
