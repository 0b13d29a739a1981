// What is wider than its frame says so, and can be reached and moved with the keyboard.
// Without JavaScript it scrolls all the same.
(() => {
  const FRAMES = ".pst-scrollable-table-container, .drawing-frame, div.math, .cell_output";
  const WORDS = "Scrolls sideways \u2192";

  /** What a frame holds, in words. */
  function name(frame) {
    const caption = frame.closest("figure")?.querySelector(".caption-number")
      ?? frame.querySelector("caption, th");
    const kind = frame.querySelector("table") ? "Table" : "Figure";
    return `${frame.matches(".math") ? "Formula" : kind}: ${caption?.textContent.trim() ?? ""}`
      .replace(/: $/, "");
  }

  function mark(frame) {
    const wide = frame.scrollWidth > frame.clientWidth + 1;
    if (wide === frame.classList.contains("scrolls")) return;
    frame.classList.toggle("scrolls", wide);
    if (!wide) {
      for (const one of ["tabindex", "role", "aria-label"]) frame.removeAttribute(one);
      if (frame.previousElementSibling?.matches(".scroll-hint")) {
        frame.previousElementSibling.remove();
      }
      return;
    }
    frame.tabIndex = 0;
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", name(frame));
    const hint = document.createElement("span");
    hint.className = "scroll-hint";
    hint.setAttribute("aria-hidden", "true");
    hint.textContent = WORDS;
    frame.before(hint);
  }

  function start() {
    const watch = new ResizeObserver((seen) => seen.forEach((one) => mark(one.target)));
    for (const frame of document.querySelectorAll(FRAMES)) {
      watch.observe(frame);
      mark(frame);
    }
  }
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
})();
