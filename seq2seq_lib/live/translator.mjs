// A translator's folder, as `python -m seq2seq_lib.translate shrink` writes it, in the page:
// text -> pieces of words -> the model -> pieces -> text.
//
//   prepare          seq2seq_lib/translate/lines.py
//   Pieces           seq2seq_lib/translate/subwords.py (and the library tokenizers)
//   readTensors      the format safetensors; bytes are widened as quantizing.py says

import { Model, SPECIALS } from "./model.mjs";

const SPACE = "\u2581"; // stands for a space in a piece
const UNSEEN = /[\p{Cf}\u034f\ufe00-\ufe0f]/gu;
const GAP = /[\t-\r\x1c-\x20\x85\u2028\u2029]+/u; // what Python calls white space
const MARK = /([\p{P}!-/:-@[-`{-~])/u; // stands alone

/** One spelling for what looks the same, single spaces, perhaps lower-cased. */
export function prepare(text, lowercase) {
  const plain = text.replace(/\p{Zs}/gu, " ").replace(UNSEEN, "").normalize("NFC");
  const spaced = plain.replaceAll(SPACE, "_").split(GAP).filter(Boolean).join(" ");
  return lowercase ? spaced.toLowerCase() : spaced;
}

/** Cuts words into pieces, by merges that were frequent in a training text. */
export class Pieces {
  /** @param {object} json a file of the library tokenizers */
  constructor({ model: { vocab, merges } }) {
    this.ids = vocab;
    this.all = Object.keys(vocab).sort((a, b) => vocab[a] - vocab[b]);
    this.ranks = new Map(merges.map(([left, right], rank) => [`${left} ${right}`, rank]));
  }

  /** The pieces of a prepared text; a letter that was never seen is <unk>. */
  split(text) {
    if (!text) return [];
    const words = `${SPACE}${text.replaceAll(" ", SPACE)}`.split(new RegExp(`(?=${SPACE})`));
    return words.flatMap((word) => word.split(MARK)).filter(Boolean).flatMap((part) => this.merge(part));
  }

  /** The letters of a part, joined pair by pair, the most frequent pair first. */
  merge(part) {
    const letters = [...part].map((letter) => (letter in this.ids ? letter : "<unk>"));
    while (letters.length > 1) {
      const ranks = letters.slice(1).map((right, i) => this.ranks.get(`${letters[i]} ${right}`) ?? Infinity);
      const first = Math.min(...ranks);
      if (first === Infinity) break;
      const at = ranks.indexOf(first);
      letters.splice(at, 2, letters[at] + letters[at + 1]);
    }
    return letters;
  }

  /** The text that these pieces spell. */
  join(pieces) {
    return pieces.join("").replaceAll(SPACE, " ").trim();
  }
}

/** The tensors of a file: a length, a header in JSON, and numbers of 8 or 32 bits. */
export function readTensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const { __metadata__: facts = {}, ...places } = header;
  const raw = Object.entries(places).map(([name, { dtype, shape, data_offsets: [from, to] }]) => {
    const bytes = buffer.slice(8 + length + from, 8 + length + to);
    const data = { I8: Int8Array, F32: Float32Array }[dtype];
    if (!data) throw new Error(`The page reads weights of 8 or 32 bits, but ${name} has ${dtype}.`);
    return [name, { data: new data(bytes), shape }];
  });
  const tensors = Object.fromEntries(raw);
  for (const [name, { data, shape }] of raw) {
    if (!(data instanceof Int8Array)) continue;
    const scale = tensors[`${name}.scale`].data; // of each row
    tensors[name] = { data: Float32Array.from(data, (q, i) => q * scale[Math.floor(i / shape[1])]), shape };
  }
  const tied = Object.entries(JSON.parse(facts.tied ?? "{}"));
  return { ...tensors, ...Object.fromEntries(tied.map(([name, first]) => [name, tensors[first]])) };
}

/** A model with how its texts are cut. */
export class Translator {
  constructor(config, weights, source, target) {
    [this.src, this.tgt, this.lowercase] = [new Pieces(source), new Pieces(target), config.lowercase];
    const words = [this.src, this.tgt].map(({ all }) => all.slice(SPECIALS));
    this.model = new Model(config.model, readTensors(weights), ...words);
  }

  /** What it says, greedily, and how: the pieces of both sides, and a step for each it wrote. */
  translate(text) {
    const pieces = this.src.split(prepare(text, this.lowercase));
    const { tokens, steps, finished } = this.model.translate(pieces);
    return { text: this.tgt.join(tokens), pieces, tokens, steps, finished };
  }
}

/** Fetch a translator by the address of its folder. */
export async function fetchTranslator(folder) {
  const files = ["config.json", "source.json", "target.json", "model.safetensors"];
  const answers = await Promise.all(files.map((name) => fetch(`${folder}/${name}`)));
  const missing = answers.findIndex(({ ok }) => !ok);
  if (missing >= 0) throw new Error(`${files[missing]} is not there`);
  const [config, source, target] = await Promise.all(answers.slice(0, 3).map((answer) => answer.json()));
  return new Translator(config, await answers[3].arrayBuffer(), source, target);
}
