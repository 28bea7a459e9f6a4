import { setAttribute, setText } from "./dom.js";

/**
 * What the buttons do: posts with the token. What couldn't be done is told in the page's words.
 *
 * @param {string | undefined} token
 * @param {(message: string) => void} tell
 */
export function remote(token, tell) {
  /** @param {string} path @param {unknown} body */
  async function post(path, body = {}) {
    if (token === undefined) {
      tell("This needs the token: open the address that was printed with it");
      return false;
    }
    try {
      const response = await fetch(`/controls/${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      if (response.ok) return true;
      tell((await response.json()).message);
    } catch {
      tell("The run doesn't answer");
    }
    return false;
  }

  /** @param {string} path */
  async function read(path) {
    try {
      const response = await fetch(path, {
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      });
      if (response.ok) return await response.text();
      tell((await response.json()).message);
    } catch {
      tell("The run doesn't answer");
    }
    return undefined;
  }

  return { post, read };
}

/**
 * A line at the page's foot that tells what was done, for a while.
 *
 * @param {any} place with role=status
 */
export function teller(place) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return (/** @type {string} */ message) => {
    clearTimeout(timer);
    setText(place, message);
    place.classList.add("is-shown");
    timer = setTimeout(() => place.classList.remove("is-shown"), 6000);
  };
}

/**
 * The buttons that are there while the token is.
 *
 * @param {ReturnType<typeof remote>} run
 * @param {{ readonly whisper: any, readonly dialogs: any, readonly cards: any, readonly tell: (message: string) => void }} parts
 */
export function actions(run, { whisper, dialogs, cards, tell }) {
  /** @type {any} */
  let state;
  /** @type {string | undefined} */
  let chosen;

  const act = {
    async pause() {
      const path = state?.phase === "paused" ? "resume" : "pause";
      if (await run.post(path)) {
        tell(
          path === "pause" ? "Pausing: the thought that is being thought is finished" : "Going on",
        );
      }
    },
    /** @param {string} [id] */
    async kill(id = act.chosen()) {
      if (id !== undefined && await run.post("kill", { id })) tell(`${id} is killed by hand`);
    },
    whisper() {
      whisper.focus();
    },
    /** @param {string} [id] */
    async editPrompt(id = act.chosen()) {
      if (id === undefined) return;
      const text = await run.read(`/prompt?id=${encodeURIComponent(id)}`);
      if (text === undefined) return;
      dialogs.editPrompt(
        id,
        text,
        (/** @type {string} */ changed) => run.post("prompt", { id, text: changed }),
      );
    },
    async faster() {
      await run.post(state?.replay ? "speed" : "pace", { step: "faster" });
    },
    async slower() {
      await run.post(state?.replay ? "speed" : "pace", { step: "slower" });
    },
    async report() {
      const text = await run.read("/report");
      if (text !== undefined) {
        dialogs.showReport(text || (state?.verdict?.text ?? "No validation yet"));
      }
    },
    help: () => dialogs.help(),
    quit: () => dialogs.quit(() => run.post("quit")),
    /** @param {number} turn */
    goTo: (turn) => run.post("turn", { turn }),
    chosen: () => chosen ?? state?.jars[0]?.id,
    /** @param {string} id */
    choose(id) {
      chosen = id;
      cards().choose(id);
    },
    /** @param {number} index */
    chooseAt(index) {
      const jar = state?.jars[index];
      if (jar === undefined) return;
      act.choose(jar.id);
      cards().focus(jar.id);
    },
  };

  return {
    act,
    /** @param {any} next */
    show(next) {
      state = next;
    },
  };
}

/**
 * The head of the page: which turn it is, for how long, how fast, and whether it goes on.
 *
 * @param {Readonly<Record<string, any>>} parts
 * @param {(milliseconds: number) => string} clock
 */
export function head(parts, clock) {
  /** @type {Readonly<Record<string, string>>} */
  const phases = { starting: "Starting", running: "Running", paused: "Paused", ended: "Ended" };
  return (/** @type {any} */ state) => {
    setText(parts.phase, phases[state.phase] ?? state.phase);
    setAttribute(parts.phase, "data-phase", state.phase);
    const last = state.turns ?? state.replay?.lastTurn;
    setText(parts.turn, last === undefined ? `${state.turn}` : `${state.turn} of ${last}`);
    setText(parts.time, clock(state.at));
    setText(parts.mode, state.mode ?? "–");
    setText(parts.seed, state.seed === undefined ? "–" : `${state.seed}`);
    setText(parts.pace, paceOf(state));
    setText(parts.verdict, state.verdict?.text ?? "");
    setAttribute(parts.verdict, "data-ok", state.verdict?.ok ?? true);
    setText(parts.pause, state.phase === "paused" ? "Resume" : "Pause");
    parts.pause.disabled = state.phase === "ended";
    parts.replay.hidden = state.replay === undefined;
    if (state.replay) parts.turnField.max = String(state.replay.lastTurn);
    document.body.dataset.replay = String(state.replay !== undefined);
  };
}

/** @param {any} state */
function paceOf({ pace, replay }) {
  if (replay) return replay.speed === null ? "without a wait" : `${replay.speed} ×`;
  return pace === undefined ? "full" : `${pace} words/min`;
}
