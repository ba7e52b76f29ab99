// Cohere's library for Node: the V2 client.

import { CohereClientV2 } from "cohere-ai";
import { city, heardUntilCut, image, question, report, serve } from "./driver.mjs";

const tools = [{ type: "function", function: { name: "weather", parameters: city } }];
const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: question },
];

const client = ({ url, key }) => new CohereClientV2({ baseUrl: url, token: key, maxRetries: 0 });
const body = (asked, more) => ({ model: asked.model, messages, ...more });
const ask = (asked, more = {}) => client(asked).chat(body(asked, more));
const stream = (asked, more = {}, options = {}) =>
  client(asked).chatStream(body(asked, more), options);
const calls = (message) =>
  message.toolCalls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
const tokensOf = ({ tokens }) => [tokens.inputTokens, tokens.outputTokens];
const joined = (message, kind) =>
  (message.content ?? [])
    .filter((part) => part.type === kind)
    .map((part) => part[kind])
    .join("");
const textOf = ({ message }) => joined(message, "text");

async function* pieces(events) {
  for await (const event of await events) {
    if (event.type === "content-delta") yield event.delta.message.content.text;
    if (event.type === "message-end" && event.delta.finishReason === "ERROR") {
      throw new Error("the only word this library has for a stream that broke");
    }
  }
}

await serve({
  async whole(asked) {
    const answer = await ask(asked);
    return { text: textOf(answer), tokens: tokensOf(answer.usage) };
  },

  async streamed(asked) {
    const found = [];
    let usage;
    for await (const event of await stream(asked)) {
      if (event.type === "content-delta") found.push(event.delta.message.content.text);
      if (event.type === "message-end") usage = event.delta.usage;
    }
    return { pieces: found, tokens: tokensOf(usage) };
  },

  async tools(asked) {
    return { calls: calls((await ask(asked, { tools })).message) };
  },

  async parallel(asked) {
    const found = [];
    for await (const { type, index, delta } of await stream(asked, { tools })) {
      if (type === "tool-call-start") {
        const said = delta.message.toolCalls.function;
        found[index] = [said.name, said.arguments ?? ""];
      }
      if (type === "tool-call-delta") found[index][1] += delta.message.toolCalls.function.arguments;
    }
    return { calls: found.map(([name, given]) => [name, JSON.parse(given)]) };
  },

  async result(asked) {
    const { message } = await ask(asked, { tools });
    const told = { role: "tool", toolCallId: message.toolCalls[0].id, content: report };
    return { text: textOf(await ask(asked, { tools, messages: [...messages, message, told] })) };
  },

  async structured(asked) {
    const responseFormat = { type: "json_object", jsonSchema: city };
    return { value: JSON.parse(textOf(await ask(asked, { responseFormat }))) };
  },

  async image(asked) {
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image_url", imageUrl: { url: `data:image/png;base64,${image}` } },
    ];
    return { text: textOf(await ask(asked, { messages: [{ role: "user", content }] })) };
  },

  async reasoning(asked) {
    const thinking = { type: "enabled", tokenBudget: 2048 };
    const { message } = await ask(asked, { thinking });
    const again = await ask(asked, { thinking, messages: [...messages, message, messages[1]] });
    return { thought: joined(message, "thinking"), text: textOf(again) };
  },

  refused: (asked) => ask(asked),
  cut: (asked) => heardUntilCut(pieces(stream(asked))),

  async cancelled(asked) {
    const leaving = new AbortController();
    const found = pieces(stream(asked, {}, { abortSignal: leaving.signal }));
    const first = (await found.next()).value;
    leaving.abort();
    return { text: first };
  },

  async models(asked) {
    return { models: (await client(asked).models.list()).models.map((model) => model.name) };
  },
});
