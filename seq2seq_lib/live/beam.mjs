// Beam search as a tree: which beginnings were kept at each step, which were dropped, and
// which one won. The rules are those of beam_search in seq2seq_lib/decoding.py.

import { NAMES } from "./answer.mjs";
import { h, scroll, svg, unique } from "./elements.mjs";
import { BOS, EOS, PAD, logSoftmax } from "./model.mjs";
import { numberWords, read } from "./numbers.mjs";

const [COLUMN, ROW, DROPPED] = [96, 40, 2]; // pixels, and how many of the dropped are shown

/** What beginnings are compared by: log p(y | x) / length ** penalty. */
export function lengthNormalised({ score, length }, penalty) {
  return score / length ** penalty;
}

/**
 * The best `size` beginnings of every step, and the next best, which were dropped.
 *
 * A beginning has its last token (`id`), the one that it prolongs (`parent`), its log
 * probability (`score`), its `length`, and whether it has said the end (`done`).
 *
 * @returns {{levels: {kept: object[], dropped: object[]}[], winner: object}}
 */
export function beamSearch(model, words, size, penalty, maxLen = 2 * words.length + 10) {
  const encoded = model.encode(words);
  const memory = model.memory(encoded);
  const first = { id: BOS, parent: null, score: 0, length: 0, done: false };
  let kept = [{ ...first, state: model.initialState(encoded) }];
  const levels = [];
  const better = (a, b) => lengthNormalised(b, penalty) - lengthNormalised(a, penalty);
  while (levels.length < maxLen && !kept.every(({ done }) => done)) {
    const candidates = kept.flatMap((parent) => prolonged(model, parent, memory)).sort(better);
    kept = candidates.slice(0, size);
    levels.push({ kept, dropped: candidates.slice(size, size + DROPPED) });
  }
  const finished = kept.filter(({ done }) => done);
  const winner = [...(finished.length ? finished : kept)].sort(better)[0];
  return { levels, winner };
}

/** A beginning with every token behind it; a finished one stays as it is. */
function prolonged(model, parent, memory) {
  if (parent.done) return [{ ...parent, parent }];
  const { logits, state } = model.step(parent.id, parent.state, memory);
  return logSoftmax(logits).flatMap((logProb, id) => {
    if (id === PAD || id === BOS) return [];
    const score = parent.score + logProb;
    return [{ id, parent, score, length: parent.length + 1, done: id === EOS, state }];
  });
}

/** The words of a beginning, without the end. */
export function wordsOf(model, { id, parent }) {
  if (parent === null) return [];
  const own = id === EOS ? [] : [model.token(id)];
  return [...wordsOf(model, parent), ...own];
}

export async function start(host, data, model) {
  const id = unique();
  const names = data.models.split(" ");
  let chosen = await model(names[0]);
  const field = h("input", { id, type: "text", value: data.typed, maxLength: 2000, oninput: draw });
  field.autocomplete = "off";
  const select = h("select", { id: `${id}-model`, onchange: change }, ...names.map((name) =>
    h("option", { value: name }, NAMES[name] ?? name)));
  const slider = (name, max, step, value) =>
    h("input", { id: `${id}-${name}`, type: "range", min: name === "width" ? 1 : 0, max, step, value, oninput: draw });
  const [width, penalty] = [slider("width", 5, 1, 3), slider("penalty", 2, 0.1, 0)];
  const [sizeTold, penaltyTold] = [h("span"), h("span")];
  const status = h("p", { className: "live-message", role: "status" });
  const drawing = scroll("the tree of beginnings");
  const answers = scroll("the beginnings that are left at the end");
  const inWords = h("ol");
  host.replaceChildren(
    h("label", { htmlFor: id }, "A number, in digits or in English words"),
    field,
    h("div", { className: "live-knobs" },
      h("div", {}, h("label", { htmlFor: `${id}-model` }, "Model"), select),
      h("div", {}, h("label", { htmlFor: `${id}-width` }, "Beam size: ", sizeTold), width),
      h("div", {}, h("label", { htmlFor: `${id}-penalty` }, "Length penalty: ", penaltyTold), penalty)),
    status,
    drawing,
    answers,
    h("details", {}, h("summary", {}, "The same in words, step by step"), inWords),
  );
  host.classList.add("live");

  async function change() {
    chosen = await model(select.value);
    draw();
  }

  function draw() {
    const [size, alpha] = [Number(width.value), Number(penalty.value)];
    sizeTold.textContent = String(size);
    penaltyTold.textContent = alpha.toFixed(1);
    width.setAttribute("aria-valuetext", `${size} beginnings`);
    const asked = read(field.value);
    const strange = chosen.unknown(asked.words);
    for (const part of [drawing, answers, inWords]) part.replaceChildren();
    if (asked.error || strange.length) {
      status.textContent = asked.error || `No English number has the word ${strange[0]}.`;
      return;
    }
    const { levels, winner } = beamSearch(chosen, asked.words, size, alpha);
    const greedy = beamSearch(chosen, asked.words, 1, 0).winner;
    const said = wordsOf(chosen, winner).join(" ");
    const right = asked.n === null ? null : numberWords(asked.n, "de").map((w) => w.token).join(" ");
    const verdict = right === null ? "" : said === right ? ", which is right" : `; right is ${right}`;
    const same = wordsOf(chosen, greedy).join(" ") === said;
    status.textContent =
      `Written: ${said}${verdict}. ` +
      (same ? "Greedy search writes the same." : `Greedy search writes ${wordsOf(chosen, greedy).join(" ")}.`);
    drawing.append(tree(chosen, levels, winner, size));
    answers.append(finals(chosen, levels.at(-1).kept, winner, alpha));
    inWords.append(...levels.map(({ kept, dropped }) => {
      const list = (all) => all.map((one) =>
        `${wordsOf(chosen, one).join(" ")}${one.done ? " (end)" : ""} ${one.score.toFixed(2)}`).join("; ");
      return h("li", {}, `kept: ${list(kept)}. Dropped: ${list(dropped)}.`);
    }));
  }

  draw();
}

