// The heatmap, which is a table of numbers: a row for each step, its weights in percent.

import { h } from "./elements.mjs";

export const percent = (weight) => `${Math.round(100 * weight)}%`;

/**
 * A table of weights. Where the mouse is over a step, that row is set off in every table of
 * the piece.
 *
 * @param {string[]} words of the source: the columns
 * @param {string[]} labels what is written at each step: the rows
 * @param {number[][]} weights a row for each label
 * @param {number} chosen the step that is set off
 * @param {number[][]} gold pairs (row, column) that are outlined
 * @param {(t: number) => void} choose called with the step that is clicked
 */
export function heatmap(words, labels, weights, { chosen = -1, gold = [], choose = () => {} }) {
  const outlined = new Set(gold.map(([t, s]) => `${t} ${s}`));
  const table = h(
    "table",
    { className: "live-weights" },
    h(
      "thead",
      {},
      h("tr", {}, h("td", {}), ...words.map((word) =>
        h("th", { scope: "col" }, h("span", {}, word)))),
    ),
    h(
      "tbody",
      {
        onmouseover: onStep((t) => point(table, t, true)),
        onmouseout: onStep((t) => point(table, t, false)),
        onclick: onStep(choose),
      },
      ...labels.map((label, t) =>
        h(
          "tr",
          { className: t === chosen ? "live-chosen" : "", "data-step": t },
          h("th", { scope: "row", lang: "de" }, label),
          ...words.map((_, s) =>
            h("td", { className: outlined.has(`${t} ${s}`) ? "live-gold" : "" })),
        )),
    ),
  );
  paint(table, weights);
  return table;
}

/** Writes other weights into the cells of a heatmap. */
export function paint(table, weights) {
  [...table.tBodies[0].rows].forEach((row, t) =>
    [...row.cells].slice(1).forEach((cell, s) => {
      const weight = weights[t][s];
      cell.textContent = String(Math.round(100 * weight));
      cell.title = percent(weight);
      cell.style.setProperty("--weight", weight.toFixed(3));
    }));
}

/** Calls `act` with the step of the row that an event is about; none where it is about two. */
const onStep = (act) => ({ target }) => {
  const row = target.closest("tr");
  if (row) act(Number(row.dataset.step));
};

function point(table, t, on) {
  const rows = table.closest(".live").querySelectorAll(`tr[data-step="${t}"]`);
  for (const row of rows) row.classList.toggle("live-hover", on);
}
