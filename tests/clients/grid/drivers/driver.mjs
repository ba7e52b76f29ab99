// What every Node client does the same: hear which scenario to play, and tell what came of it.

import { createInterface } from "node:readline";

export const image =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=";
export const city = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
export const question = "How is the weather?";
export const report = "12 degrees";

export async function serve(scenarios) {
  for await (const line of createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line);
    const scenario = scenarios[asked.scenario];
    let heard;
    try {
      heard = scenario ? await scenario(asked) : { cannot: true };
    } catch (error) {
      heard = { error: told(error) };
    }
    process.stdout.write(`@${JSON.stringify(heard)}\n`);
  }
}

function told(error) {
  const name = error?.constructor?.name ?? "unknown";
  return { name, status: statusOf(error), message: String(error?.message).slice(0, 500) };
}

// The status of HTTP behind an error, however the client names it.
function statusOf(error) {
  for (const value of [error?.status, error?.statusCode, error?.status_code, error?.code]) {
    if (typeof value === "number") return value;
  }
  const inner = error?.lastError ?? error?.cause;
  return inner ? statusOf(inner) : null;
}

// A stream that breaks off: what came, and what was raised.
export async function heardUntilCut(pieces) {
  let text = "";
  try {
    for await (const piece of pieces) text += piece ?? "";
  } catch (error) {
    return { text, raised: error?.constructor?.name ?? "unknown" };
  }
  return { text, raised: null };
}

process.on("unhandledRejection", () => {}); // a stream that nobody reads to its end
