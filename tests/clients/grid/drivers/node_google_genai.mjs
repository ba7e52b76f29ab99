// Google's Gen AI library for Node.

import { GoogleGenAI } from "@google/genai";
import { city, heardUntilCut, image, question, report, serve } from "./driver.mjs";

const tools = [{ functionDeclarations: [{ name: "weather", parametersJsonSchema: city }] }];
const user = { role: "user", parts: [{ text: question }] };

const client = ({ url, key }) =>
  new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url, retryOptions: { attempts: 1 } } });
const body = (asked, config, contents) => ({
  model: asked.model,
  contents: contents ?? [user],
  config: { systemInstruction: "Be brief.", ...config },
});
const ask = (asked, config, contents) =>
  client(asked).models.generateContent(body(asked, config, contents));
const stream = (asked, config) => client(asked).models.generateContentStream(body(asked, config));
const calls = (answer) => (answer.functionCalls ?? []).map(({ name, args }) => [name, args]);
const tokensOf = (usage) => usage && [usage.promptTokenCount, usage.candidatesTokenCount];

async function* pieces(chunks) {
  for await (const chunk of await chunks) yield chunk.text ?? "";
}

await serve({
  async whole(asked) {
    const answer = await ask(asked);
    return { text: answer.text, tokens: tokensOf(answer.usageMetadata) };
  },

  async streamed(asked) {
    const found = [];
    let tokens = null;
    for await (const chunk of await stream(asked)) {
      if (chunk.text) found.push(chunk.text);
      tokens = tokensOf(chunk.usageMetadata) ?? tokens;
    }
    return { pieces: found, tokens };
  },

  async tools(asked) {
    return { calls: calls(await ask(asked, { tools })) };
  },

  async parallel(asked) {
    const found = [];
    for await (const chunk of await stream(asked, { tools })) found.push(...calls(chunk));
    return { calls: found };
  },

  async result(asked) {
    const first = await ask(asked, { tools });
    const { id, name } = first.functionCalls[0];
    const functionResponse = { id, name, response: { result: report } };
    const told = { role: "user", parts: [{ functionResponse }] };
    return { text: (await ask(asked, { tools }, [user, first.candidates[0].content, told])).text };
  },

  async structured(asked) {
    const form = { responseMimeType: "application/json", responseJsonSchema: city };
    return { value: JSON.parse((await ask(asked, form)).text) };
  },

  async image(asked) {
    const inlineData = { mimeType: "image/png", data: image };
    const shown = { role: "user", parts: [{ text: "What is this?" }, { inlineData }] };
    return { text: (await ask(asked, {}, [shown])).text };
  },

  async reasoning(asked) {
    const thinkingConfig = { includeThoughts: true, thinkingBudget: 2048 };
    const first = await ask(asked, { thinkingConfig });
    const { content } = first.candidates[0];
    const thoughts = content.parts.filter((part) => part.thought);
    const again = await ask(asked, { thinkingConfig }, [user, content, user]);
    return { thought: thoughts.map((part) => part.text).join(""), text: again.text };
  },

  refused: (asked) => ask(asked),
  cut: (asked) => heardUntilCut(pieces(stream(asked))),

  async cancelled(asked) {
    const leaving = new AbortController();
    const chunks = pieces(stream(asked, { abortSignal: leaving.signal }));
    const first = await chunks.next();
    leaving.abort();
    return { text: first.value };
  },

  async models(asked) {
    const found = [];
    for await (const model of await client(asked).models.list()) found.push(model.name);
    return { models: found };
  },
});
