// Two rows of words, one below the other, and lines between words of the one and the other.

import { svg } from "./elements.mjs";

const [STEP, TALL] = [76, 130]; // pixels between words, and of the drawing

/** Where the middle of a word is. */
export const across = (i) => STEP * (i + 0.5);

/**
 * @param {string[]} above English words
 * @param {string[]} below German words
 * @param {{t: number, s: number, kind?: string, strength?: number, thick?: number}[]} drawn lines from word t
 *   below to word s above: a class beside `live-line`, how strong it is, from 0 to 1, and how
 *   `thick`, in pixels
 */
export function lines(above, below, drawn) {
  const width = STEP * Math.max(above.length, below.length);
  const row = (words, y, lang) => words.map((word, i) => svg("text", { x: across(i), y, lang }, word));
  return svg(
    "svg",
    { width, height: TALL, role: "img", "aria-label": `${above.join(" ")}: ${below.join(" ")}` },
    ...drawn.map(({ t, s, kind = "", strength = 1, thick = 2 }) =>
      svg("line", {
        x1: across(s),
        y1: 28,
        x2: across(t),
        y2: TALL - 32,
        class: `live-line ${kind}`,
        "stroke-opacity": strength.toFixed(3),
        "stroke-width": thick.toFixed(1),
      })),
    ...row(above, 20, "en"),
    ...row(below, TALL - 12, "de"),
  );
}
