// The OpenAI library for Node: Responses.

import OpenAI from "openai";
import { city, heardUntilCut, image, question, report, serve } from "./driver.mjs";

const tools = [{ type: "function", name: "weather", parameters: city, strict: false }];
const user = { role: "user", content: question };

const client = ({ url, key }) => new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const ask = (asked, more = {}) =>
  client(asked).responses.create({ model: asked.model, input: [user], store: false, ...more });
const calls = (output) =>
  output
    .filter((item) => item.type === "function_call")
    .map((item) => [item.name, JSON.parse(item.arguments)]);
const tokensOf = (usage) => [usage.input_tokens, usage.output_tokens];

async function* pieces(stream) {
  for await (const event of await stream) {
    if (event.type === "response.output_text.delta") yield event.delta;
    if (event.type === "response.failed") throw new Error(event.type);
  }
}

await serve({
  async whole(asked) {
    const answer = await ask(asked, { instructions: "Be brief." });
    return { text: answer.output_text, tokens: tokensOf(answer.usage) };
  },

  async streamed(asked) {
    const found = [];
    let last;
    for await (last of await ask(asked, { stream: true })) {
      if (last.type === "response.output_text.delta") found.push(last.delta);
    }
    return { pieces: found, tokens: tokensOf(last.response.usage) };
  },

  async tools(asked) {
    return { calls: calls((await ask(asked, { tools })).output) };
  },

  async parallel(asked) {
    const stream = client(asked).responses.stream({ model: asked.model, input: [user], tools });
    return { calls: calls((await stream.finalResponse()).output) };
  },

  async result(asked) {
    const { output } = await ask(asked, { tools });
    const { call_id } = output.find((item) => item.type === "function_call");
    const told = { type: "function_call_output", call_id, output: report };
    return { text: (await ask(asked, { tools, input: [user, ...output, told] })).output_text };
  },

  async structured(asked) {
    const format = { type: "json_schema", name: "place", schema: city, strict: true };
    return { value: JSON.parse((await ask(asked, { text: { format } })).output_text) };
  },

  async image(asked) {
    const content = [
      { type: "input_text", text: "What is this?" },
      { type: "input_image", image_url: `data:image/png;base64,${image}`, detail: "auto" },
    ];
    return { text: (await ask(asked, { input: [{ role: "user", content }] })).output_text };
  },

  async reasoning(asked) {
    const more = {
      reasoning: { effort: "medium", summary: "auto" },
      include: ["reasoning.encrypted_content"],
    };
    const { output } = await ask(asked, more);
    const thoughts = output.filter((item) => item.type === "reasoning");
    const thought = thoughts.flatMap((item) => item.summary.map((part) => part.text)).join("");
    const again = await ask(asked, { ...more, input: [user, ...output, user] });
    return { thought, text: again.output_text };
  },

  refused: (asked) => ask(asked),
  cut: (asked) => heardUntilCut(pieces(ask(asked, { stream: true }))),

  async cancelled(asked) {
    for await (const piece of pieces(ask(asked, { stream: true }))) return { text: piece };
  },
});
