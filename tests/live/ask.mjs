// Asks the functions behind the pieces: `node ask.mjs NAME`, the question on standard input.
import { readFileSync } from "node:fs";
import { beamSearch, wordsOf } from "../../seq2seq_lib/live/beam.mjs";
import { judged } from "../../seq2seq_lib/live/answer.mjs";
import { scorer } from "../../seq2seq_lib/live/geometry.mjs";
import { bleu, chrf, exactMatch, tokenAccuracy } from "../../seq2seq_lib/live/hypothesis.mjs";
import { unit, walk } from "../../seq2seq_lib/live/islands.mjs";
import { onGold, shared } from "../../seq2seq_lib/live/mechanisms.mjs";
import { fromHalves } from "../../seq2seq_lib/live/model.mjs";
import { after } from "../../seq2seq_lib/live/bits.mjs";
import { bestRate, told, typical } from "../../seq2seq_lib/live/rates.mjs";
import { links, numberWords, read, valueOf } from "../../seq2seq_lib/live/numbers.mjs";
import { apart } from "../../seq2seq_lib/live/padding.mjs";
import { distance } from "../../seq2seq_lib/live/sketch.mjs";
import { run } from "../../seq2seq_lib/live/stepper.mjs";
import { Translator, prepare } from "../../seq2seq_lib/live/translator.mjs";
import { drawAgain, verdict } from "../../seq2seq_lib/live/verdict.mjs";

/** The bytes of a file, and nothing that lies beside them. */
function bytes(path) {
  const found = readFileSync(path);
  return found.buffer.slice(found.byteOffset, found.byteOffset + found.length);
}

const json = (path) => JSON.parse(readFileSync(path, "utf8"));

function translator(folder) {
  const [config, source, target] = ["config", "source", "target"].map((name) => json(`${folder}/${name}.json`));
  return new Translator(config, bytes(`${folder}/model.safetensors`), source, target);
}

function model(path) {
  return fromHalves(json(`${path}.json`), bytes(`${path}.f16`));
}

const tokens = (n, code) => numberWords(n, code).map(({ token }) => token);

const QUESTIONS = {
  numbers: ({ numbers }) =>
    numbers.map((n) => ({
      src: tokens(n, "en"),
      tgt: tokens(n, "de"),
      links: links(n),
      value: valueOf(tokens(n, "en")),
    })),
  read: ({ text }) => read(text),
  pieces: ({ folder, texts, lowercase }) => {
    const { src } = translator(folder);
    return texts.map((text) => {
      const prepared = prepare(text, lowercase);
      return { prepared, pieces: src.split(prepared), again: src.join(src.split(prepared)) };
    });
  },
  captions: ({ folder, texts }) => {
    const asked = translator(folder);
    return texts.map((text) => {
      const { steps, ...said } = asked.translate(text);
      return { ...said, logits: steps.map(({ logits }) => logits), weights: steps.map(({ weights }) => weights) };
    });
  },
  translations: ({ path, sources, edits }) => {
    const asked = model(path);
    return sources.map((words) => {
      const { tokens, steps, finished } = asked.translate(words, (t) => edits[t] ?? null);
      const logits = steps.map((step) => step.logits);
      return { tokens, finished, logits, weights: steps.map((step) => step.weights) };
    });
  },
  beam: ({ path, sources, size, penalty, maxLen }) => {
    const asked = model(path);
    return sources.map((words) => {
      const { levels, winner } = beamSearch(asked, words, size, penalty, maxLen ?? undefined);
      const { score, done } = winner;
      const kept = levels.map((level) => level.kept.length);
      return { tokens: wordsOf(asked, winner), score, done, kept };
    });
  },
  steps: ({ path, words, right, teacher, planted }) =>
    run(model(path), words, right, teacher, new Map(planted)).map(({ reads, says, step }) => ({
      reads,
      says,
      logits: step.logits,
    })),
  scores: ({ kind, keys, layers, queries }) => queries.map(scorer(kind, keys, layers)),
  states: ({ weights, sequences }) => sequences.map((letters) => walk(unit(weights), letters)),
  verdicts: ({ entries }) => entries.map(verdict),
  rates: ({ rows, byRate }) => ({ typical: rows.map(typical), best: bestRate(byRate) }),
  through: ({ moments, budgets }) => budgets.map((updates) => after(moments, updates).updates),
  told: ({ asked }) => asked.map((each) => told(...each)),
  judged: ({ answers, right }) => answers.map((tokens) => judged({ tokens, finished: true }, right)),
  looks: ({ rows, gold }) => [shared(rows), onGold(rows, gold)],
  draws: ({ values, often }) =>
    Array.from({ length: often }, () => drawAgain(values, Math.random)),
  measures: ({ pairs }) =>
    pairs.map((pair) => ({
      exactMatch: exactMatch(...pair),
      tokenAccuracy: tokenAccuracy(...pair),
      bleu: bleu(...pair).score,
      chrf: chrf(...pair),
      parts: bleu(...pair),
    })),
  apart: ({ heights, least }) => apart(heights, least),
  distance: ({ guess, measured }) => distance(guess, measured),
};
const answer = QUESTIONS[process.argv[2]](JSON.parse(readFileSync(0, "utf8")));
console.log(JSON.stringify(answer));
