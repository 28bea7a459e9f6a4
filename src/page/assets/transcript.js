import { element } from "./dom.js";
import { frayed } from "./fray.js";
import { clock, VERBS, voiceOf } from "./format.js";

/** Utterances that are shown, however many were said. */
const MOST_SHOWN = 150;

/** As near to the end as this counts as being there: it goes on with what is said. */
const NEAR_PIXELS = 40;

/**
 * What was said, oldest first.
 *
 * @param {any} place a list that scrolls
 */
export function transcript(place) {
  /** @type {Map<number, { said: any, node: any }>} */
  const shown = new Map();
  return (/** @type {any} */ state) => {
    const isAtEnd = place.scrollHeight - place.scrollTop - place.clientHeight < NEAR_PIXELS;
    const utterances = state.utterances.slice(-MOST_SHOWN);
    const numbers = new Set(utterances.map((/** @type {any} */ { number }) => number));
    let changed = false;
    for (const [number, { node }] of shown) {
      if (numbers.has(number)) continue;
      node.remove();
      shown.delete(number);
    }
    for (const said of utterances) {
      const known = shown.get(said.number);
      if (known?.said === said) continue;
      const node = utterance(said, state.jars);
      // After a jump of a replay older ones may come back.
      if (known) known.node.replaceWith(node);
      else {
        const after = [...shown].filter(([number]) =>
          number > said.number
        ).sort(([a], [b]) => a - b)[0];
        place.insertBefore(node, after?.[1].node ?? null);
      }
      shown.set(said.number, { said, node });
      changed = true;
    }
    if (changed && isAtEnd) place.scrollTop = place.scrollHeight;
  };
}

/** @param {any} said @param {readonly any[]} jars */
function utterance(said, jars) {
  const whose = said.byHand
    ? `You whisper to ${said.id}`
    : `${said.id} ${VERBS[/** @type {keyof typeof VERBS} */ (said.kind)]}`;
  const cut = said.isCutOff ? [element("span", { class: "cut" }, " — cut off")] : [];
  return element(
    "li",
    {
      class: "said",
      "data-voice": voiceOf(said, jars),
      "data-kind": said.kind,
      "data-hand": said.byHand === true,
    },
    element(
      "p",
      { class: "said-who" },
      element("strong", {}, whose),
      element("span", { class: "said-when" }, `turn ${said.turn} · ${clock(said.at)}`),
    ),
    element(
      "p",
      { class: "said-text" },
      ...frayed(said.text.trim(), said.fill, said.number),
      ...cut,
    ),
  );
}
