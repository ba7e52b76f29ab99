// The official OpenAI library for Node: speech, transcriptions and images.

import OpenAI, { toFile } from "openai";
import { key, model, run, url } from "./run.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const recording = () => toFile(Buffer.alloc(200_000, 7), "talk.mp3", { type: "audio/mpeg" });
const picture = () => toFile(Buffer.from("picture"), "a.png", { type: "image/png" });
const bytes = (base64) => Buffer.from(base64, "base64");

await run({
  async speech() {
    const answer = await client.audio.speech.create({ model, voice: "alloy", input: "Hi." });
    const sound = Buffer.from(await answer.arrayBuffer());
    return { opening: sound.subarray(0, 4).toString(), size: sound.length };
  },

  async transcription() {
    const file = await recording();
    return (await client.audio.transcriptions.create({ model, file, prompt: "Zürich" })).text;
  },

  async subtitles() {
    const file = await recording();
    return client.audio.translations.create({ model, file, response_format: "vtt" });
  },

  async streamed() {
    const pieces = [];
    let text = null;
    const file = await recording();
    const stream = await client.audio.transcriptions.create({ model, file, stream: true });
    for await (const event of stream) {
      if (event.type === "transcript.text.delta") pieces.push(event.delta);
      if (event.type === "transcript.text.done") text = event.text;
    }
    return { pieces, text };
  },

  async image() {
    const answer = await client.images.generate({ model, prompt: "a cat", n: 2 });
    return answer.data.map(({ b64_json }) => bytes(b64_json).subarray(1, 4).toString());
  },

  async edited() {
    const kinds = [];
    const image = [await picture(), await picture()];
    const stream = await client.images.edit({ model, image, prompt: "green", stream: true });
    for await (const event of stream) kinds.push(event.type);
    return kinds;
  },

  async varied() {
    const answer = await client.images.createVariation({ model, image: await picture() });
    return answer.data.length;
  },

  async refused() {
    return client.audio.transcriptions.create({ model: "", file: await recording() });
  },
});
