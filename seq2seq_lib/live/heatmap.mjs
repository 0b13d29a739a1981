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
 * @param {(t: number) => void} point called with the step that the mouse is over, or -1
 */
export function heatmap(words, labels, weights, how) {
  const { chosen = -1, gold = [], choose = () => {}, point = null } = how;
  const over = point ?? ((t) => setOff(table.closest(".live"), t));
  const outlined = new Set(gold.map(([t, s]) => `${t} ${s}`));
  const titles = words.map((word) => h("th", { scope: "col" }, h("span", {}, word)));
  const cell = (t, s) => h("td", { className: outlined.has(`${t} ${s}`) ? "live-gold" : "" });
  const hands = { onmouseover: onStep(over), onmouseout: () => over(-1), onclick: onStep(choose) };
  const table = h("table", { className: "live-weights" },
    h("thead", {}, h("tr", {}, h("td", {}), ...titles)),
    h("tbody", hands, ...labels.map((label, t) =>
      h("tr", { className: t === chosen ? "live-chosen" : "", "data-step": t },
        h("th", { scope: "row", lang: "de" }, label),
        ...words.map((_, s) => cell(t, s))))));
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

/** Sets a step off in every heatmap of a piece; -1 is none. */
export function setOff(host, t) {
  for (const row of host.querySelectorAll("tr[data-step]")) {
    row.classList.toggle("live-hover", Number(row.dataset.step) === t);
  }
}
