// The attention explorer: type a number, and models translate it as you type; choose a
// word, see what it looked at and why; change the weights, and see the rest change.
//
// Plain elements, no framework. What it shows is in tables and buttons, so that a keyboard
// and a screen reader reach all of it; colours only repeat what the numbers say.

import { answer, question } from "./answer.mjs";
import { h, scroll, table, unique } from "./elements.mjs";
import { heatmap, percent, setOff } from "./heatmap.mjs";
import { across, lines } from "./lines.mjs";
import { links } from "./numbers.mjs";
import { inWords, strip } from "./strips.mjs";

const COLUMNS = ["word", "score", "its own weight", "used, in percent", "weight × state"];
const THIN = 0.02; // a smaller weight has no line
const BESIDE = { ArrowLeft: -1, ArrowRight: 1 };

/** What start.mjs calls: `data.models` names the models, the first one can be looked into. */
export async function start(host, data, model) {
  mount(host, await Promise.all(data.models.split(" ").map(model)), data.typed);
}

/**
 * Puts an explorer into an element.
 *
 * @param {HTMLElement} host what is replaced
 * @param {Model[]} models the one whose weights are shown comes first
 * @param {string} typed what stands in the field at first
 */
export function mount(host, models, typed) {
  const id = unique();
  const state = { step: 0, edits: new Map(), frozen: null, gold: false, open: false };
  const field = h("input", {
    id,
    type: "text",
    value: typed,
    maxLength: 2000,
    autocomplete: "off",
    spellcheck: false,
    oninput: () => {
      Object.assign(state, { step: 0, frozen: null });
      state.edits.clear();
      draw();
    },
  });
  const message = h("p", { className: "live-message", role: "status" });
  const answers = h("div", { className: "live-answers" });
  const drawing = scroll("the words, and links as thick as the weights");
  const inside = h("div", { className: "live-inside" });
  let shown = null; // the words of the source, what was written, and the weights
  host.replaceChildren(
    h("label", { htmlFor: id }, "A number, in digits or in English words"),
    field,
    message,
    answers,
    inside,
  );
  host.classList.add("live");

  /** The weights that a reader wants at a step in place of the model's own, or null. */
  function edit(t, own) {
    if (state.edits.has(t)) return state.edits.get(t);
    if (state.frozen !== null && t > state.frozen) {
      return state.edits.get(state.frozen) ?? state.frozenWeights;
    }
    if (t === state.frozen) state.frozenWeights = own();
    return null;
  }

  function draw() {
    const { n, words, right, error, note } = question(field.value, models[0]);
    message.textContent = note;
    if (error) {
      for (const part of [answers, drawing, inside]) part.replaceChildren();
      return;
    }
    const translated = models.map((model, i) =>
      model.translate(words, i === 0 ? edit : () => null),
    );
    const last = translated[0].steps.length - 1;
    state.step = Math.min(state.step, last);
    answers.replaceChildren(
      ...models.map((model, i) =>
        answer(model, translated[i], right, i === 0 ? chooser : undefined)),
    );
    const { tokens, steps, finished } = translated[0];
    const labels = [...tokens, ...(finished ? ["(end)"] : [])];
    shown = { words, labels, weights: steps.map(({ weights }) => weights) };
    inside.replaceChildren(
      h("p", { className: "live-how" }, "Point at a word that the first wrote, or move over its words with the arrow keys: " +
        "the thicker a line, the more it looked there. Choose one to see why."),
      drawing,
      looked(n === null ? [] : links(n)),
      look(words, translated[0]),
    );
    point(-1);
  }

  /** Shows where a step looked: its links, and its row; -1 is the chosen step again. */
  function point(t) {
    if (!shown?.weights.length) return;
    const at = t < 0 ? state.step : Math.min(t, shown.labels.length - 1);
    const all = shown.weights.flatMap((row, i) => row.map((weight, s) => ({ t: i, s, weight })));
    drawing.replaceChildren(lines(shown.words, shown.labels, all
      .filter(({ weight }) => weight > THIN)
      .sort((a, b) => (a.t === at) - (b.t === at)) // those of the step lie above
      .map(({ t: i, s, weight }) => (i === at
        ? { t: i, s, kind: "live-look live-pointed", thick: 1 + 7 * weight }
        : { t: i, s, kind: "live-look", strength: 0.3 * weight }))));
    requestAnimationFrame(() => (drawing.scrollLeft = across(at) - drawing.clientWidth / 2));
    setOff(host, t);
  }

  /** Redraw, and give the focus back to the control that had it. */
  function redraw(change) {
    const held = document.activeElement?.dataset?.control;
    change();
    draw();
    if (held) host.querySelector(`[data-control="${held}"]`)?.focus();
  }

  const choose = (t) => redraw(() => (state.step = t));

  /** A word that was written, as a button that shows where its step looked, and chooses it. */
  function chooser(t, properties) {
    const beside = ({ key }) =>
      host.querySelector(`[data-control="word-${t + BESIDE[key]}"]`)?.focus();
    return h("button", {
      ...properties,
      type: "button",
      "aria-pressed": String(t === state.step),
      "data-control": `word-${t}`,
      onclick: () => choose(t),
      onkeydown: beside,
      onmouseenter: () => point(t),
      onfocus: () => point(t),
      onmouseleave: () => point(-1),
      onblur: () => point(-1),
    });
  }

  /** One step in three stages, and the controls that change it. */
  function look(words, { tokens, steps, finished }) {
    const t = state.step;
    const step = steps[t];
    const writes = t < tokens.length ? tokens[t] : finished ? "the end" : "nothing";
    const slider = h("input", {
      type: "range",
      min: 0,
      max: steps.length - 1,
      value: t,
      "aria-label": "step of the decoder",
      "aria-valuetext": `step ${t + 1}, writes ${writes}`,
      "data-control": "step",
      oninput: (event) => choose(Number(event.target.value)),
    });
    const { values: states } = models[0].memory(models[0].encode(words));
    const most = Math.max(...step.scores.map(Math.abs), 1e-9);
    const changed = state.edits.size || (state.frozen !== null && t > state.frozen);
    const note = h("p", { className: "live-note", role: "status" }, changed
      ? "Some weights are yours now; the words after them are what the model makes of it."
      : "");
    const stages = table("live-look", COLUMNS, words.map((word, s) => [
      word,
      h("td", {}, step.scores[s].toFixed(1), bar(step.scores[s] / most, "score")),
      h("td", {}, percent(step.own[s]), bar(step.own[s], "weight")),
      weightOf(words, step, s, note),
      h("td", {}, strip(states[s].map((v) => step.weights[s] * v), 1)),
    ]));
    stages.append(h("tfoot", {}, h("tr", {},
      h("th", { scope: "row" }, "sum"),
      h("td", { colSpan: 3 }, `the context: ${inWords(step.context)}`),
      h("td", {}, strip(step.context, 1)))));
    const evenly = words.map(() => 1 / words.length);
    return h("details", { open: state.open, ontoggle: (event) => (state.open = event.target.open) },
      h("summary", { "data-control": "details" },
        `Step ${t + 1} writes `,
        h("span", { lang: "de" }, writes),
        ". Why, and what if it had looked elsewhere?"),
      h("p", { className: "live-step" }, slider),
      h("p", { className: "live-how" }, "Scores become weights; the context is the sum of the " +
        "states, each times its weight. Move a weight, and the others make room."),
      scroll("scores, weights and their sum", stages),
      h("p", { className: "live-buttons" },
        button("even", "look everywhere equally", () => state.edits.set(t, evenly)),
        button("shuffle", "shuffle the weights", () => state.edits.set(t, shuffled(step.weights))),
        button("freeze", state.frozen === null ? "freeze from here on" : "let go again", () =>
          (state.frozen = state.frozen === null ? t : null)),
        button("everywhere", "look equally at every step: one context for all", () => {
          for (let i = 0; i < 100; i++) state.edits.set(i, evenly);
        }),
        button("own", "give back its own weights", () => {
          state.edits.clear();
          state.frozen = null;
        })),
      note);
  }

  function button(control, text, change) {
    return h("button", { type: "button", "data-control": control, onclick: () => redraw(change) }, text);
  }

  /** The weight of one word at the chosen step: a slider, and a field with the same value. */
  function weightOf(words, step, s, note) {
    const name = `weight of ${words[s]}, word ${s + 1}`;
    const value = Math.round(100 * step.weights[s]);
    const use = (weight) => redraw(() => state.edits.set(state.step, moved(step.weights, s, weight)));
    const typed = ({ target }) => {
      const wanted = target.value.trim() === "" ? NaN : Number(target.value);
      if (wanted >= 0 && wanted <= 100) use(wanted / 100);
      else note.textContent = `A weight is a number from 0 to 100; ${value} is kept.`;
    };
    const slider = { type: "range", min: 0, max: 1, step: 0.01, value: step.weights[s] };
    const field = { type: "number", min: 0, max: 100, value };
    return h("td", {},
      h("input", {
        ...slider,
        "aria-label": name,
        "aria-valuetext": percent(step.weights[s]),
        "data-control": `weight-${s}`,
        oninput: ({ target }) => use(target.value),
      }),
      " ",
      h("input", {
        ...field,
        "aria-label": `${name}, in percent`,
        "data-control": `percent-${s}`,
        oninput: typed,
      }));
  }

  /** The heatmap, and what outlines the right places in it. */
  function looked(gold) {
    const { words, labels, weights } = shown;
    const how = { chosen: state.step, gold: state.gold ? gold : [], choose, point };
    const tick = h("input", {
      type: "checkbox",
      checked: state.gold,
      disabled: !gold.length,
      "data-control": "gold",
      onchange: (event) => redraw(() => (state.gold = event.target.checked)),
    });
    return h("div", {},
      h("p", {}, "The same in percent of its weight, a row for each word that it wrote:"),
      scroll("where the first looked", heatmap(words, labels, weights, how)),
      h("label", { className: "live-tick" }, tick, " outline the words that belong together"));
  }

  draw();
}

/** A bar as long as a share of its cell; hollow below zero. */
function bar(share, kind) {
  const names = `live-bar live-${kind}${share < 0 ? " live-negative" : ""}`;
  const drawn = h("span", { className: names, "aria-hidden": "true" });
  drawn.style.setProperty("--share", Math.min(1, Math.abs(share)).toFixed(3));
  return drawn;
}

/** Weights with one of them moved; the others keep their proportions, and all sum to 1. */
export function moved(weights, at, value) {
  const wanted = Math.min(1, Math.max(0, Number(value)));
  const others = weights.reduce((sum, w, s) => sum + (s === at ? 0 : w), 0);
  return weights.map((w, s) => {
    if (s === at) return weights.length === 1 ? 1 : wanted;
    return others > 0 ? (w / others) * (1 - wanted) : (1 - wanted) / (weights.length - 1);
  });
}

/** The same weights in another order. */
export function shuffled(weights, random = Math.random) {
  const mixed = [...weights];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [mixed[i], mixed[j]] = [mixed[j], mixed[i]];
  }
  return mixed;
}
