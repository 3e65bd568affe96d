// The real openai client against running gateways, whose addresses the environment gives. The gateway's own tests start
// them and run this file; by hand, GATEWAY_URL alone runs all that needs no special gateway.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const model = "sim/llama-3.1-8b";
const env = (name) => process.env[name];
const client = (url, apiKey = "none") => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0, timeout: 60_000 });
const openai = client(env("GATEWAY_URL"));
const question = (content) => [{ role: "user", content }];
const special = (name, body) => test(name[0], { skip: env(name[1]) ? false : `${name[1]} is not given` }, () => body(client(env(name[1]))));

const tools = [{
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather of a city.",
    parameters: {
      type: "object",
      properties: { city: { type: "string", enum: ["Zürich \"West\""] }, days: { type: "integer" } },
      required: ["city", "days"],
    },
  },
}];
const toolArguments = { city: "Zürich \"West\"", days: 1 };

async function streamedText(stream) {
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
  return text;
}

test("chat, streamed and not, says the same", async () => {
  const request = { model, messages: question("What is a router?"), max_tokens: 40 };
  const whole = await openai.chat.completions.create(request);
  assert.equal(whole.object, "chat.completion");
  assert.ok(whole.usage.prompt_tokens > 0);
  assert.ok(whole.choices[0].message.content.length >= 16);
  const text = await streamedText(await openai.chat.completions.create({ ...request, stream: true }));
  assert.equal(text, whole.choices[0].message.content);
});

test("usage comes in a stream only where it is asked for", async () => {
  const request = { model, messages: question("Count."), max_tokens: 5, stream: true };
  const seen = async (extra) => {
    const chunks = [];
    for await (const chunk of await openai.chat.completions.create({ ...request, ...extra })) chunks.push(chunk);
    return chunks.filter((chunk) => chunk.usage || chunk.choices.length === 0);
  };
  assert.deepEqual(await seen({}), []);
  const [last, ...more] = await seen({ stream_options: { include_usage: true } });
  assert.deepEqual(more, []);
  assert.equal(last.usage.completion_tokens, 5);
});

test("a tool call comes back with its arguments intact", async () => {
  const answer = await openai.chat.completions.create({ model, messages: question("Weather?"), tools, tool_choice: "required" });
  const [call] = answer.choices[0].message.tool_calls;
  assert.equal(answer.choices[0].finish_reason, "tool_calls");
  assert.equal(call.function.name, "get_weather");
  assert.deepEqual(JSON.parse(call.function.arguments), toolArguments);
});

test("a streamed tool call comes back with its arguments intact", async () => {
  const stream = openai.chat.completions.stream({ model, messages: question("Weather?"), tools, tool_choice: "required" });
  const final = await stream.finalChatCompletion();
  const [call] = final.choices[0].message.tool_calls;
  assert.equal(call.function.name, "get_weather");
  assert.deepEqual(JSON.parse(call.function.arguments), toolArguments);
});

test("completions, streamed and not, say the same", async () => {
  const request = { model, prompt: "Once upon a time", max_tokens: 12 };
  const whole = await openai.completions.create(request);
  assert.ok(whole.choices[0].text.length >= 16);
  let text = "";
  for await (const chunk of await openai.completions.create({ ...request, stream: true })) text += chunk.choices[0]?.text ?? "";
  assert.equal(text, whole.choices[0].text);
});

test("embeddings, as floats and in base64, are the same", async () => {
  const input = ["one text", "another"];
  const floats = await openai.embeddings.create({ model, input, encoding_format: "float" });
  const packed = await openai.embeddings.create({ model, input });
  assert.equal(floats.data.length, 2);
  assert.equal(floats.data[0].embedding.length, 256);
  packed.data.forEach((vector, i) => vector.embedding.forEach((value, j) =>
    assert.ok(Math.abs(value - floats.data[i].embedding[j]) < 1e-6)));
});

test("the models are listed, and one is found by its name", async () => {
  const names = [];
  for await (const found of openai.models.list()) names.push(found.id);
  assert.deepEqual(names, [model]);
  assert.equal((await openai.models.retrieve(model)).id, model);
  await assert.rejects(openai.models.retrieve("nobody/serves-this"), OpenAI.NotFoundError);
});

test("responses, streamed and not, say the same", async () => {
  const request = { model, input: "What is a pool?", max_output_tokens: 20 };
  const whole = await openai.responses.create(request);
  assert.ok(whole.output_text.length >= 16);
  let text = "";
  let ended = false;
  for await (const event of await openai.responses.create({ ...request, stream: true })) {
    if (event.type === "response.output_text.delta") text += event.delta;
    ended ||= event.type === "response.completed" || event.type === "response.incomplete";
  }
  assert.ok(ended);
  assert.equal(text, whole.output_text);
});

