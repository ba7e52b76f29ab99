// The official OpenAI library for Node, as a client of the gateway.

import OpenAI from "openai";
import { city, image, key, model, run, url } from "./run.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "How is the weather?" },
];
const tools = [{ type: "function", function: { name: "weather", parameters: city } }];

const calls = (message) =>
  message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]);

await run({
  async whole() {
    const answer = await client.chat.completions.create({ model, messages });
    const { content } = answer.choices[0].message;
    return { content, finish: answer.choices[0].finish_reason, tokens: answer.usage.total_tokens };
  },

  async streamed() {
    const pieces = [];
    let tokens = null;
    const stream_options = { include_usage: true };
    const stream = await client.chat.completions.create({ model, messages, stream: true, stream_options });
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) pieces.push(chunk.choices[0].delta.content);
      tokens = chunk.usage?.total_tokens ?? tokens;
    }
    return { pieces, tokens };
  },

  async tools() {
    const answer = await client.chat.completions.create({ model, messages, tools });
    return { finish: answer.choices[0].finish_reason, calls: calls(answer.choices[0].message) };
  },

  async streamed_tools() {
    const runner = client.chat.completions.stream({ model, messages, tools });
    const answer = await runner.finalChatCompletion();
    return { finish: answer.choices[0].finish_reason, calls: calls(answer.choices[0].message) };
  },

  async structured() {
    const schema = { ...city, additionalProperties: false, required: ["city"] };
    const json_schema = { name: "place", schema, strict: true };
    const response_format = { type: "json_schema", json_schema };
    const answer = await client.chat.completions.create({ model, messages, response_format });
    return JSON.parse(answer.choices[0].message.content);
  },

  async image() {
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image_url", image_url: { url: `data:image/png;base64,${image}` } },
    ];
    const asked = [{ role: "user", content }];
    const answer = await client.chat.completions.create({ model, messages: asked });
    return answer.choices[0].message.content;
  },

  refused: () => client.chat.completions.create({ model, messages }),
  limited: () => client.chat.completions.create({ model, messages }),
  broken: () => client.chat.completions.create({ model, messages }),
  again: () => client.chat.completions.create({ model, messages }, { maxRetries: 1 }),
  wrong_key: () => client.withOptions({ apiKey: "sk-sy-wrong" }).chat.completions.create({ model, messages }),

  async cut() {
    const pieces = [];
    try {
      const stream = await client.chat.completions.create({ model, messages, stream: true });
      for await (const chunk of stream) pieces.push(chunk.choices[0].delta.content ?? "");
    } catch (error) {
      return { text: pieces.join(""), raised: error instanceof OpenAI.APIError };
    }
    return { text: pieces.join(""), raised: false };
  },

  async cancelled() {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    for await (const chunk of stream) if (chunk.choices[0].delta.content) break;
    return "left";
  },
});
