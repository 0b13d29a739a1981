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

/** What may be too wide for the page, in a frame that scrolls and can be reached by keyboard. */
export function scroll(name, ...children) {
  const frame = { className: "live-scroll", tabIndex: 0, role: "group", "aria-label": name };
  return h("div", frame, ...children);
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

let count = 0;

/** An id that no other element of the page has. */
export function unique() {
  return `live-${count++}`;
}
