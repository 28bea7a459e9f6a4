import { drawn, element, meter, setAttribute, setText } from "./dom.js";
import { amount, clock, counted, modelName, startedWords, voiceOf } from "./format.js";

const BODY =
  "M30 20 h36 v5 c0 8 18 9 18 25 v60 a14 14 0 0 1 -14 14 h-44 a14 14 0 0 1 -14 -14 v-60 c0 -16 18 -17 18 -25 z";
const BOTTOM = 123;
const FULL = 40;

/**
 * A jar with a mind in it; the level is how full its context is.
 *
 * @param {number} index
 */
function picture(index) {
  const node = drawn([
    "svg",
    { class: "jar-picture", viewBox: "0 0 96 130", "aria-hidden": "true" },
    ["clipPath", { id: `jar-${index}` }, ["path", { d: BODY }]],
    ["path", { class: "jar-back", d: BODY }],
    ["g", { "clip-path": `url(#jar-${index})` }, [
      "g",
      { class: "jar-liquid" },
      ["path", {
        class: "jar-wave",
        d: "M-96 6 q12 -6 24 0 t24 0 t24 0 t24 0 t24 0 t24 0 t24 0 t24 0 t24 0 t24 0 v120 h-240 z",
      }],
    ]],
    ["g", { class: "jar-mind" }, ["path", {
      class: "mind-body",
      d: "M31 86 c-7 -2 -7 -13 0 -15 c-1 -9 10 -13 15 -8 c5 -6 17 -3 17 5 c8 1 9 13 2 16 c1 8 -10 12 -15 7 c-5 5 -18 3 -19 -5 z",
    }], ["path", {
      class: "mind-fold",
      d: "M47 64 c-3 6 3 9 1 15 c-1 5 3 8 2 12 M38 70 c4 1 4 5 1 7 M37 83 c3 -2 7 -1 7 3 M58 68 c-4 2 -3 6 1 7 M61 82 c-4 -2 -8 0 -7 4",
    }]],
    ["path", { class: "jar-glass", d: BODY }],
    ["path", { class: "jar-shine", d: "M21 54 c0 -8 5 -12 9 -15 M20 62 v26" }],
    ["rect", { class: "jar-lid", x: 25, y: 6, width: 46, height: 14, rx: 4 }],
    ["path", { class: "jar-lid-line", d: "M26 13 h44" }],
  ]);
  return { node, liquid: node.querySelector(".jar-liquid") };
}

/** @type {Readonly<Record<string, string>>} */
const STATES = {
  waiting: "waiting",
  loading: "loading",
  alive: "alive",
  thinking: "thinking",
  dead: "dead",
  gone: "gone",
};

/**
 * The jars, a card each.
 *
 * @param {HTMLElement} place
 * @param {{ readonly kill: (id: string) => void, readonly editPrompt: (id: string) => void }} actions
 */
export function jarCards(place, actions) {
  /** @type {Map<string, ReturnType<typeof card>>} */
  const cards = new Map();
  return {
    /** @param {any} state */
    show(state) {
      const ids = new Set(state.jars.map((/** @type {any} */ jar) => jar.id));
      for (const [id, { node }] of cards) {
        if (ids.has(id)) continue;
        node.remove();
        cards.delete(id);
      }
      for (const [index, jar] of state.jars.entries()) {
        let one = cards.get(jar.id);
        if (one === undefined) {
          one = card(index, jar, state.jars, actions);
          cards.set(jar.id, one);
          place.append(one.node);
        }
        one.show(jar);
      }
    },
    /** @param {string} id */
    choose(id) {
      for (const [other, { node }] of cards) node.classList.toggle("is-chosen", other === id);
    },
    /** @param {string} id */
    focus(id) {
      cards.get(id)?.node.focus();
    },
  };
}

/**
 * @param {number} index
 * @param {any} first
 * @param {readonly any[]} jars
 * @param {{ readonly kill: (id: string) => void, readonly editPrompt: (id: string) => void }} actions
 */