test("a wrong field is 400, an unknown model 404", async () => {
  await assert.rejects(openai.chat.completions.create({ model, messages: question("hi"), stream: "yes" }), (e) =>
    e instanceof OpenAI.BadRequestError && e.param === "stream" && e.type === "invalid_request_error");
  await assert.rejects(openai.chat.completions.create({ model, messages: [] }), OpenAI.BadRequestError);
  await assert.rejects(openai.chat.completions.create({ model: "nobody/serves-this", messages: question("hi") }), (e) =>
    e instanceof OpenAI.NotFoundError && e.code === "model_not_found");
});

special(["without the right key it is 401", "KEYED_URL"], async (stranger) => {
  await assert.rejects(stranger.models.list(), (e) => e instanceof OpenAI.AuthenticationError && e.code === "invalid_api_key");
  const guest = client(env("KEYED_URL"), env("KEY"));
  assert.equal((await guest.chat.completions.create({ model, messages: question("hi"), max_tokens: 2 })).object, "chat.completion");
});

special(["a body beyond the bound is 413", "SMALL_BODY_URL"], async (small) => {
  await assert.rejects(small.chat.completions.create({ model, messages: question("x".repeat(8 << 20)) }), (e) =>
    e instanceof OpenAI.APIError && e.status === 413 && e.code === "request_too_large");
});

special(["a busy fleet is 429 with Retry-After", "BUSY_URL"], async (busy) => {
  await assert.rejects(busy.chat.completions.create({ model, messages: question("hi") }), (e) =>
    e instanceof OpenAI.RateLimitError && Number(e.headers.get("retry-after")) >= 1);
});

special(["a fleet without an instance is 503", "EMPTY_URL"], async (empty) => {
  await assert.rejects(empty.chat.completions.create({ model, messages: question("hi") }), (e) =>
    e instanceof OpenAI.InternalServerError && e.status === 503 && e.code === "no-instance");
});

special(["a stream the engine breaks off ends in an error", "BREAKING_URL"], async (breaking) => {
  const stream = await breaking.chat.completions.create({ model, messages: question("hi"), max_tokens: 20, stream: true, ignore_eos: true, guided_regex: ".*" });
  let text = "";
  await assert.rejects(async () => {
    for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
  }, (e) => e instanceof OpenAI.APIError && e.code === "engine_stream_broken" && e.error.retryable && e.error.reason === "guided-decoding");
  assert.equal(text.length, 12);
});

special(["a stream the engine breaks off goes on as if nothing had happened", "BREAKING_URL"], async (breaking) => {
  const wish = { model, messages: question("hi"), max_tokens: 20, ignore_eos: true };
  const whole = await openai.chat.completions.create(wish);
  const stream = await breaking.chat.completions.create({ ...wish, stream: true, stream_options: { include_usage: true } });
  let text = "", usage;
  const ids = new Set();
  for await (const chunk of stream) {
    ids.add(chunk.id);
    text += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(ids.size, 1);
  assert.equal(usage.completion_tokens, 20);
});

test("a stream may be left in the middle", async () => {
  const stream = await openai.chat.completions.create({ model, messages: question("on and on"), max_tokens: 100_000, stream: true, ignore_eos: true });
  let chunks = 0;
  for await (const chunk of stream) {
    if (++chunks === 5) break;
    assert.equal(chunk.object, "chat.completion.chunk");
  }
  assert.equal(chunks, 5);
});

test("an unstreamed call may be left before its answer", async () => {
  const leaving = new AbortController();
  const call = openai.chat.completions.create(
    { model, messages: question("on and on"), max_tokens: 100_000, ignore_eos: true }, { signal: leaving.signal });
  await leasesAreAtLeast(1);
  leaving.abort();
  await assert.rejects(call, OpenAI.APIUserAbortError);
});

/** Waits until the router has dispatched a call, where its admin address is given. */
async function leasesAreAtLeast(count) {
  if (!env("ADMIN_URL")) return;
  for (;;) {
    const { pools } = await (await fetch(`${env("ADMIN_URL")}/admin/fleet`)).json();
    if (pools.flatMap((pool) => pool.instances).reduce((sum, instance) => sum + instance.leases, 0) >= count) return;
    await new Promise((again) => setTimeout(again, 20));
  }
}
