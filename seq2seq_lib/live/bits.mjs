// How many bits come through a vector of a few numbers: for inputs of every length, after a
// training as long as one chooses, with a fixed context and with attention.

import { h, scroll, svg, table, unique } from "./elements.mjs";

const [WIDE, HIGH, MARGIN, TOP, FOOT] = [460, 290, 40, 24, 62]; // of the drawing
const MODELS = { fixed: ["fixed context", "live-fixed"], attention: ["attention", "live-attentive"] };

/** What was measured after as many updates, or, where training ended sooner, at its end. */
export function after(moments, updates) {
  const until = moments.filter((moment) => moment.updates <= updates);
  return (until.length ? until : moments.slice(0, 1)).at(-1);
}

/** What came through of the longest inputs, in a sentence. */
export function told(size, perSymbol, found) {
  const symbols = found[0].bits.length;
  const each = found.map(({ model, updates, bits }) =>
    `${bits.at(-1).toFixed(1)} with ${model === "fixed" ? "the " : ""}${MODELS[model][0]} after ${updates.toLocaleString("en")} updates`);
  return `${symbols} symbols bring ${symbols * perSymbol} bits. Through ${size} numbers come ${each.join(", ")}.`;
}

export function start(host, data) {
  // curves[model][size] is a list of {updates, bits}, with the bits of 1, 2, ... symbols
  const { sizes, budgets, perSymbol, curves, first } = JSON.parse(data.curves);
  const id = unique();
  const slider = (name, values, chosen) => h("input", {
    id: `${id}-${name}`, type: "range", min: 0, max: values.length - 1, value: values.indexOf(chosen), oninput: draw,
  });
  const [size, budget] = [slider("size", sizes, first), slider("budget", budgets, budgets.at(-1))];
  const [sizeTold, budgetTold] = [h("span"), h("span")];
  const status = h("p", { className: "live-message", role: "status" });
  const drawing = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "live-sketch", role: "img" });
  const numbers = scroll("the numbers");
  host.replaceChildren(
    h("div", { className: "live-knobs" },
      h("div", {}, h("label", { htmlFor: size.id }, "Numbers that are let through: ", sizeTold), size),
      h("div", {}, h("label", { htmlFor: budget.id }, "Updates: ", budgetTold), budget)),
    status,
    drawing,
    h("details", {}, h("summary", {}, "The numbers"), numbers));
  host.classList.add("live");

  function draw() {
    const chosen = sizes[size.value];
    const updates = budgets[budget.value];
    const found = Object.keys(curves).map((model) => ({ model, ...after(curves[model][chosen], updates) }));
    const length = found[0].bits.length;
    const most = length * perSymbol;
    const x = (n) => MARGIN + ((n - 0.5) * (WIDE - MARGIN - 8)) / length;
    const y = (bits) => TOP + ((most - bits) * (HIGH - FOOT - TOP)) / most;
    const line = (values, look) => svg("polyline", { points: values.map((bits, i) => `${x(i + 1)},${y(bits)}`).join(" "), class: look });
    for (const [knob, shown, value] of [[size, sizeTold, chosen], [budget, budgetTold, updates]]) {
      shown.textContent = value.toLocaleString("en");
      knob.setAttribute("aria-valuetext", shown.textContent);
    }
    status.textContent = told(chosen, perSymbol, found);
    drawing.setAttribute("aria-label", `bits that come through. ${status.textContent}`);
    const lengths = Array.from({ length }, (_, i) => i + 1);
    drawing.replaceChildren(
      svg("text", { x: 2, y: 14, class: "live-start" }, "bits that come through"),
      ...[0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
        svg("line", { x1: MARGIN, x2: WIDE, y1: y(share * most), y2: y(share * most), class: "live-axis" }),
        svg("text", { x: MARGIN - 18, y: y(share * most) + 4 }, String(share * most))]),
      ...lengths.filter((n) => n % (length / 12) === 0).map((n) => svg("text", { x: x(n), y: HIGH - 44 }, String(n))),
      svg("text", { x: (WIDE + MARGIN) / 2, y: HIGH - 26 }, "symbols in the source"),
      line(lengths.map((n) => n * perSymbol), "live-given"),
      ...found.map(({ model, bits }) => line(bits, MODELS[model][1])),
      ...Object.values({ ...MODELS, all: ["all of them", "live-given"] }).flatMap(([name, look], i) => [
        svg("polyline", { points: `${MARGIN + 140 * i},${HIGH - 8} ${MARGIN + 24 + 140 * i},${HIGH - 8}`, class: look }),
        svg("text", { x: MARGIN + 30 + 140 * i, y: HIGH - 4, class: "live-start" }, name)]));
    numbers.replaceChildren(table("live-look live-narrow", ["model", "updates", ...lengths],
      found.map(({ model, updates: made, bits }) => [MODELS[model][0], made, ...bits.map((value) => value.toFixed(1))])));
  }

  draw();
}
