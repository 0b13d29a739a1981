// Distance, rate and gate: how many updates a needle took, at settings that one chooses, for
// both models alike or for each its own best.

import { h, scroll, svg, table, unique } from "./elements.mjs";

const [WIDE, HIGH, MARGIN, TOP, FOOT] = [460, 290, 50, 30, 62]; // of the drawing
const MODELS = { fixed: ["fixed context", "live-fixed"], additive: ["attention", "live-attentive"] };

/** Geometric mean over seeds, or null where one of them never found it. */
export function typical(seeds) {
  if (seeds.includes(null)) return null;
  return Math.exp(seeds.reduce((sum, updates) => sum + Math.log(updates), 0) / seeds.length);
}

/** The rate with the lowest mean of log(updates) over all distances; none may lack one. */
export function bestRate(byRate) {
  const cost = (rows) => rows.map(typical).reduce((sum, t) => sum + (t === null ? Infinity : Math.log(t)), 0);
  const costs = byRate.map(cost);
  return costs.indexOf(Math.min(...costs));
}

/** What was measured, in a sentence. */
export function told(distance, fixed, additive) {
  if (fixed === null && additive === null) return `At distance ${distance} not every seed found it, with either model.`;
  const [who, without] = fixed === null ? ["attention", "the fixed context"] : ["the fixed context", "attention"];
  if (fixed === null || additive === null) {
    return `At distance ${distance} ${who} took ${Math.round(fixed ?? additive)} updates; with ${without} not every seed found it.`;
  }
  return `At distance ${distance} the fixed context took ${Math.round(fixed)} updates, attention ` +
    `${Math.round(additive)}: ${(fixed / additive).toFixed(1)} times as many.`;
}

export function start(host, data) {
  // times[model][bias][rate][distance] is a list: updates for each seed, or null
  const { distances, rates, biases, limit, times, first } = JSON.parse(data.times);
  const id = unique();
  const slider = (name, values, chosen) => h("input", {
    id: `${id}-${name}`, type: "range", min: 0, max: values.length - 1, value: values.indexOf(chosen), oninput: draw,
  });
  const [rate, bias] = [slider("rate", rates, first.rate), slider("bias", biases, first.bias)];
  const [rateTold, biasTold] = [h("span"), h("span")];
  const own = h("input", { id: `${id}-own`, type: "checkbox", onchange: draw });
  const status = h("p", { className: "live-message", role: "status" });
  const drawing = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "live-sketch", role: "img" });
  const numbers = scroll("the numbers");
  host.replaceChildren(
    h("div", { className: "live-knobs" },
      h("div", {}, h("label", { htmlFor: rate.id }, "Learning rate: ", rateTold), rate),
      h("div", {}, h("label", { htmlFor: bias.id }, "Bias of the update gates: ", biasTold), bias)),
    h("label", { htmlFor: own.id }, own, " each model at its own best rate and bias"),
    status,
    drawing,
    h("details", {}, h("summary", {}, "The numbers"), numbers));
  host.classList.add("live");

  const every = Object.values(times).flat(3).flat().filter((updates) => updates !== null);
  const [low, high] = [Math.log2(Math.min(...every)), Math.log2(limit)];
  const x = (i) => MARGIN + 30 + (i * (WIDE - MARGIN - 70)) / (distances.length - 1);
  const y = (updates) => (updates === null ? 14
    : TOP + ((high - Math.log2(updates)) * (HIGH - FOOT - TOP)) / (high - low));

  /** Rate and bias, as places in their lists. */
  function settings(model) {
    if (!own.checked) return [Number(rate.value), Number(bias.value)];
    const each = biases.map((_, b) => [bestRate(times[model][b]), b]);
    const cost = ([r, b]) => times[model][b][r].map(typical).reduce((sum, t) => sum + Math.log(t ?? Infinity), 0);
    return each.reduce((best, one) => (cost(one) < cost(best) ? one : best));
  }

  function draw() {
    for (const [knob, values, shown] of [[rate, rates, rateTold], [bias, biases, biasTold]]) {
      knob.disabled = own.checked;
      shown.textContent = own.checked ? "each its own" : String(values[knob.value]);
      knob.setAttribute("aria-valuetext", shown.textContent);
    }
    const found = Object.keys(MODELS).map((model) => {
      const [r, b] = settings(model);
      return { model, rate: rates[r], bias: biases[b], rows: times[model][b][r] };
    });
    const last = distances.length - 1;
    status.textContent = told(distances[last], ...found.map(({ rows }) => typical(rows[last])));
    drawing.setAttribute("aria-label", `updates against distance. ${status.textContent}`);
    const ticks = [4, 16, 64, 256, 1024].filter((updates) => Math.log2(updates) >= low);
    drawing.replaceChildren(
      ...ticks.flatMap((updates) => [
        svg("line", { x1: MARGIN, x2: WIDE, y1: y(updates), y2: y(updates), class: "live-axis" }),
        svg("text", { x: MARGIN - 22, y: y(updates) + 4 }, String(updates))]),
      svg("text", { x: 2, y: 18, class: "live-start" }, "never"),
      ...distances.map((d, i) => svg("text", { x: x(i), y: HIGH - 42 }, String(d))),
      svg("text", { x: (WIDE + MARGIN) / 2, y: HIGH - 24 }, "tokens after the needle"),
      ...found.flatMap(({ model, rows }, which) => mark(model, rows, which)));
    const titles = ["model", "rate", "bias", ...distances.map((d) => `distance ${d}`)];
    numbers.replaceChildren(table("live-look live-narrow", titles, found.map(({ model, rate: its, bias: gate, rows }) =>
      [MODELS[model][0], its, gate, ...rows.map((seeds) => seeds.map((updates) => updates ?? "never").join(", "))])));
  }

  /** A line through the means, a mark for each seed, and whose they are. */
  function mark(model, rows, which) {
    const [name, look] = MODELS[model];
    const ends = rows.map((seeds, i) => [typical(seeds), x(i)]).filter(([middle]) => middle !== null);
    const dot = (cx, cy) => (model === "fixed"
      ? svg("circle", { cx, cy, r: 4, class: look })
      : svg("rect", { x: cx - 4, y: cy - 4, width: 8, height: 8, class: look }));
    const legend = MARGIN + 70 + 160 * which;
    return [
      svg("polyline", { points: ends.map(([middle, at]) => `${at},${y(middle)}`).join(" "), class: look }),
      ...rows.flatMap((seeds, i) => seeds.map((updates) => dot(x(i) + 12 * which - 6, y(updates)))),
      dot(legend, HIGH - 7),
      svg("text", { x: legend + 10, y: HIGH - 3, class: "live-start" }, name),
    ];
  }

  draw();
}
