// One run of each arm: what one seed measured, as lines and as a table.

import { h, scroll, svg, table } from "./elements.mjs";

const RUN = { wide: 460, high: 200, left: 52, foot: 44 }; // the drawing
const RUN_LOOKS = { fixed: "live-fixed", additive: "live-attentive" };

/** A drawing and a table of one seed; an arm without this seed shows the only one it has. */
export function drawRun({ x, y, log, names, arms }, seed) {
  const { wide, high, left, foot } = RUN;
  const rows = Object.entries(arms).map(([arm, seeds]) => [arm, seeds[seed] ?? Object.values(seeds)[0]]);
  const scale = (value) => (log ? Math.log2(value) : value);
  const every = rows.flatMap(([, values]) => values).filter((value) => value !== null);
  const most = Math.max(...every, log ? 1 : 0);
  const least = log ? Math.min(...every) : Math.min(0, ...every);
  const across = (i) => left + 20 + (i * (wide - left - 40)) / Math.max(1, names.length - 1);
  const down = (value) => 16 + ((scale(most) - scale(value)) * (high - foot - 16)) / (scale(most) - scale(least) || 1);
  const digits = log || most > 10 ? 0 : 2;
  const points = (values) =>
    values.flatMap((value, i) => (value === null ? [] : [`${across(i)},${down(value)}`])).join(" ");
  const kinds = rows.map(([arm]) => arm.split(",")[0]);
  const dashed = (i) => (kinds.indexOf(kinds[i]) < i ? "6 4" : "none"); // the second of a kind
  const drawing = svg("svg", { viewBox: `0 0 ${wide} ${high}`, class: "live-sketch", role: "img", "aria-label": `${y} of seed ${seed}` },
    svg("text", { x: 2, y: 12, class: "live-start" }, log ? `${y} (log scale)` : y),
    ...[least, most].flatMap((value) => [
      svg("line", { x1: left, x2: wide, y1: down(value), y2: down(value), class: "live-axis" }),
      svg("text", { x: left - 24, y: down(value) + 16 }, value.toFixed(digits))]),
    ...names.map((name, i) => svg("text", { x: across(i), y: high - 22 }, name)),
    svg("text", { x: (wide + left) / 2, y: high - 5 }, x),
    ...rows.map(([, values], i) => svg("polyline", {
      points: points(values), class: RUN_LOOKS[kinds[i]] ?? "live-others", "stroke-dasharray": dashed(i),
    })));
  const cells = rows.map(([arm, values]) =>
    [arm, ...values.map((value) => (value === null ? "never" : value.toFixed(digits)))]);
  return h("div", { className: "live-run" }, drawing,
    scroll(`${y} of seed ${seed}`, table("live-look live-narrow", [y, ...names], cells)));
}
