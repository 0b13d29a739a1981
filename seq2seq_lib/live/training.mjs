// A model while it trains, at moments that were stored: its weights, its loss, what it
// writes. One goes through the moments with a slider, or lets them pass and stops them.

import { judged, sentence } from "./answer.mjs";
import { h, scroll, unique } from "./elements.mjs";
import { heatmap, paint } from "./heatmap.mjs";
import { lines } from "./lines.mjs";
import { links, numberWords } from "./numbers.mjs";

const PACE = { usual: 1000, calm: 2500 }; // milliseconds between two moments
const MORE = 2; // words beyond the right ones that are shown
const THIN = 0.03; // a smaller weight has no line

/** An answer without what comes long after its end should have come. */
const shortened = (tokens, length) =>
  tokens.length > length + MORE ? [...tokens.slice(0, length + MORE), "…"] : tokens;

const inShort = (loss) => String(Number(loss.toPrecision(3)));

export function start(host, data) {
  const moments = JSON.parse(data.moments);
  const id = unique();
  const last = moments.length - 1;
  let [timer, table] = [null, null];
  const select = h("select", { id, onchange: () => { build(); draw(); } },
    ...Object.keys(moments[0].weights).map((n) =>
      h("option", { value: n }, Number(n).toLocaleString("en"))));
  select.value = data.number;
  const told = h("span");
  const slider = h("input", { id: `${id}-at`, type: "range", min: 0, max: last, value: 0, oninput: stop });
  const play = h("button", { type: "button", onclick: () => (timer === null ? go() : stop()) });
  const gold = h("input", { type: "checkbox", onchange: () => { build(); draw(); } });
  const message = h("p", { className: "live-message", role: "status" });
  const said = h("div");
  const [map, drawing] = [scroll("the weights"), scroll("the weights as lines")];
  const rows = h("tbody");
  host.replaceChildren(
    h("div", { className: "live-knobs" },
      h("div", {}, h("label", { htmlFor: id }, "Number"), select),
      h("div", {}, h("label", { htmlFor: slider.id }, "Updates so far: ", told), slider),
      h("p", { className: "live-buttons" }, play)),
    h("label", { className: "live-tick" }, gold, " outline the words that belong together"),
    message,
    said,
    map,
    drawing,
    h("details", {}, h("summary", {}, "All moments as a table"),
      scroll("all moments", h("table", { className: "live-look live-narrow" },
        h("thead", {}, h("tr", {}, ...["updates", "loss", "what it writes", ""].map((title) =>
          h("th", { scope: "col" }, title)))),
        rows))),
  );
  host.classList.add("live", "live-watched");

  /** Lets the moments pass, from the beginning if the last one is shown. */
  function go() {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (Number(slider.value) === last) slider.value = 0;
    message.ariaLive = "off"; // a voice could not keep up
    timer = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      if (Number(slider.value) === last || !host.isConnected) stop();
      else draw();
    }, calm ? PACE.calm : PACE.usual);
    draw();
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    message.ariaLive = "polite";
    draw();
  }

  const wordsOf = (code) => numberWords(Number(select.value), code).map(({ token }) => token);
  const wrote = (moment) => ({ tokens: moment.said[select.value], finished: true });

  /** What a number fixes: the words around the table, and the table of all moments. */
  function build() {
    const right = wordsOf("de");
    const how = { gold: gold.checked ? links(Number(select.value)) : [] };
    table = heatmap(wordsOf("en"), [...right, "(end)"], moments[0].weights[select.value], how);
    map.replaceChildren(table);
    rows.replaceChildren(...moments.map((moment) =>
      h("tr", {},
        h("th", { scope: "row" }, String(moment.update)),
        h("td", {}, inShort(moment.valid_loss)),
        h("td", { lang: "de" }, shortened(wrote(moment).tokens, right.length).join(" ") || "(nothing)"),
        h("td", {}, judged(wrote(moment), right)))));
  }

  function draw() {
    const moment = moments[Number(slider.value)];
    const [right, weights] = [wordsOf("de"), moment.weights[select.value]];
    const updates = `${moment.update.toLocaleString("en")} updates`;
    play.textContent = timer === null ? "play" : "pause";
    told.textContent = moment.update.toLocaleString("en");
    slider.setAttribute("aria-valuetext", updates);
    message.textContent =
      `After ${updates} the loss is ${inShort(moment.valid_loss)} nats per token. ` +
      `What it writes on its own is ${judged(wrote(moment), right)}.`;
    said.replaceChildren(sentence(shortened(wrote(moment).tokens, right.length), right));
    paint(table, weights);
    const drawn = right.flatMap((_, t) => weights[t].map((strength, s) => ({ t, s, strength, kind: "live-look" })));
    drawing.replaceChildren(lines(wordsOf("en"), right, drawn.filter(({ strength }) => strength > THIN)));
  }

  build();
  draw();
}
