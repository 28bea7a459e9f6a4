import type { RunView } from "../view/run_view.ts";
import type { Action, Key, KeyBinding } from "./keys.ts";
import { type EditedLine, editLine, EMPTY_LINE } from "./line_editor.ts";

/** What of the screen isn't the run's: which jar is chosen, what is open, what is being typed. */
export interface ScreenState {
  /** The chosen jar's place, 0 for the first. */
  readonly chosen: number;
  readonly open?: { readonly kind: "validation" | "help"; readonly scrolled: number };
  readonly editing?: { readonly kind: "whisper" | "turn"; readonly line: EditedLine };
  /** An answer to the last key, or why it couldn't be done. */
  readonly message?: string;
  readonly isQuitting: boolean;
  /** A model that is being loaded, and how much of it is. */
  readonly loading?: { readonly model: string; readonly fraction: number };
  /** What is waited for before a jar can be loaded. */
  readonly waiting?: string;
  /** What else was said meanwhile, and after how many of the run's happenings. */
  readonly said: readonly { readonly after: number; readonly text: string }[];
}

export const INITIAL_STATE: ScreenState = { chosen: 0, isQuitting: false, said: [] };

/** What a key asks of the run. */
export type Request =
  | { readonly do: "quit" | "pause" | "faster" | "slower" | "redraw" }
  | { readonly do: "kill" | "prompt"; readonly id: string }
  | { readonly do: "whisper"; readonly text: string }
  | { readonly do: "go-to"; readonly turn: number };

/** What a key leads to. */
interface Pressed {
  readonly state: ScreenState;
  readonly request?: Request;
}

/** Lines that a page key scrolls. */
const PAGE = 10;

/**
 * What comes of a key: another state, and what is asked of the run.
 *
 * @example
 * ```ts
 * import { EMPTY_VIEW } from "../view/run_view.ts";
 * import { RUN_KEYS } from "./keys.ts";
 * import { INITIAL_STATE, press } from "./screen_state.ts";
 * const { request } = press(INITIAL_STATE, { name: "q" }, { view: EMPTY_VIEW, keys: RUN_KEYS });
 * if (request?.do !== "quit") throw new Error("q quits");
 * ```
 */
export function press(
  before: ScreenState,
  key: Key,
  { view, keys }: { readonly view: RunView; readonly keys: readonly KeyBinding[] },
): Pressed {
  const { message: _, ...state } = before;
  if (state.editing !== undefined) return typing(state, state.editing, key);
  if (key.name === "paste") return { state };
  if (state.open !== undefined) {
    if (key.name === "escape") return { state: closed(state) };
    const by = SCROLLS[key.name];
    if (by !== undefined) {
      const scrolled = Math.max(0, state.open.scrolled + by);
      return { state: { ...state, open: { ...state.open, scrolled } } };
    }
  }
  if (/^[1-9]$/.test(key.name)) {
    const chosen = Number(key.name) - 1;
    return { state: chosen < view.jars.length ? { ...state, chosen } : state };
  }
  const action = keys.find((binding) => binding.keys.includes(key.name))?.action;
  return action === undefined ? { state } : act(state, action, view);
}

/** As pagers have them: k ends no jar that isn't seen. */
const SCROLLS: Readonly<Record<string, number>> = {
  up: -1,
  down: 1,
  k: -1,
  j: 1,
  pageup: -PAGE,
  pagedown: PAGE,
  space: PAGE,
  home: -Infinity,
};

function act(state: ScreenState, action: Action, view: RunView): Pressed {
  const count = Math.max(1, view.jars.length);
  const jar = view.jars[Math.min(state.chosen, count - 1)];
  switch (action) {
    case "quit":
      return { state: { ...state, isQuitting: true }, request: { do: "quit" } };
    case "pause":
    case "faster":
    case "slower":
    case "redraw":
      return { state, request: { do: action } };
    case "kill":
    case "prompt":
      if (jar === undefined) return { state: { ...state, message: "No jar is there yet" } };
      return { state, request: { do: action, id: jar.id } };
    case "whisper":
    case "turn":
      return { state: { ...state, editing: { kind: action, line: EMPTY_LINE } } };
    case "validation":
    case "help":
      if (state.open?.kind === action) return { state: closed(state) };
      return { state: { ...state, open: { kind: action, scrolled: 0 } } };
    case "next-jar":
      return { state: { ...state, chosen: (state.chosen + 1) % count } };
    case "previous-jar":
      return { state: { ...state, chosen: (state.chosen + count - 1) % count } };
    case "previous-turn":
      return { state, request: { do: "go-to", turn: Math.max(1, view.turn - 1) } };
    case "next-turn":
      return { state, request: { do: "go-to", turn: view.turn + 1 } };
  }
}

function closed({ open: _, ...state }: ScreenState): ScreenState {
  return state;
}

function typing(
  state: ScreenState,
  { kind, line }: NonNullable<ScreenState["editing"]>,
  key: Key,
): Pressed {
  const { editing: _, ...left } = state;
  if (key.name === "escape") return { state: left };
  if (key.name !== "return" && key.name !== "enter") {
    return { state: { ...state, editing: { kind, line: editLine(line, key) } } };
  }
  const text = (line.before + line.after).trim();
  if (text === "") return { state: left };
  if (kind === "whisper") return { state: left, request: { do: "whisper", text } };
  if (!/^\d{1,9}$/.test(text)) return { state: { ...left, message: `No turn: ${text}` } };
  return { state: left, request: { do: "go-to", turn: Number(text) } };
}

/** Lines that were said besides are kept as long as the screen could show them. */
const MOST_SAID = 20;

/** The state once something else was said, which would otherwise have stood on the terminal. */
export function say(state: ScreenState, view: RunView, text: string): ScreenState {
  const after = view.happenings.at(-1)?.number ?? 0;
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const said = [...state.said, ...lines.map((line) => ({ after, text: line }))];
  return { ...state, said: said.slice(-MOST_SAID) };
}
