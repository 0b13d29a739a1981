// Guess first: a reader draws a curve, and then sees the measured one and how far apart
// they are. Points are dragged in the picture, or typed in the table beside it.

import { h, svg, unique } from "./elements.mjs";

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [460, 260, 44, 12, 34]; // of the picture
const UNTOUCHED = "Draw your guess first: drag in the picture, or choose the numbers.";

/** How far two curves are apart: on average, and where most. */
export function distance(guess, measured) {
  const apart = guess.map((value, i) => Math.abs(value - measured[i]));
  const mean = apart.reduce((a, b) => a + b, 0) / apart.length;
  return { apart, mean, worst: apart.indexOf(Math.max(...apart)) };
}

/** The colour of a curve is that of its model, if it is of one. */
const lookOf = (name) =>
  (/^fixed/.test(name) ? "live-fixed" : /^additive|attention/.test(name) ? "live-attentive" : "");

export function start(host, data) {
  const { labels, xlabel, ylabel, name, measured, given } = JSON.parse(data.curve);
  const state = { guess: labels.map(() => 50), touched: false, shown: false };
  const truth = measured.map((share) => 100 * share);
  const x = (i) => LEFT + ((i + 0.5) * (WIDTH - LEFT)) / labels.length;
  const y = (value) => TOP + ((100 - value) * (HEIGHT - TOP - BOTTOM)) / 100;
  const id = unique();
  const message = h("p", { className: "live-message live-how", role: "status" }, UNTOUCHED);
  const picture = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    class: "live-sketch",
    role: "img",
    onpointerdown: (event) => {
      picture.setPointerCapture?.(event.pointerId);
      follow(event);
    },
    onpointermove: (event) => event.buttons && follow(event),
  });
  const fields = labels.map((label, i) =>
    h("input", {
      id: `${id}-${i}`,
      type: "number",
      min: 0,
      max: 100,
      value: state.guess[i],
      oninput: (event) => typed(i, event.target),
    }),
  );
  const answers = labels.map(() => [h("td"), h("td")]);
  const button = h("button", { type: "button", onclick: reveal });
  host.replaceChildren(
    h("div", { className: "live-beside" },
      picture,
      h("table", { className: "live-look live-narrow" },
        h("thead", {}, h("tr", {}, ...[xlabel, "your guess, %", "measured", "apart"].map((title) =>
          h("th", { scope: "col" }, title)))),
        h("tbody", {}, ...labels.map((label, i) =>
          h("tr", {},
            h("th", { scope: "row" }, h("label", { htmlFor: `${id}-${i}` }, label)),
            h("td", {}, fields[i]),
            ...answers[i]))))),
    h("p", { className: "live-buttons" }, button),
    message,
  );
  host.classList.add("live");

  function set(i, value) {
    Object.assign(state, { touched: true });
    state.guess[i] = Math.round(Math.max(0, Math.min(100, value)));
    draw();
  }

  function follow(event) {
    if (state.shown) return;
    const box = picture.getBoundingClientRect();
    const across = ((event.clientX - box.left) * WIDTH) / box.width;
    const down = ((event.clientY - box.top) * HEIGHT) / box.height;
    const i = Math.floor(((across - LEFT) * labels.length) / (WIDTH - LEFT));
    if (i < 0 || i >= labels.length) return;
    set(i, 100 - ((down - TOP) * 100) / (HEIGHT - TOP - BOTTOM));
    fields[i].value = state.guess[i];
  }

  function typed(i, field) {
    const value = field.value.trim() === "" ? NaN : Number(field.value);
    if (value >= 0 && value <= 100) set(i, value);
    else message.textContent = `A share is a number from 0 to 100; ${state.guess[i]} is kept.`;
  }

  function reveal() {
    if (!state.touched) return;
    state.shown = !state.shown;
    draw();
    if (state.shown) host.dispatchEvent(new CustomEvent("guessed", { bubbles: true }));
  }

  function line(values, kind) {
    const points = values.map((value, i) => `${x(i)},${y(value)}`).join(" ");
    const mark = (value, i) => svg("circle", { cx: x(i), cy: y(value), r: 5, class: kind });
    return [svg("polyline", { points, class: kind }), ...values.map(mark)];
  }

  function draw() {
    const { apart, mean, worst } = distance(state.guess, truth);
    const others = Object.entries(given).map(([title, shares]) => [title, shares.map((s) => 100 * s)]);
    button.textContent = state.shown ? "guess again" : "I have guessed: show what was measured";
    button.setAttribute("aria-disabled", String(!state.touched));
    fields.forEach((field, i) => {
      field.disabled = state.shown;
      if (document.activeElement !== field) field.value = state.guess[i];
      answers[i][0].textContent = state.shown ? `${truth[i].toFixed(0)}%` : "?";
      answers[i][1].textContent = state.shown ? apart[i].toFixed(0) : "";
    });
    if (state.shown) {
      message.textContent =
        `On average your curve is ${mean.toFixed(0)} points from the measured one; ` +
        `it is furthest, ${apart[worst].toFixed(0)} points, at ${labels[worst]}.`;
    } else if (state.touched) message.textContent = "";
    const guess = state.guess.map((value, i) => `${labels[i]}: ${value}%`).join(", ");
    picture.setAttribute("aria-label", `${ylabel} of ${name}. Your guess: ${guess}`);
    picture.replaceChildren(
      ...[0, 50, 100].flatMap((value) => [
        svg("line", { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value), class: "live-axis" }),
        svg("text", { x: LEFT - 22, y: y(value) + 5 }, `${value}%`),
      ]),
      ...labels.map((label, i) => svg("text", { x: x(i), y: HEIGHT - 12 }, label)),
      ...others.flatMap(([title, values]) => [
        ...line(values, `live-given ${lookOf(title)}`),
        svg("text", { x: x(0), y: y(values[0]) + (values[0] > 85 ? 20 : -10), class: "live-start" }, title),
      ]),
      ...line(state.guess, "live-ink"),
      ...(state.shown ? line(truth, `live-measured ${lookOf(name)}`) : []),
    );
  }

  draw();
}
