// A batch that one edits: sentences become a rectangle, with a mask, and what packing keeps.

import { h, scroll, unique } from "./elements.mjs";

const MOST = { sentences: 8, tokens: 12 };

/** The rectangle of some sentences: its rows, padded, and what is real. */
export function collate(sentences) {
  const longest = Math.max(...sentences.map((tokens) => tokens.length));
  const rows = sentences.map((tokens) => [
    ...tokens,
    ...new Array(longest - tokens.length).fill("<pad>"),
  ]);
  const real = sentences.reduce((sum, tokens) => sum + tokens.length, 0);
  // Packed, step t reads the rows that still have a token there.
  const sizes = Array.from({ length: longest }, (_, t) =>
    sentences.filter((tokens) => tokens.length > t).length);
  return { rows, longest, real, padding: longest * sentences.length - real, sizes };
}

export function start(host, data) {
  const id = unique();
  const message = h("p", { className: "live-message", role: "status" });
  const shown = scroll("the batch as a rectangle");
  const field = h("textarea", { id, rows: 4, value: JSON.parse(data.sentences).join("\n") });
  Object.assign(field, { maxLength: 2000, spellcheck: false, oninput: draw });
  host.replaceChildren(
    h("label", { htmlFor: id }, "Sentences, one on each line"),
    field,
    message,
    shown,
  );
  host.classList.add("live");

  function draw() {
    const given = field.value.split("\n").map((line) => line.trim().split(/\s+/).filter(Boolean));
    const sentences = given.filter((tokens) => tokens.length);
    shown.replaceChildren();
    if (!sentences.length) {
      message.textContent = "Every row of a batch needs at least one token.";
      return;
    }
    if (sentences.length > MOST.sentences || sentences.some((t) => t.length > MOST.tokens)) {
      message.textContent =
        `${MOST.sentences} sentences of ${MOST.tokens} tokens are the most that fit here.`;
      return;
    }
    const { rows, real, padding, sizes } = collate(sentences);
    message.textContent =
      `${real} real tokens and ${padding} of padding: ` +
      `${Math.round((100 * padding) / (real + padding))}% of the rectangle is waste.`;
    shown.append(
      h("table", { className: "live-batch" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "row"),
          ...rows[0].map((_, t) => h("th", { scope: "col" }, String(t))),
          h("th", { scope: "col" }, "length"))),
        h("tbody", {},
          ...rows.map((row, i) =>
            h("tr", {}, h("th", { scope: "row" }, String(i)),
              ...row.map((token, t) =>
                h("td", { className: t < sentences[i].length ? "live-real" : "live-pad",
                  title: t < sentences[i].length ? "mask: True" : "mask: False" }, token)),
              h("td", {}, String(sentences[i].length)))),
          h("tr", {}, h("th", { scope: "row" }, "packed"),
            ...sizes.map((size) => h("td", {}, size === 1 ? "1 row" : `${size} rows`)), h("td", {})))),
    );
  }

  draw();
}
