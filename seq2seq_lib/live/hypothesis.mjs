// A hypothesis that one edits beside its reference: exact match, token accuracy, sentence BLEU
// and chrF, each a function that gives what chapters 1 and 5 compute.

import { h, scroll, table, unique } from "./elements.mjs";

const MOST = 60; // words
const PRESETS = [
  ["the reference itself", (words) => words,
    "Nothing is wrong. (With fewer than four words BLEU is 0 all the same.)"],
  ["drop the first word", (words) => words.slice(1),
    "Every other word is there, one place too early: token accuracy finds none of them."],
  ["swap two words", ([a, b, c, ...rest]) => [c, b, a, ...rest],
    "All words are there: runs of one word overlook it, and only longer runs notice."],
  ["a typo in one letter", typo,
    "One letter is missing: to all but chrF the word might as well be any other."],
  ["repeat a word", (words) => [...words, words.at(-1)],
    "Token accuracy overlooks it: it asks at the places of the reference, and not behind them."],
];

/** The longest word without its last letter. */
function typo(words) {
  const lengths = words.map((word) => word.length);
  const at = lengths.indexOf(Math.max(...lengths));
  return words.map((word, i) => (i === at ? word.slice(0, -1) : word));
}

/** 1 if every word is right, and none is missing or too many; else 0. */
export function exactMatch(hypothesis, reference) {
  const same = reference.every((word, i) => word === hypothesis[i]);
  return Number(same && hypothesis.length === reference.length);
}

/** The share of the reference's places at which the hypothesis has the same word. */
export function tokenAccuracy(hypothesis, reference) {
  return reference.filter((word, i) => word === hypothesis[i]).length / reference.length;
}

/** How many runs of n items each side has, and how many of them match; each is used once. */
export function runsOf(n, hypothesis, reference) {
  const [said, due] = [hypothesis, reference].map((items) =>
    items.slice(n - 1).map((_, i) => items.slice(i, i + n).join("\n")));
  const left = new Map();
  for (const run of due) left.set(run, (left.get(run) ?? 0) + 1);
  const matched = said.filter((run) => {
    left.set(run, (left.get(run) ?? 0) - 1);
    return left.get(run) >= 0;
  }).length;
  return { n, matched, said: said.length, due: due.length };
}

/**
 * BLEU of one sentence, from 0 to 100, and what it is made of: sacrebleu with tokenize="none".
 * Where no run of a length matches, it counts a half, then a quarter, ... ("exp" smoothing).
 */
export function bleu(hypothesis, reference) {
  const runs = [1, 2, 3, 4].map((n) => runsOf(n, hypothesis, reference));
  const short = reference.length / hypothesis.length;
  const penalty = short > 1 ? Math.exp(1 - short) : 1;
  if (!runs[0].matched || !runs[3].said) return { score: 0, penalty, runs };
  let least = 1;
  for (const run of runs) run.counted = run.matched || (least /= 2);
  const product = runs.reduce((all, { counted, said }) => (all * counted) / said, 1);
  return { score: 100 * penalty * product ** (1 / 4), penalty, runs };
}

/** chrF from 0 to 100: runs of 1 to 6 letters; how much of the reference was found counts twice. */
export function chrf(hypothesis, reference) {
  const [said, due] = [hypothesis, reference].map((words) => Array.from(words.join("")));
  const runs = [1, 2, 3, 4, 5, 6].map((n) => runsOf(n, said, due));
  const counted = runs.filter((run) => run.said && run.due);
  const mean = (side) =>
    counted.reduce((sum, run) => sum + run.matched / run[side], 0) / counted.length;
  const [precision, recall] = [mean("said"), mean("due")];
  return precision > 0 ? (500 * precision * recall) / (4 * precision + recall) : 0;
}

const split = (text) => text.normalize("NFC").split(/\s+/).filter(Boolean);

export function start(host, data) {
  const pairs = JSON.parse(data.pairs);
  const id = unique();
  const choice = h("select", { id: `${id}-pair`, onchange: choose },
    ...pairs.map(({ title }, i) => h("option", { value: i }, title)));
  const source = h("span");
  const wanted = h("span", { lang: "de" });
  const field = h("input", { id, type: "text", maxLength: 2000, lang: "de", spellcheck: false, oninput: () => show() });
  field.autocomplete = "off";
  const buttons = h("p", { className: "live-buttons" });
  const message = h("p", { className: "live-message", role: "status" });
  const tables = h("div");
  host.replaceChildren(
    h("label", { htmlFor: choice.id }, "Example"), choice,
    h("p", {}, h("strong", {}, "Source: "), source),
    h("p", {}, h("strong", {}, "Reference: "), wanted),
    h("label", { htmlFor: id }, "Hypothesis"), field,
    buttons, message, tables);
  host.classList.add("live");

  function choose() {
    const { reference, name, other, note, ...pair } = pairs[Number(choice.value)];
    source.textContent = pair.source;
    wanted.textContent = reference;
    buttons.replaceChildren(
      ...[...PRESETS, [name, () => split(other), note]].map(([title, make, why]) =>
        h("button", { type: "button", onclick: () => put(make(split(reference)), why) }, title)));
    put(split(other), note);
  }

  function put(words, note) {
    field.value = words.join(" ");
    show(note);
  }

  function show(note = "") {
    const [said, due] = [field.value, wanted.textContent].map(split);
    tables.replaceChildren();
    if (!said.length) message.textContent = "Type a hypothesis, or press a button for one.";
    else if (said.length > MOST) message.textContent = `That is ${said.length} words; ${MOST} are the most that fit here.`;
    else draw(said, due, note);
  }

  function draw(said, due, note) {
    const { score, penalty, runs } = bleu(said, due);
    const scores = [
      ["exact match", exactMatch(said, due), 1],
      ["token accuracy", tokenAccuracy(said, due), 1],
      ["BLEU", score, 100],
      ["chrF", chrf(said, due), 100],
    ].map(([name, value, most]) =>
      [name, Number.isInteger(value / most) ? value : value.toFixed(most === 1 ? 2 : 1), most, value / most]);
    const brief = scores.map(([name, value]) => `${name} ${value}`).join(", ");
    message.textContent = `${brief}. ${note}`;
    const places = Array.from({ length: Math.max(said.length, due.length) }, (_, i) => i);
    const agree = (i) => said[i] === due[i];
    tables.replaceChildren(
      scroll("the words, place by place",
        table("live-batch", ["place", ...places.map((i) => i + 1)], [
          ["reference", ...places.map((i) => due[i] ?? "")],
          ["hypothesis", ...places.map((i) => h("td", { className: agree(i) ? "live-real" : "" }, said[i] ?? ""))],
          ["the same", ...places.map((i) => (agree(i) ? "yes" : ""))],
        ])),
      h("div", { className: "live-beside" },
        h("div", {}, table("live-look live-narrow", ["measure", "score", "of the best"], scores.map(([name, value, most, share]) =>
          [name, `${value} of ${most}`, h("td", {}, h("span", { className: "live-bar", style: `--share: ${share}` }))]))),
        h("div", {}, table("live-look live-narrow", ["BLEU: runs of", "found", "of"], [
          ...runs.map(({ n, matched, said, counted }) =>
            [n === 1 ? "1 word" : `${n} words`, matched || !counted ? matched : `0, counts ${counted}`, said]),
          ["brevity penalty", penalty.toFixed(2), ""],
        ]))));
  }

  choose();
}
