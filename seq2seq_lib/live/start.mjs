// Puts a piece into every place of the page that waits for one (see show.py).
//
// A piece is a module with a function `start(host, data, model)`: where it goes, the data of
// its place, and how to get a trained model by its name.

import { load } from "./model.mjs";

const models = new Map(); // name -> promise; two pieces share what they load
const CONTROLS = "input, select, textarea, button, [tabindex]";
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
async function begin(place) {
  if (["starting", "true"].includes(place.dataset.ready)) return;
  place.dataset.ready = "starting";
  try {
    await style();
    const piece = await import(here(`${place.dataset.piece}.mjs`));
    await piece.start(place, place.dataset, model);
    place.dataset.ready = "true";
    const reached = document.activeElement === place;
    place.removeAttribute("tabindex");
    if (reached) place.querySelector(CONTROLS)?.focus();
  } catch (error) {
    place.dataset.ready = "failed";
    const note = place.querySelector(".live-wait");
    if (note) note.textContent = `This could not be loaded: ${error.message}`;
  }
}

/** Begins when a place comes near the window, or when a keyboard reaches it. */
function later(place) {
  if (place.dataset.ready) return; // every place of a page asks for all of them
  place.dataset.ready = "waiting";
  place.tabIndex = 0;
  place.addEventListener("focus", () => begin(place));
  const near = new IntersectionObserver((seen) => {
    if (!seen.some(({ isIntersecting }) => isIntersecting)) return;
    near.disconnect();
    begin(place);
  }, { rootMargin: "50% 0px" });
  near.observe(place);
}

/** Pieces with trained models wait until a reader comes near; the others are light. */
export async function start(places = document.querySelectorAll(".live-place")) {
  for (const place of places) {
    if (place.dataset.models && !("now" in place.dataset)) later(place);
    else await begin(place);
  }
}
