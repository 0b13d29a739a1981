// A trained encoder-decoder that runs in the page: the equations of the library, with its
// names, in plain JavaScript. One sentence at a time, no batch, no padding.
//
//   encoder   h_j = [GRU forward ; GRU backward]        seq2seq_lib/encoder.py
//   look      scores -> weights -> context              seq2seq_lib/attention
//   decoder   s_t = GRU([E y_(t-1) ; c_t], s_(t-1))     seq2seq_lib/decoder.py
//             logits_t = O [s_t ; c_t ; E y_(t-1)], or deep: seq2seq_lib/output.py
//
// Weights arrive in few bits (see export.py) and are widened once. Sums are 64 bits
// wide, as all numbers of JavaScript are, so results differ from PyTorch's by rounding.

export const [PAD, BOS, EOS, UNK] = [0, 1, 2, 3];
export const SPECIALS = 4; // tokens before the first word: PAD, BOS, EOS, UNK

/** The number that 16 bits of an IEEE half stand for. */
export function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const join = (...parts) => parts.flatMap((part) => [...part]);

/** y = W x + b, for a matrix stored row by row. */
function linear({ weight, bias }, x) {
  const { data, shape } = weight;
  const [rows, columns] = shape;
  const y = new Array(rows);
  for (let r = 0; r < rows; r++) {
    let sum = bias ? bias.data[r] : 0;
    const start = r * columns;
    for (let c = 0; c < columns; c++) sum += data[start + c] * x[c];
    y[r] = sum;
  }
  return y;
}

/** One step of a gated recurrent unit: PyTorch's equations, gates in the order r, z, n. */
export function gru({ input, state }, x, h) {
  const [a, b] = [linear(input, x), linear(state, h)];
  const size = h.length;
  return h.map((old, i) => {
    const reset = sigmoid(a[i] + b[i]);
    const update = sigmoid(a[size + i] + b[size + i]);
    const candidate = Math.tanh(a[2 * size + i] + reset * b[2 * size + i]);
    return (1 - update) * candidate + update * old;
  });
}

/** Positive numbers that sum to 1. */
export function softmax(scores) {
  const largest = Math.max(...scores);
  const exps = scores.map((score) => Math.exp(score - largest));
  const sum = exps.reduce((a, b) => a + b, 0);
  return exps.map((e) => e / sum);
}

/** The logarithms of those numbers. */
export function logSoftmax(scores) {
  const largest = Math.max(...scores);
  const sum = scores.reduce((all, score) => all + Math.exp(score - largest), 0);
  return scores.map((score) => score - largest - Math.log(sum));
}

/** The sum of the values, each times its weight. */
export function weightedSum(weights, values) {
  return values[0].map((_, i) => weights.reduce((sum, w, j) => sum + w * values[j][i], 0));
}

// How a mechanism makes keys of the encoder's states, and how it scores them.
const products = (scale) => ({
  keys: (model, states) => states,
  score: (model, query, key) => dot(query, key) * scale(key.length),
});
export const MECHANISMS = {
  additive: {
    keys: (model, states) => states.map((h) => linear(model.layer("key_proj"), h)),
    query: (model, s) => linear(model.layer("query_proj"), s), // W s, once a step
    score: (model, query, key) =>
      linear(model.layer("v"), key.map((k, i) => Math.tanh(query[i] + k)))[0],
  },
  general: {
    keys: (model, states) => states.map((h) => linear(model.layer("key_proj"), h)),
    score: (model, query, key) => dot(query, key),
  },
  dot: products((size) => 1 / Math.sqrt(size)),
  dot_unscaled: products(() => 1),
  uniform: { keys: (model, states) => states, score: () => 0 },
  fixed: { keys: (model, states) => states, score: () => 0 }, // of a memory of one slot
};

/** A model of the library: see `Seq2Seq`, whose parts and tensors have these names. */
export class Model {
  /**
   * @param {object} config of the shape
   * @param {Object<string, {data: Float32Array, shape: number[]}>} tensors by their names
   * @param {string[]} src words that it reads, without the four special tokens
   * @param {string[]} tgt words that it writes, likewise
   */
  constructor(config, tensors, src, tgt) {
    Object.assign(this, { config, tensors, src, tgt });
    this.mechanism = MECHANISMS[config.attention];
    if (!this.mechanism) {
      throw new Error(
        `This page can run ${Object.keys(MECHANISMS).join(", ")}, ` +
          `but the model has ${config.attention}.`,
      );
    }
    this.srcIds = new Map(src.map((token, i) => [token, i + SPECIALS]));
    const unit = (prefix, suffix) => ({
      input: this.part(`${prefix}weight_ih${suffix}`, `${prefix}bias_ih${suffix}`),
      state: this.part(`${prefix}weight_hh${suffix}`, `${prefix}bias_hh${suffix}`),
    });
    this.forward = unit("encoder.gru.", "_l0");
    this.backward = this.config.bidirectional ? unit("encoder.gru.", "_l0_reverse") : null;
    this.cell = unit("decoder.cell.", "");
    this.initial = this.part("decoder.initial.weight", "decoder.initial.bias");
    this.output = this.part("decoder.output.weight", "decoder.output.bias");
    if (config.output === "tied") {
      this.hidden = this.part("decoder.output.hidden.weight", "decoder.output.hidden.bias");
      this.output = this.part("decoder.embedding.weight", "decoder.output.bias");
    }
  }

