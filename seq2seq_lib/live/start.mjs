// Puts an explorer into every place of the page that waits for one (see show.py).

import { mount } from "./explorer.mjs";
import { load } from "./model.mjs";

const models = new Map(); // address -> promise; two explorers share what they load

function once(address) {
  if (!models.has(address)) models.set(address, load(address));
  return models.get(address);
}

/** Adds the style sheet, and waits until it holds. */
function style(address) {
  return new Promise((resolve) => {
    const link = document.createElement("link");
    Object.assign(link, { rel: "stylesheet", href: address, onload: resolve, onerror: resolve });
    document.head.append(link);
  });
}

/** Loads what is needed, and replaces the precomputed example by the living one. */
export async function start(places = document.querySelectorAll(".live-place")) {
  if (!places.length) return;
  const here = (name) => new URL(name, import.meta.url).href;
  await style(here("explorer.css"));
  for (const place of places) {
    const names = place.dataset.models.split(" ");
    try {
      const found = await Promise.all(names.map((name) => once(here(`models/${name}.json`))));
      mount(place, found, place.dataset.typed);
      place.dataset.ready = "true";
    } catch (error) {
      const note = place.querySelector(".live-wait");
      if (note) note.textContent = `The models could not be loaded: ${error.message}`;
    }
  }
}
