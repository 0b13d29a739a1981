// Guess first: what stands between <div class="guess"></div> and <div class="guess-end"></div>
// waits behind a button. Both marks are in the text of a chapter, in one section; without
// JavaScript, on paper and for whoever searches the page, everything is there.
(() => {
  /** Hide what follows a mark, up to the mark that ends it. */
  function hide(mark) {
    const answer = document.createElement("div");
    answer.className = "guess-answer";
    while (mark.nextSibling && !mark.nextSibling.matches?.(".guess-end")) {
      answer.append(mark.nextSibling);
    }
    answer.tabIndex = -1;
    answer.setAttribute("hidden", "until-found"); // the browser's own search looks inside
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "guess-button" });
    button.textContent = "I have guessed";
    const show = (moved) => {
      button.remove();
      answer.removeAttribute("hidden");
      if (moved) answer.focus({ preventScroll: true });
    };
    button.addEventListener("click", () => show(true));
    answer.addEventListener("beforematch", () => show(false));
    window.addEventListener("beforeprint", () => show(false));
    mark.append(button);
    mark.after(answer);
    return { mark, answer, show };
  }

  /** Someone follows a link to a figure inside. */
  function follow(hidden) {
    const goal = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const holder = goal && hidden.find(({ answer }) => answer.contains(goal));
    if (!holder || !holder.answer.hasAttribute("hidden")) return;
    holder.show(false);
    goal.scrollIntoView();
  }

  document.addEventListener("DOMContentLoaded", () => {
    const hidden = [...document.querySelectorAll(".guess")].map(hide);
    follow(hidden);
    window.addEventListener("hashchange", () => follow(hidden));
    // A curve that was drawn is a guess too (sketch.mjs).
    document.addEventListener("guessed", ({ target }) => {
      const after = ({ mark }) =>
        target.compareDocumentPosition(mark) & Node.DOCUMENT_POSITION_FOLLOWING;
      hidden.find(after)?.show(false);
    });
  });
})();
