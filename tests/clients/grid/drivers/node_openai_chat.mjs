// The OpenAI library for Node: chat completions.

import OpenAI from "openai";
import { city, heardUntilCut, image, question, report, serve } from "./driver.mjs";

const tools = [{ type: "function", function: { name: "weather", parameters: city } }];
const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: question },
];

const client = ({ url, key }) => new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const ask = (asked, more = {}) =>
  client(asked).chat.completions.create({ model: asked.model, messages, ...more });
const calls = (message) =>
  message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
const tokensOf = (usage) => usage && [usage.prompt_tokens, usage.completion_tokens];

async function* pieces(stream) {
  for await (const chunk of await stream) yield chunk.choices[0]?.delta.content ?? "";
}

await serve({
  async whole(asked) {
    const answer = await ask(asked);
    return { text: answer.choices[0].message.content, tokens: tokensOf(answer.usage) };
  },

  async streamed(asked) {
    const found = [];
    let tokens = null;
    const stream = await ask(asked, { stream: true, stream_options: { include_usage: true } });
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
    const found = [];
    for await (const model of client(asked).models.list()) found.push(model.id);
    return { models: found };
  },
});
