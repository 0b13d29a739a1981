// Prints what numbers.mjs says of the numbers, and reads of the texts, on standard input.
import { readFileSync } from "node:fs";
import { links, numberWords, read, valueOf } from "../../seq2seq_lib/live/numbers.mjs";

const { numbers, texts } = JSON.parse(readFileSync(0, "utf8"));
const tokens = (n, code) => numberWords(n, code).map(({ token }) => token);
const said = numbers.map((n) => ({
  src: tokens(n, "en"),
  tgt: tokens(n, "de"),
  links: links(n),
  value: valueOf(tokens(n, "en")),
}));
console.log(JSON.stringify({ said, read: texts.map(read) }));
