/** Between two announcements: time enough to hear one. */
const LEAST_MILLISECONDS = 4000;
const MOST_CHARACTERS = 280;

/**
 * Tells who hears the page what was said last, whole and one at a time: of what comes faster than it
 * could be listened to, the newest.
 *
 * @param {HTMLElement} region with aria-live
 */
export function announcer(region) {
  let heard = -1;
  let happened = -1;
  /** @type {string | undefined} */
  let waiting;
  let isQuiet = true;

  function say() {
    if (waiting === undefined) {
      isQuiet = true;
      return;
    }
    region.textContent = waiting;
    waiting = undefined;
    isQuiet = false;
    setTimeout(say, LEAST_MILLISECONDS);
  }

  return (/** @type {any} */ state) => {
    const said = state.utterances.at(-1);
    const event = state.happenings.at(-1);
    // What was there when the page opened is read, not announced.
    if (heard < 0) {
      heard = said?.number ?? 0;
      happened = event?.number ?? 0;
      return;
    }
    if (said && said.number > heard) {
      heard = said.number;
      const kind = said.kind === "thought" ? "" : `, ${said.kind}`;
      waiting = `${said.id}${kind}: ${said.text.slice(0, MOST_CHARACTERS)}`;
    }
    if (event && event.number > happened) {
      happened = event.number;
      const jar = state.jars.find((/** @type {any} */ one) => one.id === event.id);
      if (event.kind === "death" && jar) waiting = `${event.id} died: ${jar.lastDeath.message}`;
      else if (event.kind !== "loaded") waiting = event.text;
    }
    if (isQuiet) say();
  };
}
