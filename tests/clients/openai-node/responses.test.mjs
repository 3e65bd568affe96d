// Conversations by the real openai client: through one gateway, or through two in turn that share them (OTHER_URL). With GATEWAY_PID
// the first of the two is killed in between; EXPIRED_ID is an answer that has expired.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const model = "sim/llama-3.1-8b";
const env = (name) => process.env[name];
const client = (url) => new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0, timeout: 60_000 });
const one = client(env("GATEWAY_URL"));
const other = env("OTHER_URL") ? client(env("OTHER_URL")) : one;
const unknown = (e) => e instanceof OpenAI.NotFoundError;
const unknownPrevious = (e) => unknown(e) && e.code === "previous_response_not_found" && e.param === "previous_response_id";

/** One turn, streamed or not: its id, its text, and the id it goes on from as the answer tells it. */
async function turn(openai, request, stream) {
  if (!stream) {
    const whole = await openai.responses.create({ model, max_output_tokens: 6, ...request });
    return { id: whole.id, text: whole.output_text, previous: whole.previous_response_id };
  }
  const ids = new Set();
  let text = "", previous;
  for await (const event of await openai.responses.create({ model, max_output_tokens: 6, ...request, stream: true })) {
    if (event.response) {
      ids.add(event.response.id);
      previous = event.response.previous_response_id;
    }
    if (event.type === "response.output_text.delta") text += event.delta;
  }
  assert.equal(ids.size, 1);
  return { id: [...ids][0], text, previous };
}

/** A conversation that compares every answer with the one to all that was said. */
class Conversation {
  input = [];
  previous = null;

  constructor(stream) {
    this.stream = stream;
  }

  async goOn(openai, said) {
    this.input.push({ role: "user", content: said });
    const byId = await turn(openai, { input: said, previous_response_id: this.previous }, this.stream);
    assert.equal(byId.previous, this.previous);
    const inFull = await turn(other, { input: this.input, store: false }, false);
    assert.equal(byId.text, inFull.text);
    this.input.push({ role: "assistant", content: byId.text });
    this.previous = byId.id;
  }
}

for (const stream of [false, true]) {
  test(`a conversation goes on by the id of its last turn${stream ? ", streamed" : ""}`, async () => {
    const conversation = new Conversation(stream);
    await conversation.goOn(one, "Who are you?");
    await conversation.goOn(other, "And then?");
    await conversation.goOn(one, "More?");
  });

  test(`a turn is read, listed and deleted${stream ? ", streamed" : ""}`, async () => {
    const first = await turn(one, { input: "One?" }, stream);
    const second = await turn(other, { input: [{ role: "user", content: "Two?" }], previous_response_id: first.id }, stream);
    for (const openai of [one, other]) {
      const read = await openai.responses.retrieve(second.id);
      assert.equal(read.id, second.id);
      assert.equal(read.previous_response_id, first.id);
      assert.equal(read.output[0].content[0].text, second.text);
      const items = [];
      for await (const item of openai.responses.inputItems.list(second.id)) items.push(item);
      assert.equal(items.length, 1);
      assert.deepEqual(items[0].content, [{ type: "input_text", text: "Two?" }]);
      await assert.rejects(openai.responses.cancel(second.id), OpenAI.BadRequestError);
    }
    await one.responses.delete(second.id);
    for (const openai of [other, one]) {
      await assert.rejects(openai.responses.retrieve(second.id), unknown);
      await assert.rejects(openai.responses.delete(second.id), unknown);
      await assert.rejects(turn(openai, { input: "Three?", previous_response_id: second.id }, stream), unknownPrevious);
    }
  });
}

test("two turns that race on one are both kept", async () => {
  const first = await turn(one, { input: "Fork?" });
  const two = await Promise.all([turn(one, { input: "Left?", previous_response_id: first.id }), turn(other, { input: "Right?", previous_response_id: first.id }, true)]);
  assert.notEqual(two[0].id, two[1].id);
  for (const openai of [one, other])
    for (const side of two) assert.equal((await turn(openai, { input: "On?", previous_response_id: side.id })).previous, side.id);
});

async function isUnknown(openai, id) {
  await assert.rejects(openai.responses.retrieve(id), unknown);
  await assert.rejects(openai.responses.inputItems.list(id), unknown);
  await assert.rejects(openai.responses.delete(id), unknown);
  for (const stream of [false, true]) await assert.rejects(turn(openai, { input: "On?", previous_response_id: id }, stream), unknownPrevious);
}

test("an id that nobody gave is unknown", async () => {
  for (const openai of [one, other]) await isUnknown(openai, "resp_nobody_gave_this");
});

if (env("EXPIRED_ID"))
  test("an id that has expired is unknown", async () => {
    for (const openai of [one, other]) await isUnknown(openai, env("EXPIRED_ID"));
  });

if (env("GATEWAY_PID"))
  test("conversations go on through the other gateway once the first is killed", async () => {
    const conversations = [false, true].map((stream) => new Conversation(stream));
    for (const conversation of conversations) await conversation.goOn(one, "Before?");
    process.kill(Number(env("GATEWAY_PID")), "SIGKILL");
    for (const conversation of conversations) {
      const text = conversation.input.at(-1).content;
      assert.equal((await other.responses.retrieve(conversation.previous)).output[0].content[0].text, text);
      await conversation.goOn(other, "After?");
      await conversation.goOn(other, "And on?");
    }
  });
