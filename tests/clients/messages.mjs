// The official Anthropic library for Node, as a client of the gateway.

import Anthropic from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { city, image, key, model, run, url } from "./run.mjs";

const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
const messages = [{ role: "user", content: "How is the weather?" }];
const max_tokens = 100;
const tools = [{ name: "weather", input_schema: city }];
const asked = { model, messages, max_tokens };

const calls = (answer) =>
  answer.content.filter((block) => block.type === "tool_use").map((block) => [block.name, block.input]);
const text = (answer) => answer.content.filter((block) => block.type === "text").map((block) => block.text).join("");
const tokens = (answer) => answer.usage.input_tokens + answer.usage.output_tokens;

await run({
  async whole() {
    const answer = await client.messages.create({ ...asked, system: "Be brief." });
    return { content: text(answer), finish: answer.stop_reason, tokens: tokens(answer) };
  },

  async streamed() {
    const pieces = [];
    const stream = client.messages.stream(asked).on("text", (piece) => pieces.push(piece));
    const answer = await stream.finalMessage();
    return { pieces, tokens: tokens(answer) };
  },

  async tools() {
    const answer = await client.messages.create({ ...asked, tools });
    return { finish: answer.stop_reason, calls: calls(answer) };
  },

  async streamed_tools() {
    const answer = await client.messages.stream({ ...asked, tools }).finalMessage();
    return { finish: answer.stop_reason, calls: calls(answer) };
  },

  async runner() {
    const weather = betaTool({ name: "weather", inputSchema: city, run: () => "12 degrees" });
    const runner = client.beta.messages.toolRunner({ ...asked, tools: [weather] });
    return text(await runner.runUntilDone());
  },

  async image() {
    const source = { type: "base64", media_type: "image/png", data: image };
    const content = [{ type: "image", source }, { type: "text", text: "What is this?" }];
    return text(await client.messages.create({ model, max_tokens, messages: [{ role: "user", content }] }));
  },

  refused: () => client.messages.create(asked),
  limited: () => client.messages.create(asked),
  broken: () => client.messages.create(asked),
  again: () => client.messages.create(asked, { maxRetries: 1 }),
  wrong_key: () => client.withOptions({ apiKey: "sk-sy-wrong" }).messages.create(asked),

  async cut() {
    const pieces = [];
    try {
      await client.messages.stream(asked).on("text", (piece) => pieces.push(piece)).finalMessage();
    } catch (error) {
      return { text: pieces.join(""), raised: error instanceof Anthropic.APIError };
    }
    return { text: pieces.join(""), raised: false };
  },

  async cancelled() {
    const stream = await client.messages.create({ ...asked, stream: true });
    for await (const event of stream) if (event.type === "content_block_delta") break;
    return "left";
  },
});
