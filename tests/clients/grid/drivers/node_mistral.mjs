// Mistral's library for Node.

import { Mistral } from "@mistralai/mistralai";
import { city, heardUntilCut, image, question, report, serve } from "./driver.mjs";

const tools = [{ type: "function", function: { name: "weather", parameters: city } }];
const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: question },
];

const client = ({ url, key }) => new Mistral({ serverURL: url, apiKey: key });
const body = (asked, more) => ({ model: asked.model, messages, ...more });
const ask = (asked, more = {}) => client(asked).chat.complete(body(asked, more));
const stream = (asked, more = {}) => client(asked).chat.stream(body(asked, more));
const plain = (given) => (typeof given === "string" ? JSON.parse(given) : given);
const calls = (message) =>
  message.toolCalls.map((call) => [call.function.name, plain(call.function.arguments)]);
const tokensOf = (usage) => (usage ? [usage.promptTokens, usage.completionTokens] : null);

async function* pieces(events) {
  for await (const { data } of await events) yield data.choices[0]?.delta.content ?? "";
}

await serve({
  async whole(asked) {
    const answer = await ask(asked);
    return { text: answer.choices[0].message.content, tokens: tokensOf(answer.usage) };
  },

  async streamed(asked) {
    const found = [];
    let tokens = null;
    for await (const { data } of await stream(asked)) {
      if (data.choices[0]?.delta.content) found.push(data.choices[0].delta.content);
      tokens = tokensOf(data.usage) ?? tokens;
    }
    return { pieces: found, tokens };
  },

  async tools(asked) {
    return { calls: calls((await ask(asked, { tools })).choices[0].message) };
  },

  async parallel(asked) {
    const found = [];
    for await (const { data } of await stream(asked, { tools })) {
      for (const { index, function: said } of data.choices[0]?.delta.toolCalls ?? []) {
        const call = (found[index] ??= ["", ""]);
        call[0] += said.name;
        call[1] += said.arguments;
      }
    }
    return { calls: found.map(([name, given]) => [name, JSON.parse(given)]) };
  },

  async result(asked) {
    const { message } = (await ask(asked, { tools })).choices[0];
    const told = { role: "tool", toolCallId: message.toolCalls[0].id, content: report };
    const again = await ask(asked, { tools, messages: [...messages, message, told] });
    return { text: again.choices[0].message.content };
  },

  async structured(asked) {
    const jsonSchema = { name: "place", schemaDefinition: city, strict: true };
    const answer = await ask(asked, { responseFormat: { type: "json_schema", jsonSchema } });
    return { value: JSON.parse(answer.choices[0].message.content) };
  },

  async image(asked) {
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image_url", imageUrl: `data:image/png;base64,${image}` },
    ];
    const answer = await ask(asked, { messages: [{ role: "user", content }] });
    return { text: answer.choices[0].message.content };
  },

  refused: (asked) => ask(asked),
  cut: (asked) => heardUntilCut(pieces(stream(asked))),

  async cancelled(asked) {
    for await (const piece of pieces(stream(asked))) if (piece) return { text: piece };
  },

  async models(asked) {
    // It knows only models that say what they can; others it keeps as they came.
    const { data } = await client(asked).models.list();
    return { models: data.map((model) => model.id ?? model.raw.id) };
  },
});
