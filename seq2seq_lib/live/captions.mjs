// A reader's own English sentence, translated by two translators that were trained on captions.

import { h, scroll, unique } from "./elements.mjs";
import { NAMES } from "./answer.mjs";
import { heatmap } from "./heatmap.mjs";
import { fetchTranslator, prepare } from "./translator.mjs";

const LONGEST = 40; // words

/** What has to be told before a sentence can be translated; nothing, if it can. */
export function refused(text) {
  const words = prepare(text, false).split(" ").filter(Boolean);
  if (!words.length) return "Type an English sentence, such as one that tells what a picture shows.";
  if (words.length > LONGEST) {
    return `This has ${words.length} words; the captions that they learned from have about 12. Keep to ${LONGEST}.`;
  }
  return "";
}

/** What a reader has to know of a sentence that was translated all the same. */
export function noted(pieces) {
  const unknown = pieces.filter((piece) => piece === "<unk>").length;
  if (!unknown) return "";
  return `${unknown === 1 ? "One character is" : `${unknown} characters are`} unknown to them.`;
}

export function start(host, data) {
  const { models, sizes, first } = JSON.parse(data.translators);
  const id = unique();
  const translators = new Map();
  const still = [...host.childNodes]; // a translation that was made beforehand
  const box = h("input", { id, type: "text", value: first, maxLength: 600, autocomplete: "off", onkeydown: enter });
  const megabytes = (sizes.reduce((a, b) => a + b, 0) / 1e6).toFixed(1);
  const button = h("button", { type: "button", onclick: go }, `load both translators (${megabytes} MB) and translate`);
  const status = h("p", { className: "live-message", role: "status" });
  const shown = h("div", { className: "live-translated" }, ...still);
  host.replaceChildren(
    h("label", { htmlFor: id }, "Your sentence"), box,
    h("p", { className: "live-buttons" }, button),
    status, shown);
  host.classList.add("live");

  function enter(event) {
    if (event.key === "Enter") go();
  }

  async function go() {
    status.textContent = refused(box.value);
    if (status.textContent) return;
    button.disabled = true;
    try {
      for (const name of models.filter((each) => !translators.has(each))) {
        status.textContent = `Loading the ${NAMES[name]} ...`;
        const folder = new URL(`translators/${name}`, import.meta.url).href;
        translators.set(name, await fetchTranslator(folder));
      }
      button.textContent = "translate";
      const answers = models.map((name) => [name, translators.get(name).translate(box.value)]);
      status.textContent = noted(answers[0][1].pieces) || "Both have translated it.";
      shown.replaceChildren(...answers.map(answer));
    } catch (error) {
      status.textContent = `The translators could not be loaded (${error.message}); try again later.`;
    }
    button.disabled = false;
  }

  /** What one translator says, and where it looked, if it did. */
  function answer([name, { text, pieces, tokens, steps, finished }]) {
    const said = h("p", { className: "live-said", lang: "de" }, text || "(nothing)", finished ? "" : " ...");
    const looks = steps[0].weights.length === 1 && pieces.length > 1 ? [] : [
      h("details", {}, h("summary", {}, "Where it looked"),
        scroll("weights of every step, in percent",
          heatmap(pieces, [...tokens, "(end)"].slice(0, steps.length), steps.map(({ weights }) => weights), {}))),
    ];
    return h("section", { className: "live-answer" }, h("h4", {}, NAMES[name]), said, ...looks);
  }
}
