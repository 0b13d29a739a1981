// Keys turn the slides; everything else is left to the browser.
const slides = [...document.querySelectorAll(".slide")];
const onward = ["ArrowRight", "ArrowDown", "PageDown", " "];
const back = ["ArrowLeft", "ArrowUp", "PageUp"];

function shown() {
  const at = slides.findIndex((slide) => slide.getBoundingClientRect().bottom > 2);
  return Math.max(at, 0);
}

addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === " " && event.target.closest?.("a, button")) return;
  let to = null;
  if (onward.includes(event.key)) to = shown() + 1;
  else if (back.includes(event.key)) to = shown() - 1;
  else if (event.key === "Home") to = 0;
  else if (event.key === "End") to = slides.length - 1;
  if (to === null) return;
  event.preventDefault();
  slides[Math.min(Math.max(to, 0), slides.length - 1)].scrollIntoView();
});
