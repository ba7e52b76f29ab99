// Runs the scenarios named on the command line, one after the other, and prints what came of them.

export async function run(scenarios) {
  const heard = {};
  for (const name of process.argv.slice(2)) {
    try {
      heard[name] = await scenarios[name]();
    } catch (error) {
      heard[name] = { error: error.constructor.name, status: error.status ?? null, message: error.message };
    }
  }
  console.log(JSON.stringify(heard));
}

export const model = process.env.MODEL;
export const url = process.env.GATEWAY_URL;
export const key = process.env.GATEWAY_KEY;
export const image = "iVBORw0KGgo=";
export const city = { type: "object", properties: { city: { type: "string" } } };
