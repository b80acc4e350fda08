// Evaluates expressions with npm's jsonata, the reference implementation: one JSON text a line in,
// one a line out. Started by bench/node_jsonata.py, in the folder that has node_modules.

import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { join } from "node:path";

const jsonata = createRequire(join(process.argv[2], "x.js"))("jsonata");

for await (const line of createInterface({ input: process.stdin })) {
  const { text, bindings } = JSON.parse(line);
  let told;
  try {
    const value = await jsonata(text).evaluate(undefined, bindings);
    told = typeof value === "function" || value?._jsonata_function || value?._jsonata_lambda
      ? { function: true }
      : value === undefined ? { undefined: true } : { value };
  } catch (error) {
    told = { error: error.code ?? "", message: String(error.message) };
  }
  console.log(JSON.stringify(told));
}
