// One line among several that were measured, chosen by a slider: how far back a gradient
// reaches, for one bias of the update gate after the other.

import { h, scroll, svg, table, unique } from "./elements.mjs";

const [WIDE, HIGH, MARGIN, FOOT] = [460, 280, 56, 40]; // of the drawing

/** The factor by which a line falls with every step back. */
export function perStep(values) {
  return (values[0] / values.at(-1)) ** (1 / (values.length - 1));
}

export function start(host, data) {
  const { biases, lines, first } = JSON.parse(data.lines);
  const id = unique();
  const told = h("span");
  const knob = h("input", {
    id,
    type: "range",
    min: 0,
    max: biases.length - 1,
    value: biases.indexOf(first),
    oninput: draw,
  });
  const status = h("p", { className: "live-message", role: "status" });
  const drawing = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "live-sketch", role: "img" });
  const numbers = scroll("the numbers");
  const more = h("details", {}, h("summary", {}, "The numbers"), numbers);
  host.replaceChildren(
    h("label", { htmlFor: id }, "Bias of the update gate: ", told), knob, status, drawing, more);
  host.classList.add("live");

  const exponents = lines.flat().map(Math.log10);
  const [low, high] = [Math.floor(Math.min(...exponents)), Math.ceil(Math.max(...exponents))];
  const length = lines[0].length;
  const x = (i) => MARGIN + ((i + 0.5) * (WIDE - MARGIN - 8)) / length;
  const y = (value) => 8 + ((high - Math.log10(value)) * (HIGH - FOOT - 8)) / (high - low);
  const points = (values) => values.map((value, i) => `${x(i)},${y(value)}`).join(" ");

  function draw() {
    const chosen = Number(knob.value);
    const bias = biases[chosen];
    const factor = perStep(lines[chosen]);
    const opened = 1 / (1 + Math.exp(-bias));
    told.textContent = bias.toFixed(1);
    knob.setAttribute("aria-valuetext", bias.toFixed(1));
    status.textContent =
      `A bias of ${bias.toFixed(1)} alone opens the gate to ${opened.toFixed(2)}: one step back keeps ` +
      `${factor.toFixed(2)} of the gradient, ${length - 1} steps back ` +
      `${(lines[chosen][0] / lines[chosen].at(-1)).toExponential(0)}.`;
    const ticks = Array.from({ length: high - low + 1 }, (_, i) => low + i).filter((e) => e % 3 === 0);
    drawing.setAttribute("aria-label", `norm of the gradient for a bias of ${bias.toFixed(1)}`);
    drawing.replaceChildren(
      ...ticks.flatMap((e) => [
        svg("line", { x1: MARGIN, x2: WIDE, y1: y(10 ** e), y2: y(10 ** e), class: "live-axis" }),
        svg("text", { x: MARGIN - 26, y: y(10 ** e) + 5 }, `1e${e}`),
      ]),
      ...[1, 10, 20, 30, 40].filter((i) => i <= length).map((i) =>
        svg("text", { x: x(i - 1), y: HIGH - 20 }, String(i))),
      svg("text", { x: (WIDE + MARGIN) / 2, y: HIGH - 3 }, "position of the input"),
      ...lines.map((values) => svg("polyline", { points: points(values), class: "live-others" })),
      svg("polyline", { points: points(lines[chosen]), class: "live-ink live-chosen-line" }),
    );
    numbers.replaceChildren(table("live-look live-narrow", ["position", "norm of the gradient"],
      lines[chosen].map((value, i) => [String(i + 1), value.toExponential(2)])));
  }

  draw();
}