function card(index, first, jars, actions) {
  const { node: jarPicture, liquid } = picture(index);
  const name = element("h3", { class: "jar-name", id: `jar-name-${index}` }, first.id);
  const role = element("p", { class: "jar-role" });
  const place = element("p", { class: "jar-role jar-place" });
  const badge = element("p", { class: "jar-state" });
  const memory = meter("Memory");
  const context = meter("Context");
  const devices = element("div", { class: "jar-devices" });
  const signs = element("dl", { class: "signs" });
  const life = sign(signs, "Life");
  const deaths = sign(signs, "Deaths");
  const speed = sign(signs, "Speed");
  const process = sign(signs, "Process");
  const asked = sign(signs, "Asked for");
  const cause = element("p", { class: "jar-cause" });
  const thought = element("p", { class: "jar-thought" });
  const prompt = element("p", {
    class: "jar-prompt",
    tabindex: 0,
    role: "region",
    "aria-label": `What ${first.id} was told last`,
  });
  const told = element(
    "details",
    { class: "told" },
    element("summary", {}, "What it was told last"),
    prompt,
  );
  const kill = element("button", { type: "button", class: "danger" }, `Kill ${first.id}`);
  const edit = element("button", { type: "button" }, "Change its prompt");
  kill.addEventListener("click", () => actions.kill(first.id));
  edit.addEventListener("click", () => actions.editPrompt(first.id));
  const node = element(
    "article",
    {
      class: "jar",
      tabindex: -1,
      "aria-labelledby": `jar-name-${index}`,
      "data-id": first.id,
      "data-voice": voiceOf(first, jars),
    },
    element(
      "div",
      { class: "jar-top" },
      jarPicture,
      element(
        "div",
        { class: "jar-facts" },
        element("div", { class: "jar-title" }, name, badge),
        role,
        place,
        memory.node,
        context.node,
        devices,
        signs,
      ),
    ),
    cause,
    thought,
    told,
    element("div", { class: "jar-buttons with-token" }, kill, edit),
  );
  /** @type {any} */
  let shownPrompt;
  told.addEventListener("toggle", () => {
    if (told.open) setText(prompt, shownPrompt ?? "");
  });
  return {
    node,
    /** @param {any} jar */
    show(jar) {
      setAttribute(node, "data-state", jar.state);
      const model = modelName(jar.model);
      setText(role, jar.id === jar.role ? model : `${jar.role} · ${model}`);
      setAttribute(role, "title", jar.model);
      setText(badge, STATES[jar.state] ?? jar.state);
      const isGone = jar.state === "dead" || jar.state === "gone";
      showPlace(jar, isGone, { place, process, asked });
      const most = jar.limitBytes ?? Math.max(jar.reservedBytes, jar.residentBytes);
      memory.show({
        value: jar.residentBytes,
        within: jar.reservedBytes,
        most,
        words: isGone
          ? "given back"
          : `${amount(jar.residentBytes)} of ${amount(jar.reservedBytes)} reserved` +
            (jar.limitBytes === undefined ? "" : `, limit ${amount(jar.limitBytes)}`),
      });
      const left = Math.max(0, jar.contextSize - jar.contextTokens);
      context.show({
        value: jar.contextTokens,
        most: jar.contextSize,
        words: jar.contextSize === 0
          ? "not yet"
          : isGone
          ? "forgotten"
          : `${counted(left, "token")} left of ${jar.contextSize}`,
      });
      showDevices(devices, jar.devices);
      setText(life, `${counted(jar.life.turns, "turn")}, ${counted(jar.life.tokens, "token")}`);
      setText(deaths, String(jar.deaths));
      setText(
        speed,
        jar.tokensPerSecond === undefined
          ? "–"
          : `${jar.tokensPerSecond.toFixed(jar.tokensPerSecond < 10 ? 1 : 0)} tokens/s`,
      );
      const fill = jar.contextSize > 0 ? Math.min(1, jar.contextTokens / jar.contextSize) : 0;
      liquid.style.transform = `translateY(${(BOTTOM - fill * (BOTTOM - FULL)).toFixed(1)}px)`;
      setAttribute(node, "data-fray", Math.floor(fill * 5));
      cause.hidden = jar.lastDeath === undefined;
      if (jar.lastDeath !== undefined) {
        const { at, message } = jar.lastDeath;
        setText(cause, `Died last at ${clock(at)}: ${message}`);
      }
      setText(
        thought,
        jar.thought?.text.trimStart() ??
          (jar.state === "waiting" ? "Not admitted yet" : "No thought yet"),
      );
      setAttribute(thought, "data-whole", jar.thought === undefined || jar.thought.isWhole);
      // The newest words are what a person wants to see of a long thought.
      thought.scrollTop = thought.scrollHeight;
      told.hidden = jar.prompt === undefined;
      shownPrompt = jar.prompt;
      if (told.open) setText(prompt, jar.prompt ?? "");
    },
  };
}

/**
 * Where it lives, what its process holds and what was asked for it; nothing of it where all jars live in
 * the run's process.
 *
 * @param {any} jar
 * @param {boolean} isGone
 * @param {{ readonly place: any, readonly process: any, readonly asked: any }} fields
 */
function showPlace(jar, isGone, { place, process, asked }) {
  const isKnown = jar.place !== undefined;
  const isApart = isKnown && jar.place.launcher !== undefined;
  place.hidden = !isKnown;
  process.parentElement.hidden = !isApart;
  asked.parentElement.hidden = !isApart;
  if (!isKnown) return;
  const { limitBytes, requestBytes, heldBytes, isHere } = jar.place;
  const where = isHere ? "on this machine, " : "";
  setText(
    place,
    isApart ? `In a process of its own ${where}${startedWords(jar.place)}` : "In the run's process",
  );
  setText(process, isGone || heldBytes === undefined ? "–" : `holds ${amount(heldBytes)}`);
  setText(
    asked,
    limitBytes === undefined
      ? `no limit (it needs ${amount(requestBytes)})`
      : `limit ${amount(limitBytes)}, request ${amount(requestBytes)}`,
  );
}

/** @param {any} list @param {string} label */
function sign(list, label) {
  const value = element("dd");
  list.append(element("div", {}, element("dt", {}, label), value));
  return value;
}

/** @param {any} place @param {readonly any[]} devices */
function showDevices(place, devices) {
  while (place.children.length > devices.length) place.lastChild.remove();
  for (const [index, { id, reservedBytes, residentBytes }] of devices.entries()) {
    let bar = place.children[index]?.bar;
    if (bar === undefined) {
      bar = meter(id);
      bar.node.bar = bar;
      place.append(bar.node);
    }
    bar.show({
      value: residentBytes,
      within: reservedBytes,
      most: reservedBytes,
      words: `${amount(residentBytes)} of ${amount(reservedBytes)} reserved`,
    });
  }
}
