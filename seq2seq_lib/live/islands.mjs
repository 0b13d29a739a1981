// A state of two numbers reads letters: every letter throws it onto an island of its own.
// Noise shows how much of the sequence a reader could still tell from the point.

import { h, svg, table, unique } from "./elements.mjs";
import { gru } from "./model.mjs";
import { axes, pixels } from "./plane.mjs";

const [LETTERS, MOST_LETTERS] = ["abc", 8];
const SHAPES = ["circle", "square", "triangle"];

/** The unit of PyTorch's `nn.GRU`, from its weights as nested lists. */
export function unit({ weight_ih, weight_hh, bias_ih, bias_hh }) {
  const layer = (rows, bias) => ({
    weight: { data: rows.flat(), shape: [rows.length, rows[0].length] },
    bias: { data: bias },
  });
  return { input: layer(weight_ih, bias_ih), state: layer(weight_hh, bias_hh) };
}

/** The states after each of some letters, the state of zeros first. */
export function walk(cell, letters) {
  const states = [[0, 0]];
  for (const letter of letters) {
    const x = [...LETTERS].map((one) => Number(one === letter));
    states.push(gru(cell, x, states.at(-1)));
  }
  return states;
}

/** The last state of every sequence of some letters. */
export function cloud(cell, length) {
  let all = [{ name: "", point: [0, 0] }];
  for (let i = 0; i < length; i++) {
    all = all.flatMap(({ name, point }) => [...LETTERS].map((letter, k) =>
      ({ name: name + letter, point: gru(cell, [0, 1, 2].map((j) => Number(j === k)), point) })));
  }
  return all;
}

/** The sequence whose point lies nearest. */
export function nearest(all, [x, y]) {
  const far = ({ point }) => Math.hypot(point[0] - x, point[1] - y);
  return all.reduce((best, one) => (far(one) < far(best) ? one : best)).name;
}

/** A number from the normal distribution. */
function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

export function start(host, data) {
  const cell = unit(JSON.parse(data.weights));
  const id = unique();
  const state = { noise: [normal(), normal()] };
  const clouds = new Map(); // length -> all sequences of that length
  const all = (length) => {
    if (!clouds.has(length)) clouds.set(length, cloud(cell, length));
    return clouds.get(length);
  };
  const field = h("input", { id, type: "text", value: data.typed, maxLength: 200, oninput: draw });
  field.autocomplete = "off";
  field.spellcheck = false;
  const knob = h("input", { id: `${id}-noise`, type: "range", min: 0, max: 0.3, step: 0.005, value: 0, oninput: draw });
  const told = h("span");
  const status = h("p", { className: "live-message", role: "status" });
  const place = pixels(1);
  const drawing = svg("svg", { viewBox: "0 0 300 300", class: "live-square", role: "img" });
  const numbers = h("div");
  const letter = (one) => h("button", { type: "button", onclick: () => write(field.value + one) }, one);
  host.replaceChildren(
    h("label", { htmlFor: id }, "Letters a, b and c, eight at most"),
    field,
    h("p", { className: "live-buttons" },
      ...[...LETTERS].map(letter),
      h("button", { type: "button", onclick: () => write(field.value.slice(0, -1)) }, "take the last away"),
      h("button", { type: "button", onclick: shake }, "other noise")),
    h("label", { htmlFor: knob.id }, "Noise: ", told),
    knob,
    h("div", { className: "live-beside" },
      drawing,
      h("div", {},
        status,
        numbers)),
  );
  host.classList.add("live");

  function write(text) {
    field.value = text.trim().slice(0, MOST_LETTERS);
    draw();
  }

  function shake() {
    state.noise = [normal(), normal()];
    draw();
  }

  /** A point in the colour and shape of a letter. */
  function dot(point, which, size, name) {
    const [x, y] = place(point);
    const drawn = {
      circle: () => svg("circle", { cx: x, cy: y, r: size }),
      square: () => svg("rect", { x: x - size, y: y - size, width: 2 * size, height: 2 * size }),
      triangle: () => svg("path", { d: `M${x} ${y - size}l${size} ${2 * size}h${-2 * size}z` }),
    }[SHAPES[which]]();
    drawn.setAttribute("class", `${name} live-region-${which}`);
    return drawn;
  }

  function draw() {
    const letters = field.value.trim().toLowerCase();
    const sigma = Number(knob.value);
    told.textContent = sigma.toFixed(3);
    const strange = [...letters].find((one) => !LETTERS.includes(one));
    const error = !letters ? "Type a letter: a, b or c."
      : strange ? `It has only ever seen a, b and c, not ${strange}.`
        : letters.length > MOST_LETTERS ? `${MOST_LETTERS} letters are the most; these are ${letters.length}.` : "";
    if (error) {
      status.textContent = error;
      drawing.replaceChildren();
      numbers.replaceChildren();
      drawing.setAttribute("aria-label", "nothing to draw");
      return;
    }
    const path = walk(cell, letters);
    const end = path.at(-1).map((value, i) => value + sigma * state.noise[i]);
    const found = nearest(all(letters.length), end);
    let same = 0;
    while (same < letters.length && found.at(-1 - same) === letters.at(-1 - same)) same++;
    const kept = same === letters.length ? "every letter" : same === 0 ? "not even the last letter"
      : same === 1 ? "only the last letter" : `the last ${same} letters`;
    status.textContent =
      `The last letter threw the state onto the island of ${letters.at(-1)}. Where it is read, ` +
      `the nearest of the ${all(letters.length).length.toLocaleString("en")} possible points is ` +
      `that of ${found}: ${kept} can be told.`;
    const background = all(Math.min(6, Math.max(4, letters.length)));
    const lines = path.slice(1).map((point, i) => {
      const [[x1, y1], [x2, y2]] = [place(path[i]), place(point)];
      return svg("line", { x1, y1, x2, y2, class: "live-jump" });
    });
    const [x, y] = place(end);
    drawing.setAttribute("aria-label", `the path of ${letters} among three islands; the table has its points`);
    drawing.replaceChildren(
      ...axes(),
      ...background.map(({ name, point }) => dot(point, LETTERS.indexOf(name.at(-1)), 1.4, "live-cloud")),
      ...lines,
      ...path.slice(1).map((point, i) => dot(point, LETTERS.indexOf(letters[i]), 5, "live-visited")),
      svg("circle", { cx: x, cy: y, r: 7, class: "live-ring" }),
    );
    numbers.replaceChildren(table("live-look live-narrow", ["read", "first number", "second number"],
      path.slice(1).map((point, i) => [letters.slice(0, i + 1), ...point.map((value) => value.toFixed(3))])));
  }

  draw();
}
