// Puts a piece into every place of the page that waits for one (see show.py).
//
// A piece is a module with a function `start(host, data, model)`: where it goes, the data of
// its place, and how to get a trained model by its name.

import { load } from "./model.mjs";

const models = new Map(); // name -> promise; two pieces share what they load
const here = (name) => new URL(name, import.meta.url).href;

function model(name) {
  if (!models.has(name)) {
    models.set(name, load(here(`models/${name}.json`)).catch((error) => {
      models.delete(name); // so that a reader can try again
      throw error;
    }));
  }
  return models.get(name);
}

/** Adds the style sheet, once, and waits until it holds. */
let styled = null;
function style() {
  styled ??= new Promise((resolve) => {
    const link = document.createElement("link");
    const address = here("pieces.css");
    Object.assign(link, { rel: "stylesheet", href: address, onload: resolve, onerror: resolve });
    document.head.append(link);
  });
  return styled;
}

/** Loads what is needed, and replaces what stands there by the living piece. */
export async function start(places = document.querySelectorAll(".live-place")) {
  for (const place of places) {
    if (place.dataset.ready) continue;
    place.dataset.ready = "starting";
    try {
      await style();
      const piece = await import(here(`${place.dataset.piece}.mjs`));
      await piece.start(place, place.dataset, model);
      place.dataset.ready = "true";
    } catch (error) {
      const note = place.querySelector(".live-wait");
      if (note) note.textContent = `This could not be loaded: ${error.message}`;
    }
  }
}