  part(weight, bias) {
    return { weight: this.tensors[weight], bias: this.tensors[bias] };
  }

  /** A layer of the attention. */
  layer(name) {
    return this.part(`decoder.attention.${name}.weight`, "");
  }

  embed(side, id) {
    const { data, shape } = this.tensors[`${side}.embedding.weight`];
    return Array.from(data.subarray(id * shape[1], (id + 1) * shape[1]));
  }

  /** The word of a target id; what stands there for BOS and EOS is no word. */
  token(id) {
    return { [BOS]: "(begin)", [EOS]: "(end)" }[id] ?? this.tgt[id - SPECIALS] ?? "<unk>";
  }

  /** The words of a source that the model does not know. */
  unknown(words) {
    return words.filter((word) => !this.srcIds.has(word));
  }

  /** One state for each word, and the summary: the last state of each direction. */
  encode(words) {
    const embedded = words.map((word) => this.embed("encoder", this.srcIds.get(word) ?? UNK));
    const run = (unit, inputs) => {
      let h = new Array(this.config.enc_hidden).fill(0);
      return inputs.map((x) => (h = gru(unit, x, h)));
    };
    const there = run(this.forward, embedded);
    if (!this.backward) return { states: there, summary: there.at(-1) };
    const back = run(this.backward, [...embedded].reverse()).reverse();
    const states = there.map((h, j) => join(h, back[j]));
    return { states, summary: join(there.at(-1), back[0]) };
  }

  /** What the decoder may look at; made once for a source. */
  memory({ states, summary }) {
    const values = this.config.attention === "fixed" ? [summary] : states;
    return { keys: this.mechanism.keys(this, values), values };
  }

  initialState({ summary }) {
    return linear(this.initial, summary).map(Math.tanh);
  }

  /** Scores and weights of one query. */
  look(state, { keys }) {
    const query = this.mechanism.query ? this.mechanism.query(this, state) : state;
    const scores = keys.map((key) => this.mechanism.score(this, query, key));
    return { scores, weights: softmax(scores) };
  }

  /** The scores of all words; the deep layer keeps the larger number of every pair. */
  score(features) {
    if (!this.hidden) return linear(this.output, features);
    const pairs = linear(this.hidden, features);
    const larger = pairs.map((x, i) => Math.max(x, pairs[i + 1])).filter((_, i) => i % 2 === 0);
    return linear(this.output, larger);
  }

  /**
   * Read one target token and score the next.
   *
   * @param {number[]|null} edited weights to read the memory with, in place of its own
   */
  step(prevId, state, memory, edited = null) {
    const look = this.look(state, memory);
    const weights = edited ?? look.weights;
    const context = weightedSum(weights, memory.values);
    const embedded = this.embed("decoder", prevId);
    const next = gru(this.cell, join(embedded, context), state);
    const logits = this.score(join(next, context, embedded));
    return { logits, state: next, context, weights, scores: look.scores, own: look.weights };
  }

  /**
   * Write word by word, always the most probable one, until the end or `maxLen` words.
   *
   * @param {string[]} words of the source, all of them known
   * @param {(t: number, own: number[]) => number[]|null} edit weights for step t, or null
   * @returns {{tokens: string[], steps: object[], finished: boolean}} a step for every
   *   token, and one for the end
   */
  translate(words, edit = () => null, maxLen = 2 * words.length + 10) {
    const encoded = this.encode(words);
    const memory = this.memory(encoded);
    let [state, id] = [this.initialState(encoded), BOS];
    const [tokens, steps] = [[], []];
    while (steps.length < maxLen) {
      const edited = edit(steps.length, () => this.look(state, memory).weights);
      const step = this.step(id, state, memory, edited);
      steps.push(step);
      id = argmax(step.logits);
      if (id === EOS) return { tokens, steps, finished: true };
      tokens.push(this.token(id));
      state = step.state;
    }
    return { tokens, steps, finished: false };
  }
}

/** The place of the largest logit; PAD and BOS are no words. */
export function argmax(logits) {
  let best = EOS;
  for (let id = 0; id < logits.length; id++) {
    if (id !== PAD && id !== BOS && logits[id] > logits[best]) best = id;
  }
  return best;
}

/**
 * A model of two files.
 *
 * @param {object} header what export.py wrote beside the weights
 * @param {ArrayBuffer} buffer the weights, 16 bits each, little end first
 */
export function fromHalves({ config, size, tensors, src, tgt }, buffer) {
  if (buffer.byteLength !== 2 * size) {
    throw new Error(`The weights have ${buffer.byteLength} bytes, not ${2 * size}.`);
  }
  const view = new DataView(buffer);
  const widened = tensors.map(({ name, shape, start }) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    for (let i = 0; i < data.length; i++) data[i] = half(view.getUint16(2 * (start + i), true));
    return [name, { data, shape }];
  });
  return new Model(config, Object.fromEntries(widened), src, tgt);
}

/** Fetch a model by the address of its header; the weights lie beside it. */
export async function load(address) {
  const [header, weights] = await Promise.all([
    fetch(address).then((answer) => answer.json()),
    fetch(address.replace(/\.json$/, ".f16")).then((answer) => answer.arrayBuffer()),
  ]);
  return fromHalves(header, weights);
}
