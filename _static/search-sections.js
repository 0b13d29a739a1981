// Search finds sections. Sphinx lists the pages that hold the words; it then fetches each
// of them to show where. Here the sections of the page that hold them are listed as well.
(() => {
  const MOST = 4; // sections of one page

  /** Whether words begin anywhere in a text, all of them. */
  function holds(text, words) {
    const lower = text.toLowerCase();
    return words.every((word) => lower.includes(word));
  }

  /** The sections of a page that hold all words: their names and titles. */
  function sections(html, words) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const found = [];
    for (const section of page.querySelectorAll("article section[id] section[id]")) {
      const title = section.querySelector("h2, h3, h4")?.cloneNode(true);
      if (!title) continue;
      const own = section.cloneNode(true);
      for (const below of own.querySelectorAll("section")) below.remove();
      if (!holds(own.textContent, words)) continue;
      for (const mark of title.querySelectorAll(".headerlink")) mark.remove();
      found.push({ id: section.id, title: title.textContent.trim() });
    }
    return found;
  }

  function list(address, found) {
    const items = document.createElement("ul");
    items.className = "search-sections";
    for (const { id, title } of found.slice(0, MOST)) {
      const link = document.createElement("a");
      link.href = `${address}#${id}`;
      link.textContent = title;
      const item = document.createElement("li");
      item.append(link);
      items.append(item);
    }
    return items;
  }

  /** Add sections to a result once it is on the page. */
  async function extend(result) {
    const link = result.querySelector("a[href]");
    if (!link || result.querySelector(".search-sections") || link.hash) return;
    const asked = new URLSearchParams(window.location.search).get("q") ?? "";
    const stems = new Stemmer(); // of the search page
    const words = asked.toLowerCase().split(/[^\p{L}\p{N}_]+/u)
      .filter((word) => word.length > 1).map((word) => stems.stemWord(word));
    const address = link.href.split("#")[0].split("?")[0];
    const page = words.length ? await fetch(address) : null;
    if (!page?.ok) return;
    const found = sections(await page.text(), words);
    if (found.length && !result.querySelector(".search-sections")) {
      result.append(list(address, found));
    }
  }

  function start() {
    const results = document.querySelector("#search-results");
    if (!results) return;
    new MutationObserver(() => {
      for (const result of results.querySelectorAll("ul.search > li")) {
        if (result.dataset.sections) continue;
        result.dataset.sections = "asked";
        extend(result);
      }
    }).observe(results, { childList: true, subtree: true });
  }
  document.addEventListener("DOMContentLoaded", start);
})();
