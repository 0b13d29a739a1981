// Asks the functions behind the pieces: `node ask.mjs NAME`, the question on standard input.
import { readFileSync } from "node:fs";
import { beamSearch, wordsOf } from "../../seq2seq_lib/live/beam.mjs";
import { judged } from "../../seq2seq_lib/live/answer.mjs";
import { scorer } from "../../seq2seq_lib/live/geometry.mjs";
import { unit, walk } from "../../seq2seq_lib/live/islands.mjs";
import { onGold, shared } from "../../seq2seq_lib/live/mechanisms.mjs";
import { Model } from "../../seq2seq_lib/live/model.mjs";
import { distance } from "../../seq2seq_lib/live/sketch.mjs";
import { run } from "../../seq2seq_lib/live/stepper.mjs";
import { drawAgain, verdict } from "../../seq2seq_lib/live/verdict.mjs";

function model(path) {
  const weights = readFileSync(`${path}.f16`);
  const buffer = weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.length);
  return new Model(JSON.parse(readFileSync(`${path}.json`, "utf8")), buffer);
}

const QUESTIONS = {
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
  judged: ({ answers, right }) => answers.map((tokens) => judged({ tokens, finished: true }, right)),
  looks: ({ rows, gold }) => [shared(rows), onGold(rows, gold)],
  draws: ({ values, often }) =>
    Array.from({ length: often }, () => drawAgain(values, Math.random)),
  distance: ({ guess, measured }) => distance(guess, measured),
};
const answer = QUESTIONS[process.argv[2]](JSON.parse(readFileSync(0, "utf8")));
console.log(JSON.stringify(answer));
