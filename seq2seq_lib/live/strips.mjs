// A vector as a strip of bars, up above zero and down below, and the same in words.

import { svg } from "./elements.mjs";

/** @param {number} most the size that is drawn at full height; the vector's own largest */
export function strip(values, most = Math.max(...values.map(Math.abs), 1e-9)) {
  const bars = values.map((v, i) => {
    const height = 8 * Math.min(1, Math.abs(v) / most);
    return svg("rect", { x: 4 * i, y: v < 0 ? 8 : 8 - height, width: 3, height });
  });
  const drawn = { viewBox: `0 0 ${4 * values.length} 16`, preserveAspectRatio: "none" };
  return svg("svg", { ...drawn, class: "live-strip", "aria-hidden": "true" }, ...bars);
}

export function inWords(values) {
  const length = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  return `${values.length} numbers from ${Math.min(...values).toFixed(2)} to ` +
    `${Math.max(...values).toFixed(2)}, length ${length.toFixed(2)}`;
}
