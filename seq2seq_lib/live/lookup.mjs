// The lookup of chapter 7: keys in the plane, a query that one drags, a temperature.

import { h, svg, unique } from "./elements.mjs";
import { softmax, weightedSum } from "./model.mjs";

const [SIZE, REACH] = [300, 4]; // pixels of the plane; it shows -REACH to REACH

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
  const place = ([x, y]) => [(SIZE * (x + REACH)) / (2 * REACH), (SIZE * (REACH - y)) / (2 * REACH)];
  const plane = svg("svg", {
    viewBox: `0 0 ${SIZE} ${SIZE}`,
    class: "live-plane",
    tabindex: 0,
    role: "application",
    "aria-label": "the query: drag it, or move it with the arrow keys",
    "aria-describedby": `${id}-said`,
    onpointerdown: (event) => {
      plane.setPointerCapture?.(event.pointerId);
      follow(event);
    },
    onpointermove: (event) => event.buttons && follow(event),
    onkeydown: arrows,
  });
  const table = h("tbody");
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
      plane,
      h("div", {},
        h("label", { htmlFor: id }, "Temperature"),
        knob,
        h("table", { className: "live-look" },
          h("thead", {}, h("tr", {}, ...["slot", "score", "weight", "value"].map((name) =>
            h("th", { scope: "col" }, name)))),
          table),
        said)),
  );
  host.classList.add("live");

  function move(x, y) {
    const inside = (v) => Math.max(-REACH, Math.min(REACH, v));
    state.query = [inside(x), inside(y)];
    draw();
  }

  function follow(event) {
    const box = plane.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    move(2 * REACH * x - REACH, REACH - 2 * REACH * y);
  }

  function arrows(event) {
    const [dx, dy] =
      { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [];
    if (dx === undefined) return;
    event.preventDefault();
    move(state.query[0] + dx / 4, state.query[1] + dy / 4);
  }

  function draw() {
    const { scores, weights, context } = lookup(state.query, keys, values, state.temperature);
    const [x, y] = place(state.query);
    const [cx, cy] = place([0, 0]);
    plane.replaceChildren(
      svg("line", { x1: 0, y1: cy, x2: SIZE, y2: cy, class: "live-axis" }),
      svg("line", { x1: cx, y1: 0, x2: cx, y2: SIZE, class: "live-axis" }),
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
    table.replaceChildren(
      ...names.map((name, j) =>
        h("tr", {},
          h("th", { scope: "row" }, name),
          h("td", {}, scores[j].toFixed(2)),
          h("td", {}, weights[j].toFixed(3)),
          h("td", {}, String(values[j])))),
    );
    const [a, b] = state.query.map((v) => v.toFixed(2));
    said.textContent =
      `Query (${a}, ${b}), temperature ${state.temperature.toFixed(2)}: ` +
      `the context is ${context.toFixed(2)}.`;
    knob.setAttribute("aria-valuetext", state.temperature.toFixed(2));
  }

  draw();
}