/** The beginnings that are left, best first. */
function finals(model, kept, winner, alpha) {
  const titles = ["answer", "log p", "tokens", "compared by", ""];
  return h("table", { className: "live-look live-narrow" },
    h("thead", {}, h("tr", {}, ...titles.map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, ...kept.map((one) =>
      h("tr", { className: one === winner ? "live-chosen" : "" },
        h("td", { lang: "de" }, wordsOf(model, one).join(" ") + (one.done ? "" : " …")),
        h("td", {}, one.score.toFixed(2)),
        h("td", {}, String(one.length)),
        h("td", {}, lengthNormalised(one, alpha).toFixed(2)),
        h("td", {}, one === winner ? "wins" : one.done ? "" : "not finished")))));
}

/** The drawing: a column for each step, the best on top, the dropped below. */
function tree(model, levels, winner, size) {
  const path = new Set();
  for (let one = winner; one; one = one.parent) path.add(one);
  const places = new Map([[levels[0].kept[0].parent, [0, 0]]]);
  levels.forEach(({ kept }, t) => kept.forEach((one, row) => places.set(one, [t + 1, row])));
  const rows = size + DROPPED;
  const at = ([t, row]) => [COLUMN * (t + 0.5), ROW * (row + 0.5) + 4];
  const node = (one, place, kind) => {
    const [x, y] = at(place);
    const [px, py] = at(places.get(one.parent));
    const waits = one.parent.done;
    const edge = { x1: px + 34, y1: py, x2: x - 34, y2: y, class: `live-edge ${kind}` };
    return [
      svg("line", edge),
      ...(waits ? [svg("text", { x, y: y + 4, class: kind }, "·")] : [
        svg("text", { x, y: y + 1, class: kind, lang: "de" }, model.token(one.id)),
        svg("text", { x, y: y + 14, class: `live-small ${kind}` }, one.score.toFixed(2)),
      ]),
    ];
  };
  const kind = (one, t) => {
    if (path.has(one)) return "live-won";
    const goes = t + 1 < levels.length && levels[t + 1].kept.some(({ parent }) => parent === one);
    return goes || t + 1 === levels.length ? "live-alive" : "live-lost";
  };
  const label = "A tree of words; the path that won is thick, the dropped are dashed. " +
    "The list below says the same.";
  return svg(
    "svg",
    { width: COLUMN * (levels.length + 1), height: ROW * rows + 8, role: "img", "aria-label": label },
    svg("text", { x: COLUMN / 2, y: at([0, 0])[1] + 1 }, "(begin)"),
    ...levels.flatMap(({ kept, dropped }, t) => [
      ...kept.flatMap((one, row) => node(one, [t + 1, row], kind(one, t))),
      ...dropped.flatMap((one, row) => node(one, [t + 1, size + row], "live-dropped")),
    ]),
  );
}
