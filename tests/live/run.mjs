// Runs a model on the sentences of standard input, and prints what every step computes.
import { readFileSync } from "node:fs";
import { Model } from "../../seq2seq_lib/live/model.mjs";

const path = process.argv[2];
const weights = readFileSync(`${path}.f16`);
const buffer = weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.length);
const model = new Model(JSON.parse(readFileSync(`${path}.json`, "utf8")), buffer);
const { sources, edits } = JSON.parse(readFileSync(0, "utf8"));
const answers = sources.map((words) => {
  const { tokens, steps, finished } = model.translate(words, (t) => edits[t] ?? null);
  const logits = steps.map((step) => step.logits);
  return { tokens, finished, logits, weights: steps.map((step) => step.weights) };
});
console.log(JSON.stringify(answers));
