// Scorers as geometry: keys in the plane, and the regions of queries for which each of them
// gets the largest score. The scores are those of seq2seq_lib/attention.

import { h, svg, table, unique } from "./elements.mjs";
import { MECHANISMS, softmax } from "./model.mjs";
import { axes, plane } from "./plane.mjs";

const [EDGE, CELLS] = [3, 50]; // the plane shows -EDGE to EDGE; its regions are drawn in cells
const SCORERS = {
  dot_unscaled: "dot product",
  dot: "scaled dot product",
  general: "general, trained",
  additive: "additive, trained",
};

/** A row-by-row matrix as a model has it. */
const tensor = (rows) => ({ data: rows.flat(), shape: [rows.length, rows[0].length] });

/** The scores of some queries: a function of one query. */
export function scorer(name, keys, layers) {
  const [mechanism, given] = [MECHANISMS[name], layers[name] ?? {}];
  const model = { layer: (part) => ({ weight: tensor(given[part]), bias: undefined }) };
  const projected = mechanism.keys(model, keys);
  return (query) => {
    const asked = mechanism.query ? mechanism.query(model, query) : query;
    return projected.map((key) => mechanism.score(model, asked, key));
  };
}

const largest = (scores) => scores.indexOf(Math.max(...scores));

/** Which key wins in every cell of the plane, row by row from the top. */
export function regions(score, cells = CELLS, edge = EDGE) {
  const at = (i) => ((i + 0.5) * 2 * edge) / cells - edge;
  const every = Array.from({ length: cells }, (_, i) => i);
  return every.map((row) => every.map((column) => largest(score([at(column), -at(row)]))));
}

export function start(host, data) {
  const memories = JSON.parse(data.memories);
  const id = unique();
  const state = { query: [1, 0.5] };
  const called = {
    "aria-label": "the query: drag it, or move it with the arrow keys",
    "aria-describedby": `${id}-said`,
  };
  const { drawing, place } = plane(EDGE, called, () => state.query, (query) => {
    state.query = query;
    draw(false);
  });
  const back = svg("g"); // the regions, which a moved query leaves as they are
  const front = svg("g");
  drawing.append(back, front);
  const select = (name, text, options) => {
    const list = h("select", { id: `${id}-${name}`, onchange: () => draw(true) },
      ...options.map(([value, title]) => h("option", { value }, title)));
    return [list, h("div", {}, h("label", { htmlFor: list.id }, text), list)];
  };
  const [memory, memoryBox] = select("memory", "Keys", Object.keys(memories).map((name) => [name, name]));
  const [kind, kindBox] = select("kind", "Score", Object.entries(SCORERS));
  const numbers = h("div");
  const said = h("p", { id: `${id}-said`, role: "status", className: "live-message" });
  host.replaceChildren(
    h("div", { className: "live-knobs" }, memoryBox, kindBox),
    h("div", { className: "live-beside" },
      drawing,
      h("div", {}, numbers, said)),
  );
  host.classList.add("live");
  let [score, shares] = [null, []];

  /** The regions, as bars of cells with one winner. */
  function paint(keys) {
    const won = regions(score);
    shares = keys.map((_, j) => won.flat().filter((w) => w === j).length / CELLS ** 2);
    const side = 300 / CELLS;
    const bars = won.flatMap((row, y) => {
      const starts = row.map((w, x) => x).filter((x) => x === 0 || row[x] !== row[x - 1]);
      return starts.map((x, i) => svg("rect", {
        x: x * side,
        y: y * side,
        width: ((starts[i + 1] ?? CELLS) - x) * side,
        height: side,
        class: `live-region-${row[x]}`,
      }));
    });
    back.replaceChildren(...bars);
  }

  function draw(moved) {
    const { keys, layers } = memories[memory.value];
    if (moved) {
      score = scorer(kind.value, keys, layers);
      paint(keys);
    }
    const scores = score(state.query);
    const weights = softmax(scores);
    const [x, y] = place(state.query);
    const [cx, cy] = place([0, 0]);
    front.replaceChildren(
      ...axes(),
      ...keys.flatMap((key, j) => {
        const [kx, ky] = place(key);
        return [
          svg("circle", { cx: kx, cy: ky, r: 5 + 12 * Math.sqrt(weights[j]), class: "live-mark" }),
          svg("text", { x: kx, y: ky + 5, class: "live-number" }, String(j + 1)),
        ];
      }),
      svg("line", { x1: cx, y1: cy, x2: x, y2: y, class: "live-query" }),
      svg("circle", { cx: x, cy: y, r: 7, class: "live-handle" }),
    );
    const swatch = (j) => h("span", {}, h("span", { className: `live-swatch live-region-${j}` }), ` ${j + 1}`);
    const shown = table("live-look live-narrow", ["key", "score", "weight", "wins in"], keys.map((_, j) =>
      [swatch(j), scores[j].toFixed(2), weights[j].toFixed(3), `${Math.round(100 * shares[j])}%`]));
    shown.tBodies[0].rows[largest(scores)].className = "live-chosen";
    numbers.replaceChildren(shown);
    const nowhere = keys.map((_, j) => j + 1).filter((j) => shares[j - 1] === 0);
    const near = keys.map((key) => -Math.hypot(key[0] - state.query[0], key[1] - state.query[1]));
    said.textContent =
      `Query (${state.query.map((v) => v.toFixed(2)).join(", ")}): key ${largest(scores) + 1} wins, ` +
      `and key ${largest(near) + 1} is nearest. ` +
      (nowhere.length ? `Key ${nowhere.join(" and key ")} wins nowhere here.` : "Each key wins somewhere.");
  }

  draw(true);
}
