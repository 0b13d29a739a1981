// A claim's seeds, its interval and what it needs: move what would have mattered, read the
// verdict, look at a single run, and draw the seeds again to see where an interval comes from.

import { h, scroll, svg, table, unique } from "./elements.mjs";
import { drawRun } from "./runs.mjs";

const [WIDE, HIGH, MARGIN] = [460, 210, 14]; // of the drawing
const [AXIS, SEEDS, INTERVAL, BINS] = [190, 46, 74, 40];

/** One of four words, as chapter 11 gives it. */
export function verdict({ rule, low, high, p, met, effect }) {
  if (high < effect) return "does not hold";
  if (rule === "difference" && (low <= 0 || p >= 0.05)) return "cannot tell";
  if (low >= effect) return met ? "holds" : "holds in part";
  return rule === "difference" ? "holds in part" : "cannot tell";
}

/** As many of the values as there are, each drawn from all; how often each came, and the mean. */
export function drawAgain(values, random) {
  const times = values.map(() => 0);
  for (let i = 0; i < values.length; i++) times[Math.floor(random() * values.length)]++;
  const mean = values.reduce((sum, value, i) => sum + times[i] * value, 0) / values.length;
  return { times, mean };
}

export function start(host, data) {
  const claims = JSON.parse(data.claims);
  const id = unique();
  const first = Math.max(0, claims.findIndex(({ rule }) => rule === "difference"));
  const state = { claim: claims[first], effect: claims[first].effect, means: [], times: null };
  const choice = h("select", { id: `${id}-claim`, onchange: choose },
    ...claims.map(({ number, short }, i) => h("option", { value: i }, `${number}: ${short}`)));
  const told = h("span");
  const knob = h("input", { id: `${id}-effect`, type: "range", oninput: turn, step: "any" });
  const seeds = h("select", { id: `${id}-seed`, onchange: look });
  const its = h("div");
  const status = h("p", { className: "live-message", role: "status" });
  const drawing = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "live-sketch", role: "img" });
  const numbers = scroll("the numbers");
  host.replaceChildren(
    h("label", { htmlFor: choice.id }, "Claim"), choice,
    h("label", { htmlFor: knob.id }, "What would have mattered: ", told), knob,
    status,
    drawing,
    h("label", { htmlFor: seeds.id }, "One run: seed"), seeds, its,
    h("p", { className: "live-buttons" },
      h("button", { type: "button", onclick: () => draw(1) }, "draw the seeds again"),
      h("button", { type: "button", onclick: () => draw(100) }, "100 times")),
    h("details", {}, h("summary", {}, "The numbers"), numbers));
  host.classList.add("live");

  function choose() {
    const claim = claims[Number(choice.value)];
    Object.assign(state, { claim, effect: claim.effect, means: [], times: null });
    const [from, to] = reach();
    Object.assign(knob, { min: Math.max(0, from), max: to, value: claim.effect });
    seeds.replaceChildren(h("option", { value: "" }, "none"),
      ...Object.keys(claim.values).map((seed) => h("option", { value: seed }, seed)));
    look();
  }

  /** Shows what the chosen seed measured, in every arm. */
  function look() {
    its.replaceChildren(...(seeds.value ? [drawRun(state.claim.runs, seeds.value)] : []));
    show();
  }

  function pick(seed) {
    seeds.value = seed;
    look();
  }

  function turn() {
    state.effect = Number(knob.value);
    show();
  }

  function draw(often) {
    for (let i = 0; i < often; i++) {
      const { times, mean } = drawAgain(Object.values(state.claim.values), Math.random);
      state.means.push(mean);
      state.times = often === 1 ? times : null;
    }
    show();
  }

  /** From where to where the axis goes. */
  function reach() {
    const { values, low, high, effect, rule } = state.claim;
    const all = [...Object.values(values), low, high, effect];
    const from = rule === "difference" ? Math.min(0, ...all) : Math.min(...all);
    const to = Math.max(...all);
    const more = 0.08 * (to - from);
    return [from - more, rule === "difference" ? to + more : Math.min(1, to + more)];
  }

  function show() {
    const { claim, effect, means, times } = state;
    const [from, to] = reach();
    const x = (value) => MARGIN + ((value - from) * (WIDE - 2 * MARGIN)) / (to - from);
    const values = Object.values(claim.values);
    const digits = to - from < 0.2 ? 3 : 2;
    const of = (value) => value.toFixed(digits);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const word = verdict({ ...claim, effect });
    told.textContent = of(effect);
    knob.setAttribute("aria-valuetext", of(effect));
    const signs = claim.rule === "difference" ? `, p = ${claim.p.toFixed(3)}` : "";
    const declared = Math.abs(effect - claim.effect) < 1e-9 ? "as declared" : `declared was ${of(claim.effect)}`;
    status.textContent =
      `${values.length} seeds, mean ${of(mean)}, interval ${of(claim.low)} to ${of(claim.high)}${signs}. ` +
      `With ${of(effect)} (${declared}): ${word}.` +
      (means.length ? ` ${means.length} drawn, the last mean is ${of(means.at(-1))}.` : "");
    drawing.setAttribute("aria-label", `claim ${claim.number}: ${word}`);
    const most = Math.max(1, ...values.map((_, i) => times?.[i] ?? 1));
    const counts = histogram(means, from, to);
    const tallest = Math.max(1, ...counts);
    const wide = (WIDE - 2 * MARGIN) / BINS;
    drawing.replaceChildren(
      svg("rect", { x: x(effect), width: Math.max(0, WIDE - MARGIN - x(effect)), y: 24, height: AXIS - 24, class: "live-needed" }),
      svg("text", { x: MARGIN, y: 14, class: "live-start" }, "what it needs is shaded"),
      svg("line", { x1: MARGIN, x2: WIDE - MARGIN, y1: AXIS, y2: AXIS, class: "live-axis" }),
      ...counts.map((count, i) => {
        const height = (count * 96) / tallest;
        return svg("rect", { x: MARGIN + i * wide, width: wide - 1, y: AXIS - height, height, class: "live-drawn" });
      }),
      ...Object.entries(claim.values).map(([seed, value], i) => {
        const r = times ? 8 * Math.sqrt(times[i] / most) : 5;
        const look = seed === seeds.value ? "live-seed live-looked" : "live-seed";
        return svg("circle", { cx: x(value), cy: SEEDS, r, class: look, onclick: () => pick(seed) });
      }),
      svg("polyline", { points: `${x(claim.low)},${INTERVAL} ${x(claim.high)},${INTERVAL}`, class: "live-ink" }),
      svg("circle", { cx: x(mean), cy: INTERVAL, r: 5, class: "live-ink" }),
      ...[from < 0 ? 0 : from, (from + to) / 2, to].map((value) =>
        svg("text", { x: Math.min(WIDE - 24, Math.max(24, x(value))), y: HIGH - 4 }, of(value))),
    );
    numbers.replaceChildren(table("live-look live-narrow", ["seed", "measured", "times drawn"],
      Object.entries(claim.values).map(([seed, value], i) => [seed, value.toFixed(3), times ? times[i] : ""])));
  }

  choice.value = first;
  choose();
}

/** How many of the means fall into each bin of the axis. */
function histogram(means, from, to) {
  const counts = Array.from({ length: BINS }, () => 0);
  for (const mean of means) {
    const bin = Math.floor(((mean - from) * BINS) / (to - from));
    counts[Math.max(0, Math.min(BINS - 1, bin))]++;
  }
  return counts;
}
