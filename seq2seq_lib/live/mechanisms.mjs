// Trained models that differ in how they look, on one number: what each writes, and where
// it looked. The first is there at once; the others are loaded when a reader asks for them.

import { NAMES, answer, judged, nameOf, question } from "./answer.mjs";
import { h, scroll, unique } from "./elements.mjs";
import { heatmap, percent } from "./heatmap.mjs";
import { links } from "./numbers.mjs";

/** Among how many words an even look would be as undecided as these rows are, on average. */
export function shared(rows) {
  const entropy = (row) => row.reduce((sum, w) => sum - (w > 0 ? w * Math.log(w) : 0), 0);
  return Math.exp(rows.reduce((sum, row) => sum + entropy(row), 0) / rows.length);
}

/** The weight on the words that a word comes from, on average over words that come from one. */
export function onGold(rows, gold) {
  const linked = new Set(gold.map(([t]) => t));
  return gold.reduce((sum, [t, s]) => sum + rows[t][s], 0) / linked.size;
}

export async function start(host, data, model) {
  const id = unique();
  const names = data.models.split(" ");
  const loaded = new Map([[names[0], await model(names[0])]]);
  const again = () => {
    slider.value = 0;
    draw();
  };
  const field = h("input", { id, type: "text", value: data.typed, maxLength: 2000, oninput: again });
  Object.assign(field, { autocomplete: "off", spellcheck: false });
  const tick = (name, text) => {
    const box = h("input", { type: "checkbox", value: name, onchange: () => fetched(box) });
    return h("label", { className: "live-tick" }, box, ` ${text}`);
  };
  const slider = h("input", { id: `${id}-step`, type: "range", min: 0, value: 0, oninput: draw });
  const gold = h("input", { type: "checkbox", value: "gold", onchange: draw });
  const message = h("p", { className: "live-message", role: "status" });
  const panels = h("div", { className: "live-panels" });
  host.replaceChildren(
    h("label", { htmlFor: id }, "A number, in digits or in English words"),
    field,
    h("fieldset", { className: "live-choice" },
      h("legend", {}, `Beside ${NAMES[names[0]]} (about 100 kB each, loaded when chosen)`),
      ...names.slice(1).map((name) => tick(name, `${NAMES[name]} (${name})`))),
    h("label", { htmlFor: slider.id }, "Step of the decoder"),
    slider,
    h("label", { className: "live-tick" }, gold, " outline the words that belong together"),
    message,
    panels,
  );
  host.classList.add("live");

  const chosen = () => [...host.querySelectorAll("fieldset input:checked")].map(({ value }) => value);

  /** Loads a model that is wanted for the first time. */
  async function fetched(box) {
    if (box.checked && !loaded.has(box.value)) {
      message.textContent = `${NAMES[box.value]} is being loaded.`;
      try {
        loaded.set(box.value, await model(box.value));
      } catch (error) {
        box.checked = false;
        message.textContent = `${NAMES[box.value]} could not be loaded (${error.message}); try again.`;
        return;
      }
    }
    draw();
  }

  function draw() {
    const { n, words, right, error, note } = question(field.value, loaded.get(names[0]));
    message.textContent = note;
    panels.replaceChildren();
    if (error) return;
    const asked = [names[0], ...chosen()].filter((name) => loaded.has(name)).map((name) => loaded.get(name));
    const translated = asked.map((one) => one.translate(words));
    const last = Math.max(...translated.map(({ steps }) => steps.length)) - 1;
    slider.max = last;
    const t = Math.min(Number(slider.value), last);
    slider.setAttribute("aria-valuetext", `step ${t + 1} of ${last + 1}`);
    const pairs = n === null ? [] : links(n);
    gold.disabled = !pairs.length;
    panels.append(...asked.map((one, i) => panel(one, translated[i], { words, right, pairs, t })));
  }

  /** One model: what it wrote, where it looked at every step, and the chosen step in words. */
  function panel(one, { tokens, steps, finished }, { words, right, pairs, t }) {
    const rows = steps.map(({ weights }) => weights);
    const labels = [...tokens, ...(finished ? ["(end)"] : [])];
    const how = { chosen: t, gold: gold.checked ? pairs : [], choose };
    const best = t < rows.length ? rows[t].indexOf(Math.max(...rows[t])) : -1;
    const part = answer(one, { tokens, finished }, right);
    part.append(
      scroll(`where ${nameOf(one)} looked`, heatmap(words, labels, rows, how)),
      h("p", { className: "live-note" },
        best < 0 ? "It has ended before this step. " : `Step ${t + 1} writes ${labels[t]} and looks most at ` +
          `${words[best]}: ${percent(rows[t][best])}. `,
        `On average a step shares its weight as if among ${shared(rows).toFixed(1)} words` +
          (judged({ tokens, finished }, right) === "right" ? `; ${percent(onGold(rows, pairs))} of it lies where the word comes from.` : ".")),
    );
    return part;

    function choose(step) {
      slider.value = step;
      draw();
    }
  }

  draw();
}
