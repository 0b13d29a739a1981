// A number in English and in German, with a line between words that belong together.

import { h, scroll, unique } from "./elements.mjs";
import { lines } from "./lines.mjs";
import { LARGEST, links, numberWords, read } from "./numbers.mjs";

/** Whether a link crosses another one. */
export function crosses([t, s], all) {
  return all.some(([i, j]) => (t - i) * (s - j) < 0);
}

export function start(host, { typed }) {
  const id = unique();
  const drawing = scroll("words and the lines between them");
  const message = h("p", { className: "live-message", role: "status" });
  const field = h("input", { id, type: "text", value: typed, maxLength: 2000, oninput: draw });
  field.autocomplete = "off";
  host.replaceChildren(
    h("label", { htmlFor: id }, "A number, in digits or in English words"),
    field,
    h("p", { className: "live-buttons" }, h("button", { type: "button", onclick: any }, "any number")),
    message,
    drawing,
  );
  host.classList.add("live");

  function any() {
    const digits = 1 + Math.floor(Math.random() * 9);
    field.value = String(1 + Math.floor(Math.random() * Math.min(LARGEST, 10 ** digits - 1)));
    draw();
  }

  function draw() {
    const { n, error } = read(field.value);
    if (n === null) {
      message.textContent = error || "No number is written so.";
      drawing.replaceChildren();
      return;
    }
    const sides = ["en", "de"].map((code) => numberWords(n, code).map(({ token }) => token));
    const all = links(n);
    const crossing = all.filter((link) => crosses(link, all)).length;
    const count = all.length === 1 ? "1 line" : `${all.length} lines`;
    message.textContent =
      `${sides[0].length} English words, ${sides[1].length} German ones; ${count}, ` +
      (crossing ? `of which ${crossing} cross others.` : "and none crosses another.");
    drawing.replaceChildren(
      lines(...sides, all.map(([t, s]) => ({ t, s, kind: crosses([t, s], all) ? "live-crossing" : "" }))),
    );
  }

  draw();
}
