// Ollama's library for Node.

import { Ollama } from "ollama";
import { city, heardUntilCut, image, question, report, serve } from "./driver.mjs";

const tools = [{ type: "function", function: { name: "weather", parameters: city } }];
const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: question },
];

const client = ({ url, key }) =>
  new Ollama({ host: `${url}/ollama`, headers: { authorization: `Bearer ${key}` } });
const ask = (asked, more = {}) => client(asked).chat({ model: asked.model, messages, ...more });
const stream = (asked, more = {}) => ask(asked, { stream: true, ...more });
const calls = (message) =>
  (message.tool_calls ?? []).map((call) => [call.function.name, call.function.arguments]);
const tokensOf = (chunk) => [chunk.prompt_eval_count, chunk.eval_count];

async function* pieces(chunks) {
  for await (const chunk of await chunks) yield chunk.message.content;
}

await serve({
  async whole(asked) {
    const answer = await ask(asked);
    return { text: answer.message.content, tokens: tokensOf(answer) };
  },

  async streamed(asked) {
    const found = [];
    let tokens = null;
    for await (const chunk of await stream(asked)) {
      if (chunk.message.content) found.push(chunk.message.content);
      if (chunk.done) tokens = tokensOf(chunk);
    }
    return { pieces: found, tokens };
  },

  async tools(asked) {
    return { calls: calls((await ask(asked, { tools })).message) };
  },

  async parallel(asked) {
    const found = [];
    for await (const chunk of await stream(asked, { tools })) found.push(...calls(chunk.message));
    return { calls: found };
  },

  async result(asked) {
    const { message } = await ask(asked, { tools });
    const told = { role: "tool", tool_name: "weather", content: report };
    const again = await ask(asked, { tools, messages: [...messages, message, told] });
    return { text: again.message.content };
  },

  async structured(asked) {
    return { value: JSON.parse((await ask(asked, { format: city })).message.content) };
  },

  async image(asked) {
    const shown = { role: "user", content: "What is this?", images: [image] };
    return { text: (await ask(asked, { messages: [shown] })).message.content };
  },

  async reasoning(asked) {
    const { message } = await ask(asked, { think: true });
    const history = [...messages, message, messages[1]];
    const again = await ask(asked, { think: true, messages: history });
    return { thought: message.thinking, text: again.message.content };
  },

  refused: (asked) => ask(asked),
  cut: (asked) => heardUntilCut(pieces(stream(asked))),

  async cancelled(asked) {
    const chunks = await stream(asked);
    for await (const piece of pieces(chunks)) {
      chunks.abort();
      return { text: piece };
    }
  },

  async models(asked) {
    return { models: (await client(asked).list()).models.map((model) => model.name) };
  },
});
