// npm's openai, unmodified, against a running `mickai serve`.

import assert from "node:assert/strict";
import OpenAI from "openai";

const model = process.env.MICKAI_TEST_MODEL;
const client = new OpenAI({ baseURL: `${process.env.MICKAI_URL}/v1`, apiKey: "none", maxRetries: 0 });
const messages = [{ role: "user", content: "hello" }];
const schema = { type: "object", properties: { city: { enum: ["Oslo", "Rome"] } }, required: ["city"], additionalProperties: false };
const tool = { type: "function", function: { name: "forecast", parameters: schema, strict: true } };

const tests = {
  async models() {
    const names = [];
    for await (const one of await client.models.list()) names.push(one.id);
    assert(names.includes(model));
  },
  async chat() {
    const { data, response } = await client.chat.completions.create({ model, messages, temperature: 0, max_tokens: 8 }).withResponse();
    assert.equal(data.usage.completion_tokens, 8);
    assert.equal(Number(response.headers.get("mickai-intent")), data.mickai.records[0].intent.index);
  },
  async streaming() {
    const whole = await client.chat.completions.create({ model, messages, temperature: 0, max_tokens: 12 });
    let text = "";
    for await (const chunk of await client.chat.completions.create({ model, messages, temperature: 0, max_tokens: 12, stream: true })) text += chunk.choices[0].delta.content ?? "";
    assert.equal(text, whole.choices[0].message.content);
    const final = await client.chat.completions.stream({ model, messages, temperature: 0, max_tokens: 12 }).finalChatCompletion();
    assert.equal(final.choices[0].message.content, text);
    const both = { model, messages, temperature: 0, max_tokens: 12, n: 2 };
    const counted = await client.chat.completions.stream({ ...both, stream_options: { include_usage: true } }).finalChatCompletion();
    assert.deepEqual(counted.choices.map((choice) => choice.message.content), [text, text]);
    assert.deepEqual(counted.usage, (await client.chat.completions.create(both)).usage);
    text = "";
    for await (const chunk of await client.completions.create({ model, prompt: "once", temperature: 0, max_tokens: 6, stream: true })) text += chunk.choices[0].text;
    assert.equal(text, (await client.completions.create({ model, prompt: "once", temperature: 0, max_tokens: 6 })).choices[0].text);
  },
  async tools() {
    const answer = await client.chat.completions.create({ model, messages, tools: [tool], tool_choice: "required", parallel_tool_calls: false, temperature: 0, max_tokens: 200 });
    const [call] = answer.choices[0].message.tool_calls;
    assert(["Oslo", "Rome"].includes(JSON.parse(call.function.arguments).city));
  },
  async structured() {
    const response_format = { type: "json_schema", json_schema: { name: "trip", strict: true, schema } };
    const answer = await client.chat.completions.create({ model, messages, response_format, seed: 1, max_tokens: 200 });
    assert(["Oslo", "Rome"].includes(JSON.parse(answer.choices[0].message.content).city));
  },
  async embeddings() {
    const given = await client.embeddings.create({ model, input: ["hello", "good bye"] });
    const plain = await client.embeddings.create({ model, input: ["hello", "good bye"], encoding_format: "float" });
    assert.deepEqual(Array.from(given.data[1].embedding), plain.data[1].embedding);
    assert(Math.abs(plain.data[0].embedding.reduce((sum, value) => sum + value * value, 0) - 1) < 1e-5);
  },
  async responses() {
    const answer = await client.responses.create({ model, input: "hello", temperature: 0, max_output_tokens: 6 });
    assert.equal((await client.responses.retrieve(answer.id)).output_text, answer.output_text);
    let text = "";
    for await (const event of await client.responses.create({ model, input: "hello", temperature: 0, max_output_tokens: 6, stream: true })) text += event.type === "response.output_text.delta" ? event.delta : "";
    assert.equal(text, answer.output_text);
    const final = await client.responses.stream({ model, input: "hello", temperature: 0, max_output_tokens: 6 }).finalResponse();
    assert.equal(final.output_text, text);
    const input = [{ role: "user", content: "hello" }, { type: "item_reference", id: answer.output[0].id }, { role: "user", content: "more" }];
    const more = await client.responses.create({ model, input, temperature: 0, max_output_tokens: 4 });
    assert(more.usage.input_tokens > answer.usage.input_tokens);
    await client.responses.delete(answer.id);
    await assert.rejects(client.responses.retrieve(answer.id), (error) => error.status === 404);
  },
  async cancellation() {
    // That it was interrupted is on record, where clients.rs looks.
    const stream = await client.chat.completions.create({ model: process.env.MICKAI_TEST_ENDLESS, messages, temperature: 0, stream: true });
    for await (const _ of stream) break;
  },
};

for (const [name, test] of Object.entries(tests)) {
  console.log(name);
  await test();
}
console.log(`${Object.keys(tests).length} passed`);
