// What a model, a name or a prompt says only ever becomes text: nothing here reads markup.

/**
 * An element with attributes and content; texts become text.
 *
 * @param {string} name
 * @param {Record<string, string | number | boolean>} [attributes]
 * @param {...(Node | string)} content
 * @returns {any}
 */
export function element(name, attributes = {}, ...content) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) setAttribute(made, key, value);
  made.append(...content);
  return made;
}

/**
 * An element of an SVG from its description.
 *
 * @param {import("./plot.js").Shape | string} shape
 * @returns {any}
 */
export function drawn(shape) {
  if (typeof shape === "string") return document.createTextNode(shape);
  const [name, attributes, ...content] = shape;
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...content.map(drawn));
  return made;
}

/**
 * Sets an attribute where it has another value: `false` takes it away, but for what styles ask of.
 *
 * @param {any} node
 * @param {string} key
 * @param {string | number | boolean} value
 */
export function setAttribute(node, key, value) {
  const isFlag = !key.startsWith("data-");
  if (isFlag && value === false) {
    if (node.hasAttribute(key)) node.removeAttribute(key);
    return;
  }
  const text = isFlag && value === true ? "" : String(value);
  if (node.getAttribute(key) !== text) node.setAttribute(key, text);
}

/**
 * Sets an element's text. One that only grew is added to, so that what a person has selected in it
 * stays selected.
 *
 * @param {any} node
 * @param {string} text
 */
export function setText(node, text) {
  const only = node.firstChild;
  if (only === null || only !== node.lastChild || only.nodeType !== 3) {
    node.textContent = text;
  } else if (only.data === text) return;
  else if (only.data !== "" && text.startsWith(only.data)) {
    only.appendData(text.slice(only.data.length));
  } else only.data = text;
}

/**
 * A bar as a meter with its name and its figure in words.
 *
 * @param {string} label
 */
export function meter(label) {
  const within = element("span", { class: "meter-within" });
  const fill = element("span", { class: "meter-fill" });
  const mark = element("span", { class: "meter-mark", hidden: true });
  const bar = element(
    "div",
    { class: "meter-bar", role: "meter", "aria-label": label, "aria-valuemin": 0 },
    within,
    fill,
    mark,
  );
  const words = element("span", { class: "meter-words" });
  const node = element(
    "div",
    { class: "meter" },
    element(
      "div",
      { class: "meter-head" },
      element("span", { class: "meter-label" }, label),
      words,
    ),
    bar,
  );
  return {
    node,
    /**
     * @param {object} figures
     * @param {number} figures.value
     * @param {number} figures.most the whole bar
     * @param {number} [figures.within] of which the value is a part
     * @param {number} [figures.mark] a bound that is drawn across
     * @param {string} figures.words
     */
    show({ value, most, within: part, mark: bound, words: said }) {
      const percent = (/** @type {number} */ figure) =>
        `${most > 0 ? Math.min(100, Math.max(0, figure / most * 100)).toFixed(1) : 0}%`;
      fill.style.width = percent(value);
      within.style.width = percent(part ?? 0);
      mark.hidden = bound === undefined;
      if (bound !== undefined) mark.style.left = percent(bound);
      setAttribute(bar, "aria-valuemax", Math.max(1, most));
      setAttribute(bar, "aria-valuenow", Math.min(value, Math.max(1, most)));
      setAttribute(bar, "aria-valuetext", said);
      setText(words, said);
    },
  };
}
