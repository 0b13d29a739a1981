// A square of the plane in which one point is moved, with a pointer or with arrow keys.

import { svg } from "./elements.mjs";

const [PLANE, ARROWS] = [300, { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }];

/**
 * @param {number} reach it shows -reach to reach on both axes
 * @param {object} names attributes of the drawing, such as `aria-label`
 * @param {() => number[]} where the point that is moved
 * @param {(point: number[]) => void} move is called with where it should go
 * @returns {{drawing: SVGElement, place: (point: number[]) => number[]}} `place` gives the
 *   pixels of a point
 */
export function plane(reach, names, where, move) {
  const inside = (value) => Math.max(-reach, Math.min(reach, value));
  const go = (x, y) => move([inside(x), inside(y)]);
  function follow(event) {
    const box = drawing.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    go(2 * reach * x - reach, reach - 2 * reach * y);
  }
  const drawing = svg("svg", {
    viewBox: `0 0 ${PLANE} ${PLANE}`,
    class: "live-plane",
    tabindex: 0,
    role: "application",
    ...names,
    onpointerdown: (event) => {
      drawing.setPointerCapture?.(event.pointerId);
      follow(event);
    },
    onpointermove: (event) => event.buttons && follow(event),
    onkeydown: (event) => {
      const by = ARROWS[event.key];
      if (!by) return;
      event.preventDefault();
      const [x, y] = where();
      go(x + by[0] / 4, y + by[1] / 4);
    },
  });
  return { drawing, place: pixels(reach) };
}

/** The pixels of a point in a square that shows -reach to reach. */
export function pixels(reach) {
  const pixel = (value) => (PLANE * value) / (2 * reach);
  return ([x, y]) => [pixel(x + reach), pixel(reach - y)];
}

/** The two axes of such a square. */
export function axes() {
  const middle = PLANE / 2;
  return [
    svg("line", { x1: 0, y1: middle, x2: PLANE, y2: middle, class: "live-axis" }),
    svg("line", { x1: middle, y1: 0, x2: middle, y2: PLANE, class: "live-axis" }),
  ];
}
