import type { RunControls } from "../experiment/controls.ts";
import { EMPTY_VIEW, type RunView } from "../view/run_view.ts";
import { see } from "../view/see.ts";
import type { Viewer, ViewEvent } from "../view/view_event.ts";
import { drawScreen } from "./drawing/draw_screen.ts";
import { type Edited, editText } from "./external_editor.ts";
import { type Key, type KeyBinding, REPLAY_KEYS, RUN_KEYS } from "./keys.ts";
import { paceAfter, speedAfter } from "./paces.ts";
import { INITIAL_STATE, press, type Request, say, type ScreenState } from "./screen_state.ts";
import { openTerminalDevice, type TerminalDevice } from "./terminal/device.ts";
import { Keyboard } from "./terminal/keyboard.ts";
import { Terminal } from "./terminal/terminal.ts";

/** What the screen needs of whoever opens it. */
export interface ScreenOptions {
  readonly controls: RunControls;
  readonly color: boolean;
  /** Those of a run, or of a replay where the controls have one, unless told otherwise. */
  readonly keys?: readonly KeyBinding[];
  /** The whole validation, as its report says it, once there is one. */
  readonly validation?: () => string | undefined;
  /** The terminal that this process was started in, unless told otherwise. */
  readonly device?: TerminalDevice;
  /** Has a person edit a text while the terminal is theirs. */
  readonly edit?: (text: string, signal: AbortSignal) => Promise<Edited>;
}

/** How often keys are looked for, and how often a change is drawn at most. */
const LOOK_MILLISECONDS = 40;
const DRAW_MILLISECONDS = 80;
/** How long an answer stands in place of the keys. */
const MESSAGE_MILLISECONDS = 6000;

const CONSOLE_METHODS = ["error", "warn", "info", "log", "debug"] as const;

/**
 * A run on a terminal, from when it is opened until it is closed. Nothing else may write to the terminal
 * meanwhile: what there is to be said goes through `say`, and what is printed to the console is caught.
 */
export class Screen implements Viewer {
  readonly #options: ScreenOptions;
  readonly #keys: readonly KeyBinding[];
  readonly #terminal: Terminal;
  readonly #keyboard = new Keyboard((key) => this.press(key));
  readonly #closed = new AbortController();
  readonly #console = CONSOLE_METHODS.map((method) => [method, console[method]] as const);
  readonly #timer: number;
  #view: RunView = EMPTY_VIEW;
  #state: ScreenState = INITIAL_STATE;
  #isDrawn = false;
  #drawnAt = -Infinity;
  #messageAt = 0;

  /** Takes the terminal. */
  constructor(options: ScreenOptions) {
    this.#options = options;
    this.#keys = options.keys ?? (options.controls.replay === undefined ? RUN_KEYS : REPLAY_KEYS);
    this.#terminal = new Terminal(options.device ?? openTerminalDevice(), {
      color: options.color,
      onChange: () => this.#isDrawn = false,
    });
    for (const method of CONSOLE_METHODS) {
      console[method] = (...parts: unknown[]) => this.say(parts.map(String).join(" "));
    }
    this.#timer = setInterval(() => this.tick(performance.now()), LOOK_MILLISECONDS);
  }

  hear(event: ViewEvent, at: number): void {
    if (event.event === "loaded") {
      const { loading: _, ...state } = this.#state;
      this.#state = state;
    }
    this.show(see(this.#view, event, at));
  }

  show(view: RunView): void {
    this.#view = view;
    this.#isDrawn = false;
  }

  /** Something that would have stood on the terminal: it stands among the events. */
  say(text: string): void {
    this.#change(say(this.#state, this.#view, text));
  }

  /** How much of a model is loaded, from 0 to 1. */
  loading(model: string, fraction: number): void {
    this.#change({ ...this.#state, loading: { model, fraction } });
  }

  /** A key was pressed. */
  press(key: Key): void {
    const { state, request } = press(this.#state, key, { view: this.#view, keys: this.#keys });
    this.#change(state);
    if (request !== undefined) this.#ask(request);
  }

  /** Looks for keys, and draws where something has changed; as often as there is time. */
  tick(now: number): void {
    for (let typed; (typed = this.#terminal.read()) !== undefined;) this.#keyboard.hear(typed);
    if (this.#state.message !== undefined && now - this.#messageAt > MESSAGE_MILLISECONDS) {
      const { message: _, ...state } = this.#state;
      this.#change(state);
    }
    if (this.#isDrawn || now - this.#drawnAt < DRAW_MILLISECONDS || !this.#terminal.flush()) return;
    const validation = this.#options.validation?.();
    const speed = this.#options.controls.replay?.speed;
    const drawing = drawScreen(this.#view, this.#terminal.size, {
      state: this.#state,
      keys: this.#keys,
      ...(validation === undefined ? {} : { validation }),
      ...(speed === undefined ? {} : { speed }),
    });
    this.#isDrawn = this.#terminal.draw(drawing);
    this.#drawnAt = now;
  }

  /** Gives the terminal back as it was found. */
  close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closed.abort();
    this.#keyboard.close();
    this.#terminal.close();
    for (const [method, original] of this.#console) console[method] = original;
    return Promise.resolve();
  }

  #change(state: ScreenState): void {
    this.#state = state;
    this.#isDrawn = false;
  }

  #answer(message: string): void {
    this.#messageAt = performance.now();
    this.#change({ ...this.#state, message });
  }

  #ask(request: Request): void {
    const { controls } = this.#options;
    switch (request.do) {
      case "quit":
        return controls.quit();
      case "pause":
        return controls.isPaused ? controls.resume() : controls.pause();
      case "kill":
        return this.#answer(controls.kill(request.id) ?? `${request.id} is being ended`);
      case "whisper":
        return this.#answer(controls.whisper(request.text) ?? "Whispered: it is heard next turn");
      case "prompt":
        void this.#editPrompt(request.id);
        return;
      case "faster":
      case "slower":
        if (controls.replay !== undefined) {
          controls.replay.setSpeed(speedAfter(controls.replay.speed, request.do));
        } else {
          controls.setPace(paceAfter(controls.pace, request.do));
        }
        return this.#change(this.#state);
      case "go-to":
        return controls.replay?.goTo(request.turn);
      case "redraw":
        return this.#terminal.redraw();
    }
  }

  async #editPrompt(id: string): Promise<void> {
    const { controls, edit = editText } = this.#options;
    const before = controls.promptOf(id);
    if (before === undefined) return this.#answer(`${id} has no prompt that can be changed`);
    const edited = await this.#terminal.lend(() => edit(before, this.#closed.signal));
    if (!edited.ok) return this.#answer(edited.why);
    if (edited.text === before) return this.#answer("The prompt is as it was");
    const refusal = controls.setPrompt(id, edited.text);
    this.#answer(refusal ?? `${id} has another prompt from its next turn on`);
  }
}
