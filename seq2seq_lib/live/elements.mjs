// Elements of a page, made in one call.

/** An element with properties, attributes (where no property has the name) and children. */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same for a drawing. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A table; a row begins with its name, and a cell is a text, a number or an element. */
export function table(className, titles, rows) {
  const cell = (content) => (content instanceof Node ? content : h("td", {}, String(content)));
  return h("table", { className },
    h("thead", {}, h("tr", {}, ...titles.map((title) => h("th", { scope: "col" }, String(title))))),
    h("tbody", {}, ...rows.map(([name, ...cells]) =>
      h("tr", {}, h("th", { scope: "row" }, name), ...cells.map(cell)))));
}

/** A frame in which what is too wide scrolls, with a pointer or with arrow keys. */
export function scroll(title, ...children) {
  const names = { tabIndex: 0, role: "group", "aria-label": title };
  return h("div", { className: "live-scroll", ...names }, ...children);
}

let count = 0;

/** An id that no other element of the page has. */
export function unique() {
  return `live-${count++}`;
}
