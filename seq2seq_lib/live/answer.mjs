// What a reader asks of models, and what they answer: a number, and its translation.

import { h } from "./elements.mjs";
import { numberWords, read } from "./numbers.mjs";

export const NAMES = {
  fixed: "fixed context",
  additive: "additive attention",
  dot: "scaled dot product",
  dot_unscaled: "dot product",
  general: "general attention",
};
/** What readers call a model. */
export const nameOf = ({ config }) => NAMES[config.attention] ?? config.attention;

const NEVER_SEEN = (words) =>
  `${words.length === 1 ? "The word" : "The words"} ${words.join(", ")} ` +
  `${words.length === 1 ? "is" : "are"} in no English number.`;

/**
 * What was typed, as a question to models of one vocabulary.
 *
 * @returns {{n: number|null, words: string[], right: string[]|null, error: string, note: string}}
 *   the right answer where there is one; `note` is what a reader has to be told, `error`
 *   why nothing can be translated
 */
export function question(typed, model) {
  const { n, words, error } = read(typed);
  const strange = model.unknown(words);
  const problem = error || (strange.length ? NEVER_SEEN(strange) : "");
  const right = n === null ? null : numberWords(n, "de").map(({ token }) => token);
  const note = right === null ? "No number is written so; they try all the same." : "";
  return { n, words, right, error: problem, note: problem || note };
}

/** Whether an answer is right, in words; nothing where there is no right one. */
export function judged({ tokens, finished }, right) {
  if (right === null) return "";
  const wrong = right.filter((word, t) => word !== tokens[t]).length;
  const extra = Math.max(0, tokens.length - right.length);
  if (!wrong && !extra) return finished ? "right" : "right, but without an end";
  const found = wrong ? [`wrong in ${wrong} of ${right.length} words`] : [];
  return [...found, ...(extra ? [`${extra} too many`] : [])].join(", ");
}

/**
 * What was written, wrong words marked.
 *
 * @param {string[]} tokens
 * @param {string[]|null} right
 * @param {(t: number, properties: object) => HTMLElement} word makes the element of a word
 */
export function sentence(tokens, right, word = (t, properties) => h("span", properties)) {
  const said = tokens.map((token, t) => {
    const wrong = right !== null && token !== right[t];
    const properties = { className: wrong ? "live-word live-wrong" : "live-word" };
    if (wrong) properties.title = `wrong: ${right[t] ?? "the end"} stands here`;
    return word(t, { ...properties, textContent: token });
  });
  const words = said.length ? said.flatMap((one) => [one, " "]) : ["(nothing)"];
  return h("p", { lang: "de", className: "live-said" }, ...words);
}

/** The same below the name of its model, and whether it is right. */
export function answer(model, translated, right, word = undefined) {
  const verdict = judged(translated, right);
  const className = verdict === "right" ? "live-right" : "live-verdict";
  return h(
    "section",
    { className: "live-answer" },
    h("h4", {}, nameOf(model), h("span", { className }, verdict)),
    sentence(translated.tokens, right, word),
  );
}
