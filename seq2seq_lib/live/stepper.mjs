// The decoder, one step at a time: the state and the word that it reads, the context, the
// new state, the logits, the word. It reads the teacher's words or its own, and a wrong one
// where the reader plants it.

import { h, scroll, unique } from "./elements.mjs";
import { BOS, EOS, SPECIALS, argmax, softmax } from "./model.mjs";
import { numberWords, read } from "./numbers.mjs";
import { inWords, strip } from "./strips.mjs";

const SHOWN = 5; // of the words that could come next
const MOST_STEPS = 60;

/**
 * What happens at every step up to the end.
 *
 * @param {number[]} right the ids of the reference, the end included
 * @param {boolean} teacher whether the words of the reference are read, or the model's own
 * @param {Map<number, number>} planted ids that are read at some steps, whatever was said
 * @returns {{reads: number, says: number, before: number[], step: object}[]}
 */
export function run(model, words, right, teacher, planted) {
  const encoded = model.encode(words);
  const memory = model.memory(encoded);
  const steps = [];
  let [state, said] = [model.initialState(encoded), BOS];
  while (steps.length < MOST_STEPS) {
    const t = steps.length;
    const reads = planted.get(t) ?? (t === 0 ? BOS : teacher ? right[t - 1] : said);
    const step = model.step(reads, state, memory);
    said = argmax(step.logits);
    steps.push({ reads, says: said, before: state, step });
    state = step.state;
    if (teacher ? steps.length === right.length : said === EOS) break;
  }
  return steps;
}

/** A row of the table of vectors. */
function vector(name, values) {
  return h("tr", {},
    h("th", { scope: "row" }, name),
    h("td", {}, strip(values)),
    h("td", {}, inWords(values)));
}

export async function start(host, data, load) {
  const model = await load(data.models);
  const id = unique();
  const state = { t: 0, planted: new Map() };
  const ids = new Map(model.tgt.map((token, i) => [token, i + SPECIALS]));
  const field = h("input", { id, type: "text", value: data.typed, maxLength: 2000, oninput: again });
  field.autocomplete = "off";
  const choice = (value, text) => h("label", { className: "live-tick" },
    h("input", { type: "radio", name: `${id}-reads`, value, checked: value === "own", onchange: draw }), text);
  const plant = h("select", { id: `${id}-plant`, onchange: () => {
    if (plant.value) state.planted.set(state.t, Number(plant.value));
    else state.planted.delete(state.t);
    draw();
  } });
  const status = h("p", { className: "live-message", role: "status" });
  const go = (text, change) => h("button", { type: "button", onclick: () => {
    change();
    draw();
  } }, text);
  const shown = h("div");
  host.replaceChildren(
    h("label", { htmlFor: id }, "A number, in digits or in English words"),
    field,
    h("fieldset", { className: "live-choice" },
      h("legend", {}, "The decoder reads"),
      choice("own", " its own words"),
      choice("teacher", " the teacher's words")),
    h("p", { className: "live-buttons" },
      go("one step", () => state.t++),
      go("one step back", () => state.t--),
      go("from the start", () => (state.t = 0)),
      go("take the mistakes out", () => state.planted.clear())),
    h("label", { htmlFor: `${id}-plant` }, "Let it read another word at this step"),
    plant,
    status,
    shown,
  );
  host.classList.add("live");

  function again() {
    Object.assign(state, { t: 0, planted: new Map() });
    draw();
  }

  function draw() {
    const asked = read(field.value);
    const strange = model.unknown(asked.words);
    const error = asked.error || (strange.length ? `No English number has the word ${strange[0]}.` : "") ||
      (asked.n === null ? "No number is written so; the teacher does not know it either." : "");
    shown.replaceChildren();
    if (error) {
      status.textContent = error;
      return;
    }
    const right = [...numberWords(asked.n, "de").map(({ token }) => ids.get(token)), EOS];
    const teacher = host.querySelector("input[value=teacher]").checked;
    const steps = run(model, asked.words, right, teacher, state.planted);
    state.t = Math.max(0, Math.min(state.t, steps.length - 1));
    const { reads, says, before, step } = steps[state.t];
    plant.replaceChildren(
      h("option", { value: "" }, state.planted.has(state.t) ? "(take this one out)" : "(as it comes)"),
      ...model.tgt.map((token, i) => h("option", { value: i + SPECIALS, lang: "de" }, token)));
    plant.value = String(state.planted.get(state.t) ?? "");
    const wanted = right[state.t] ?? EOS;
    const verdict = says === wanted ? "as the teacher would" : `the teacher says ${model.token(wanted)}`;
    status.textContent = `Step ${state.t + 1} of ${steps.length} reads ${model.token(reads)} and writes ` +
      `${model.token(says)}; ${verdict}.`;
    shown.append(
      scroll("the vectors of this step", h("table", { className: "live-strips" }, h("tbody", {},
        vector("state before", before),
        vector(`word read: ${model.token(reads)}`, model.embed("decoder", reads)),
        vector("context", step.context),
        vector("state after", step.state)))),
      scroll("the words that could come", next(step.logits)),
      scroll("all steps", history(steps, right)),
    );
  }

  /** The most probable words. */
  function next(logits) {
    const probabilities = softmax(logits);
    const best = logits.map((_, i) => i).sort((a, b) => logits[b] - logits[a]).slice(0, SHOWN);
    return h("table", { className: "live-look live-narrow" },
      h("thead", {}, h("tr", {}, ...["next word", "logit", "probability"].map((title) =>
        h("th", { scope: "col" }, title)))),
      h("tbody", {}, ...best.map((i) => {
        const bar = h("span", { className: "live-bar", "aria-hidden": "true" });
        bar.style.setProperty("--share", probabilities[i].toFixed(3));
        return h("tr", {},
          h("th", { scope: "row", lang: "de" }, model.token(i)),
          h("td", {}, logits[i].toFixed(2)),
          h("td", {}, probabilities[i].toFixed(3), bar));
      })));
  }

  /** What was read and written so far, and what the teacher says. */
  function history(steps, right) {
    const row = (title, cells) => h("tr", {}, h("th", { scope: "row" }, title), ...cells);
    const cell = (token, names) => h("td", { lang: "de", className: names.filter(Boolean).join(" ") }, token);
    const here = (t) => t === state.t && "live-here";
    const past = steps.slice(0, state.t + 1);
    return h("table", { className: "live-history" }, h("tbody", {},
      row("reads", past.map(({ reads }, t) =>
        cell(model.token(reads) + (state.planted.has(t) ? " (planted)" : ""),
          [here(t), state.planted.has(t) && "live-wrong"]))),
      row("writes", past.map(({ says }, t) =>
        cell(model.token(says), [here(t), says !== (right[t] ?? EOS) && "live-wrong"]))),
      row("teacher", past.map((_, t) => cell(model.token(right[t] ?? EOS), [here(t)])))));
  }

  draw();
}
