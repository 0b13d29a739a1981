// The lookup of chapter 7: keys in the plane, a query that one drags, a temperature.

import { h, svg, table, unique } from "./elements.mjs";
import { softmax, weightedSum } from "./model.mjs";
import { axes, plane } from "./plane.mjs";

const REACH = 4; // the plane shows -REACH to REACH

/** Scores, weights and context of one query. */
export function lookup(query, keys, values, temperature) {
  const scores = keys.map((key) => key[0] * query[0] + key[1] * query[1]);
  const weights = softmax(scores.map((score) => score / temperature));
  const [context] = weightedSum(weights, values.map((value) => [value]));
  return { scores, weights, context };
}

export function start(host, data) {
  const { names, keys, values } = JSON.parse(data.memory);
  const state = { query: [2, 1], temperature: 1 };
  const id = unique();
  const called = {
    "aria-label": "the query: drag it, or move it with the arrow keys",
    "aria-describedby": `${id}-said`,
  };
  const { drawing, place } = plane(REACH, called, () => state.query, (query) => {
    state.query = query;
    draw();
  });
  const numbers = h("div");
  const said = h("p", { id: `${id}-said`, role: "status", className: "live-message" });
  const knob = h("input", {
    id,
    type: "range",
    min: -2.3,
    max: 2.3,
    step: 0.1,
    value: 0,
    oninput: () => {
      state.temperature = Math.exp(Number(knob.value));
      draw();
    },
  });
  host.replaceChildren(
    h("div", { className: "live-beside" },
      drawing,
      h("div", {},
        h("label", { htmlFor: id }, "Temperature"),
        knob,
        numbers,
        said)),
  );
  host.classList.add("live");

  function draw() {
    const { scores, weights, context } = lookup(state.query, keys, values, state.temperature);
    const [x, y] = place(state.query);
    const [cx, cy] = place([0, 0]);
    drawing.replaceChildren(
      ...axes(),
      ...keys.flatMap((key, j) => {
        const [kx, ky] = place(key);
        return [
          svg("circle", { cx: kx, cy: ky, r: 4 + 16 * Math.sqrt(weights[j]), class: "live-key" }),
          svg("text", { x: kx, y: ky - 8 - 16 * Math.sqrt(weights[j]) }, names[j]),
        ];
      }),
      svg("line", { x1: cx, y1: cy, x2: x, y2: y, class: "live-query" }),
      svg("circle", { cx: x, cy: y, r: 7, class: "live-handle" }),
    );
    numbers.replaceChildren(table("live-look", ["slot", "score", "weight", "value"], names.map((name, j) =>
      [name, scores[j].toFixed(2), weights[j].toFixed(3), values[j]])));
    const [a, b] = state.query.map((v) => v.toFixed(2));
    said.textContent =
      `Query (${a}, ${b}), temperature ${state.temperature.toFixed(2)}: ` +
      `the context is ${context.toFixed(2)}.`;
    knob.setAttribute("aria-valuetext", state.temperature.toFixed(2));
  }

  draw();
}
