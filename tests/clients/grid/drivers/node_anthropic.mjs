// The Anthropic library for Node: Messages.

import Anthropic from "@anthropic-ai/sdk";
import { city, heardUntilCut, image, question, report, serve } from "./driver.mjs";

const tools = [{ name: "weather", input_schema: city }];
const messages = [{ role: "user", content: question }];

const client = ({ url, key }) => new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
const body = (asked, more) => ({ model: asked.model, max_tokens: 4096, messages, ...more });
const ask = (asked, more = {}) => client(asked).messages.create(body(asked, more));
const textOf = (answer) =>
  answer.content
    .filter((block) => block.type === "text")
    .map((block) => block.text)
    .join("");
const calls = (answer) =>
  answer.content.filter((block) => block.type === "tool_use").map(({ name, input }) => [name, input]);
const tokensOf = (usage) => [usage.input_tokens, usage.output_tokens];

async function* pieces(stream) {
  for await (const event of await stream) {
    if (event.type === "content_block_delta" && event.delta.type === "text_delta") yield event.delta.text;
  }
}

await serve({
  async whole(asked) {
    const answer = await ask(asked, { system: "Be brief." });
    return { text: textOf(answer), tokens: tokensOf(answer.usage) };
  },

  async streamed(asked) {
    const found = [];
    const stream = client(asked).messages.stream(body(asked));
    stream.on("text", (piece) => found.push(piece));
    return { pieces: found, tokens: tokensOf((await stream.finalMessage()).usage) };
  },

  async tools(asked) {
    return { calls: calls(await ask(asked, { tools })) };
  },

  async parallel(asked) {
    const stream = client(asked).messages.stream(body(asked, { tools }));
    return { calls: calls(await stream.finalMessage()) };
  },

  async result(asked) {
    const first = await ask(asked, { tools });
    const { id } = first.content.find((block) => block.type === "tool_use");
    const told = { type: "tool_result", tool_use_id: id, content: report };
    const said = { role: "assistant", content: first.content };
    const history = [...messages, said, { role: "user", content: [told] }];
    return { text: textOf(await ask(asked, { tools, messages: history })) };
  },

  async structured(asked) {
    const output_config = { format: { type: "json_schema", schema: city } };
    return { value: JSON.parse(textOf(await ask(asked, { output_config }))) };
  },

  async image(asked) {
    const source = { type: "base64", media_type: "image/png", data: image };
    const content = [
      { type: "image", source },
      { type: "text", text: "What is this?" },
    ];
    return { text: textOf(await ask(asked, { messages: [{ role: "user", content }] })) };
  },

  async reasoning(asked) {
    const thinking = { type: "enabled", budget_tokens: 1024 };
    const first = await ask(asked, { thinking });
    const thoughts = first.content.filter((block) => block.type === "thinking");
    const said = { role: "assistant", content: first.content };
    const again = await ask(asked, { thinking, messages: [...messages, said, ...messages] });
    return { thought: thoughts.map((block) => block.thinking).join(""), text: textOf(again) };
  },

  refused: (asked) => ask(asked),
  cut: (asked) => heardUntilCut(pieces(ask(asked, { stream: true }))),

  async cancelled(asked) {
    for await (const piece of pieces(ask(asked, { stream: true }))) return { text: piece };
  },

  async models(asked) {
    const found = [];
    for await (const model of client(asked).models.list()) found.push(model.id);
    return { models: found };
  },
});
