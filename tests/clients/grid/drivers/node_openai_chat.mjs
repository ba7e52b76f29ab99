// The OpenAI library for Node, and Groq's, which is made alike: chat completions. The argument says
// which, and if it is to be in Azure's mode.

import Groq from "groq-sdk";
import OpenAI, { AzureOpenAI } from "openai";
import { city, heardUntilCut, image, question, report, serve } from "./driver.mjs";

const kind = process.argv[2];
const tools = [{ type: "function", function: { name: "weather", parameters: city } }];
const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: question },
];

const once = { maxRetries: 0 };
const clients = {
  openai: ({ url, key }) => new OpenAI({ baseURL: `${url}/v1`, apiKey: key, ...once }),
  azure: ({ url, key }) =>
    new AzureOpenAI({ endpoint: url, apiKey: key, apiVersion: "2024-10-21", ...once }),
  groq: ({ url, key }) => new Groq({ baseURL: `${url}/groq`, apiKey: key, ...once }),
};
const client = (asked) => clients[kind](asked);
const ask = (asked, more = {}) =>
  client(asked).chat.completions.create({ model: asked.model, messages, ...more });
const calls = (message) =>
  message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
const tokensOf = (usage) => usage && [usage.prompt_tokens, usage.completion_tokens];

async function* pieces(stream) {
  for await (const chunk of await stream) yield chunk.choices[0]?.delta.content ?? "";
}

// Groq's library has no runner that does this.
async function collected(stream) {
  const found = [];
  for await (const chunk of await stream) {
    for (const { index, function: said } of chunk.choices[0]?.delta.tool_calls ?? []) {
      const call = (found[index] ??= ["", ""]);
      call[0] += said.name ?? "";
      call[1] += said.arguments ?? "";
    }
  }
  return found.map(([name, given]) => [name, JSON.parse(given)]);
}

await serve({
  async whole(asked) {
    const answer = await ask(asked);
    return { text: answer.choices[0].message.content, tokens: tokensOf(answer.usage) };
  },

  async streamed(asked) {
    const found = [];
    let tokens = null;
    const wishes = kind === "groq" ? {} : { stream_options: { include_usage: true } };
    const stream = await ask(asked, { stream: true, ...wishes });
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) found.push(chunk.choices[0].delta.content);
      tokens = tokensOf(chunk.usage) ?? tokens;
    }
    return { pieces: found, tokens };
  },

  async tools(asked) {
    return { calls: calls((await ask(asked, { tools })).choices[0].message) };
  },

  async parallel(asked) {
    if (kind === "groq") return { calls: await collected(ask(asked, { tools, stream: true })) };
    const runner = client(asked).chat.completions.stream({ model: asked.model, messages, tools });
    return { calls: calls((await runner.finalChatCompletion()).choices[0].message) };
  },

  async result(asked) {
    const { message } = (await ask(asked, { tools })).choices[0];
    const told = { role: "tool", tool_call_id: message.tool_calls[0].id, content: report };
    const again = await ask(asked, { tools, messages: [...messages, message, told] });
    return { text: again.choices[0].message.content };
  },

  async structured(asked) {
    const json_schema = { name: "place", schema: city, strict: true };
    const answer = await ask(asked, { response_format: { type: "json_schema", json_schema } });
    return { value: JSON.parse(answer.choices[0].message.content) };
  },

  async image(asked) {
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image_url", image_url: { url: `data:image/png;base64,${image}` } },
    ];
    const answer = await ask(asked, { messages: [{ role: "user", content }] });
    return { text: answer.choices[0].message.content };
  },

  async reasoning(asked) {
    const { message } = (await ask(asked, { reasoning_effort: "medium" })).choices[0];
    const thought = message.reasoning_content ?? message.reasoning ?? null;
    const history = [...messages, message, messages[1]];
    const again = await ask(asked, { reasoning_effort: "medium", messages: history });
    return { thought, text: again.choices[0].message.content };
  },

  refused: (asked) => ask(asked),
  cut: (asked) => heardUntilCut(pieces(ask(asked, { stream: true }))),

  async cancelled(asked) {
    for await (const piece of pieces(ask(asked, { stream: true }))) if (piece) return { text: piece };
  },

  async models(asked) {
    return { models: (await client(asked).models.list()).data.map((model) => model.id) };
  },
});
