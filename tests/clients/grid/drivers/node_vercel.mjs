// Vercel's AI SDK; the argument says which of its providers.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createCohere } from "@ai-sdk/cohere";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createGroq } from "@ai-sdk/groq";
import { createMistral } from "@ai-sdk/mistral";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { city, heardUntilCut, image, question, report, serve } from "./driver.mjs";

const kind = process.argv[2];
const inputSchema = jsonSchema(city);
const tools = { weather: tool({ inputSchema }) };
const answering = { weather: tool({ inputSchema, execute: async () => report }) };

const models = {
  responses: ({ url, key, model }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key })(model),
  chat: ({ url, key, model }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).chat(model),
  compatible: ({ url, key, model }) =>
    createOpenAICompatible({
      name: "stockyard",
      baseURL: `${url}/v1`,
      apiKey: key,
      includeUsage: true,
      supportsStructuredOutputs: true,
    })(model),
  anthropic: ({ url, key, model }) => createAnthropic({ baseURL: `${url}/v1`, apiKey: key })(model),
  google: ({ url, key, model }) =>
    createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey: key })(model),
  mistral: ({ url, key, model }) => createMistral({ baseURL: `${url}/v1`, apiKey: key })(model),
  groq: ({ url, key, model }) => createGroq({ baseURL: `${url}/v1`, apiKey: key })(model),
  cohere: ({ url, key, model }) => createCohere({ baseURL: `${url}/v2`, apiKey: key })(model),
};
const wishes = {
  responses: { openai: { reasoningEffort: "medium", reasoningSummary: "auto", store: false } },
  chat: { openai: { reasoningEffort: "medium" } },
  compatible: { stockyard: { reasoningEffort: "medium" } },
  anthropic: { anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } } },
  google: { google: { thinkingConfig: { includeThoughts: true, thinkingBudget: 2048 } } },
  mistral: { mistral: { reasoningEffort: "high" } },
  groq: { groq: { reasoningEffort: "medium" } },
  cohere: { cohere: { thinking: { type: "enabled", tokenBudget: 2048 } } },
};
if (kind === "responses") wishes.responses.openai.include = ["reasoning.encrypted_content"];

const unasked = ["mistral", "groq"]; // these do not ask how many tokens a stream took

const options = (asked, more) => ({
  model: models[kind](asked),
  system: "Be brief.",
  maxRetries: 0,
  maxOutputTokens: 4096,
  ...(more.messages ? {} : { prompt: question }),
  ...more,
});
const ask = (asked, more = {}) => generateText(options(asked, more));
const stream = (asked, more = {}) => streamText(options(asked, { onError() {}, ...more }));
const calls = (found) => found.map((call) => [call.toolName, call.input]);
const tokensOf = (usage) => [usage.inputTokens, usage.outputTokens];

async function* pieces(answer) {
  for await (const part of answer.fullStream) {
    if (part.type === "error") throw part.error;
    if (part.type === "text-delta") yield part.text;
  }
}

await serve({
  async whole(asked) {
    const answer = await ask(asked);
    return { text: answer.text, tokens: tokensOf(answer.usage) };
  },

  async streamed(asked) {
    const found = [];
    const answer = stream(asked);
    for await (const piece of pieces(answer)) found.push(piece);
    const counted = tokensOf(await answer.usage);
    return { pieces: found, tokens: unasked.includes(kind) ? null : counted };
  },

  async tools(asked) {
    return { calls: calls((await ask(asked, { tools })).toolCalls) };
  },

  async parallel(asked) {
    const answer = stream(asked, { tools });
    await answer.consumeStream();
    return { calls: calls(await answer.toolCalls) };
  },

  async result(asked) {
    // Unless it is told not to, it refers to items by the ids under which OpenAI keeps them.
    const providerOptions = kind === "responses" ? { openai: { store: false } } : {};
    const stopWhen = stepCountIs(3);
    const answer = await ask(asked, { tools: answering, stopWhen, providerOptions });
    return { text: answer.text };
  },

  async structured(asked) {
    const { object } = await generateObject(options(asked, { schema: inputSchema }));
    return { value: object };
  },

  async image(asked) {
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image", image, mediaType: "image/png" },
    ];
    return { text: (await ask(asked, { messages: [{ role: "user", content }] })).text };
  },

  async reasoning(asked) {
    const user = { role: "user", content: question };
    const providerOptions = wishes[kind];
    const first = await ask(asked, { providerOptions, messages: [user] });
    const history = [user, ...first.response.messages, user];
    const again = await ask(asked, { providerOptions, messages: history });
    return { thought: first.reasoningText ?? null, text: again.text };
  },

  refused: (asked) => ask(asked),
  cut: (asked) => heardUntilCut(pieces(stream(asked))),

  async cancelled(asked) {
    const leaving = new AbortController();
    for await (const piece of pieces(stream(asked, { abortSignal: leaving.signal }))) {
      leaving.abort();
      return { text: piece };
    }
  },
});
