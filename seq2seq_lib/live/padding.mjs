// One sentence, and columns of padding that a slider adds behind it: how far the context of
// each reader moves, and what the model then says. All values were computed before.

import { h, scroll, svg, table, unique } from "./elements.mjs";

const [WIDE, HIGH, LEFT, RIGHT, TOP, FOOT] = [400, 230, 34, 96, 24, 40]; // of the drawing
const LINE = 15; // pixels between two labels

/** Heights of labels that are at least so far apart: each where it wants to be, or above. */
export function apart(heights, least) {
  const order = heights.map((_, i) => i).sort((a, b) => heights[b] - heights[a]);
  const placed = [...heights];
  order.forEach((i, rank) => {
    if (rank) placed[i] = Math.min(placed[i], placed[order[rank - 1]] - least);
  });
  return placed;
}

export function start(host, data) {
  const sentences = JSON.parse(data.sentences);
  const id = unique();
  const choice = h("select", { id: `${id}-sentence`, onchange: draw },
    ...sentences.map(({ source }, i) => h("option", { value: i }, source)));
  const told = h("span");
  const most = Object.values(sentences[0].readers)[0].moved.length - 1;
  const knob = h("input", { id, type: "range", min: 0, max: most, value: 0, oninput: draw });
  const message = h("p", { className: "live-message", role: "status" });
  const row = scroll("the row of the batch");
  const drawing = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "live-sketch", role: "img" });
  const answers = scroll("what each reader makes of it");
  host.replaceChildren(
    h("label", { htmlFor: choice.id }, "Sentence"), choice,
    h("label", { htmlFor: id }, "Columns of padding behind it: ", told), knob,
    row, message, drawing, answers);
  host.classList.add("live");

  const top = Math.max(1, ...sentences.flatMap(({ readers }) =>
    Object.values(readers).flatMap(({ moved }) => moved)));
  const x = (columns) => LEFT + (columns * (WIDE - LEFT - RIGHT)) / most;
  const y = (value) => TOP + ((top - value) * (HIGH - FOOT - TOP)) / top;

  function draw() {
    const { source, reference, readers } = sentences[Number(choice.value)];
    const columns = Number(knob.value);
    const names = Object.keys(readers);
    const now = names.map((name) => ({ moved: readers[name].moved[columns], said: readers[name].said[columns] }));
    const right = now.filter(({ said }) => said === reference).length;
    told.textContent = columns;
    const words = source.split(" ");
    const cells = words.length === 1 ? "1 word" : `${words.length} words`;
    message.textContent = `${cells} and ${columns} of padding. The context has moved: ` +
      now.map(({ moved }, i) => `${names[i]} ${moved.toFixed(2)}`).join(", ") +
      `. ${right} of ${names.length} answers are right.`;
    const padded = [...words, ...Array.from({ length: columns }, () => "<pad>")];
    row.replaceChildren(h("table", { className: "live-batch" }, h("tbody", {}, h("tr", {},
      ...padded.map((token, i) => h("td", { className: i < words.length ? "live-real" : "live-pad" }, token))))));
    lines(names, readers, columns);
    answers.replaceChildren(table("live-look live-narrow", ["reader", "moved", "answer", "says"],
      names.map((name, i) => {
        const { moved, said } = now[i];
        return [name, moved.toFixed(2), said === reference ? "right" : "wrong", h("td", { lang: "de" }, said)];
      })));
  }

  function lines(names, readers, columns) {
    const points = (values) => values.map((value, i) => `${x(i)},${y(value)}`).join(" ");
    const ends = apart(names.map((name) => y(readers[name].moved.at(-1))), LINE);
    drawing.setAttribute("aria-label", "how far the context has moved, against the columns of padding; the table has the numbers");
    drawing.replaceChildren(
      ...[0, 0.5, 1].flatMap((value) => [
        svg("line", { x1: LEFT, x2: x(most), y1: y(value), y2: y(value), class: "live-axis" }),
        svg("text", { x: LEFT - 16, y: y(value) + 5 }, value),
      ]),
      svg("line", { x1: x(columns), x2: x(columns), y1: TOP, y2: y(0), class: "live-line", "stroke-width": 2 }),
      ...[0, 4, 8, 12].filter((i) => i <= most).map((i) => svg("text", { x: x(i), y: HIGH - 22 }, i)),
      svg("text", { x: x(most / 2), y: HIGH - 4 }, "columns of padding"),
      svg("text", { x: 0, y: 12, class: "live-start" }, "how far the context has moved (1 = its own size)"),
      ...names.flatMap((name, i) => {
        const { moved } = readers[name];
        return [
          svg("polyline", { points: points(moved), class: "live-given" }),
          svg("circle", { cx: x(columns), cy: y(moved[columns]), r: 4, class: "live-ink" }),
          svg("text", { x: x(most) + 8, y: ends[i] + 4, class: "live-start" }, name),
        ];
      }),
    );
  }

  draw();
}
