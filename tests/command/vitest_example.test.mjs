// How a test framework arms one scenario after another: `brownout serve > place.json &`, then
// `BROWNOUT_PLACE="$(head -1 place.json)" npx vitest run`.

import { expect, test } from "vitest";

const place = JSON.parse(process.env.BROWNOUT_PLACE);

async function control(method, path, body) {
  const answer = await fetch(place.control + path, { method, body: body && JSON.stringify(body) });
  expect(answer.status).toBe(200);
  return answer.json();
}

/** The client under test: it tries again after a 5xx, twice at most, and after nothing else. */
async function ask(prompt, attempts = 3) {
  const answer = await fetch(`${place.base_url}/chat/completions`, {
    method: "POST",
    redirect: "manual",
    headers: { authorization: `Bearer ${place.api_key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: place.model, messages: [{ role: "user", content: prompt }] }),
  });
  if (answer.status >= 500 && attempts > 1) return ask(prompt, attempts - 1);
  if (!answer.ok) throw new Error(`refused: ${answer.status}`);
  return (await answer.json()).choices[0].message.content;
}

test.each([
  ["request-contract/documented-fields[plain]", true],
  ["auth/bad-key", false],
  ["rate-quota/payment-required", false],
  ["provider-transient/injected-500[safe]", false],
])("%s", async (scenario, answered) => {
  await control("POST", "/arm", { scenario });
  // The word in the prompt tells whose request it is.
  const asking = ask("How long is a fortnight? [u0]");
  if (answered) expect(await asking).toBeTruthy();
  else await expect(asking).rejects.toThrow("refused");
  const verdict = await control("GET", "/verdict");
  expect(verdict.status, JSON.stringify(verdict)).toBe("pass");
});
