// A vector as a strip of cells, blue above zero and orange below, and the same in words.

import { svg } from "./elements.mjs";

/** @param {number} most the size that is drawn at full strength; the vector's own largest */
export function strip(values, most = Math.max(...values.map(Math.abs), 1e-9)) {
  const cells = values.map((v, i) =>
    svg("rect", {
      x: 4 * i,
      y: 0,
      width: 4,
      height: 16,
      class: v < 0 ? "live-below" : "live-above",
      "fill-opacity": Math.min(1, Math.abs(v) / most).toFixed(3),
    }));
  const drawn = { viewBox: `0 0 ${4 * values.length} 16`, preserveAspectRatio: "none" };
  return svg("svg", { ...drawn, class: "live-strip", "aria-hidden": "true" }, ...cells);
}

export function inWords(values) {
  const length = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  return `${values.length} numbers from ${Math.min(...values).toFixed(2)} to ` +
    `${Math.max(...values).toFixed(2)}, length ${length.toFixed(2)}`;
}
