import { element } from "./dom.js";

/** Up to here a context leaves the text alone. */
const WHOLE = 0.45;

/** Words of one text that may be worn; more would be many elements. */
const MOST_WORN = 36;

/**
 * A text as it is shown when its speaker's context is so full: some of its words are worn. It is the
 * whole text still, word for word, for who copies or hears it.
 *
 * @param {string} text
 * @param {number} fill 0 to 1
 * @param {number} seed the same for the same text
 * @returns {(Node | string)[]}
 */
export function frayed(text, fill, seed) {
  const wear = Math.max(0, (fill - WHOLE) / (1 - WHOLE));
  if (wear === 0) return [text];
  const share = 0.08 + 0.5 * wear * wear;
  /** @type {(Node | string)[]} */
  const parts = [];
  let plain = "";
  let worn = 0;
  for (const [index, part] of text.split(/(\s+)/).entries()) {
    const chance = noise(seed * 977 + index);
    if (index % 2 === 1 || part === "" || worn >= MOST_WORN || chance >= share) {
      plain += part;
      continue;
    }
    const level = 1 + Math.min(3, Math.floor(wear * 3.2 * noise(seed * 31 + index * 7 + 3) + wear));
    parts.push(plain, element("span", { class: `worn worn-${level}-${index % 3}` }, part));
    plain = "";
    worn += 1;
  }
  return [...parts, plain].filter((part) => part !== "");
}

/**
 * A number from 0 to 1 that looks random and is the same for the same place.
 *
 * @param {number} place
 */
function noise(place) {
  const x = Math.sin(place * 12.9898 + 4.1414) * 43758.5453;
  return x - Math.floor(x);
}
