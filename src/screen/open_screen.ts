import { defined } from "../budget/defined.ts";
import { exitCode } from "../budget/exit_codes.ts";
import { type Clock, systemClock } from "../experiment/clock.ts";
import { SAME_PRESS_MILLISECONDS } from "../experiment/limits.ts";
import { fasterPace, slowerPace } from "../view/pace.ts";
import { fasterSpeed, slowerSpeed } from "../view/speed.ts";
import type { Viewer, ViewEvent, Watched } from "../view/view_event.ts";
import { drawScreen } from "./drawing/draw_screen.ts";
import { type Edited, editText } from "./external_editor.ts";
import { type Key, type KeyBinding, REPLAY_KEYS, RUN_KEYS } from "./keys.ts";
import { INITIAL_STATE, press, type Request, say, type ScreenState } from "./screen_state.ts";
import { openTerminalDevice, type TerminalDevice } from "./terminal/device.ts";
import { FRAME_MILLISECONDS } from "./terminal/frames.ts";
import { Keyboard } from "./terminal/keyboard.ts";
import { Terminal } from "./terminal/terminal.ts";

/** What the screen needs of whoever opens it. */
export interface ScreenOptions extends Watched {
  /** Whether styles are shown; unless told otherwise where `NO_COLOR` doesn't forbid it. */
  readonly color?: boolean;
  /** Those of a run, or of a replay where the controls have one, unless told otherwise. */
  readonly keys?: readonly KeyBinding[];
  /** Where the run's page is, which stands on the screen as long as that does. */
  readonly pageUrl?: string;
  /** The terminal that this process was started in, unless told otherwise. */
  readonly device?: TerminalDevice;
  /** Has a person edit a text while the terminal is theirs. */
  readonly edit?: (text: string, signal: AbortSignal) => Promise<Edited>;
  /** Tells what a drawing took; the machine's own unless told otherwise. */
  readonly clock?: Pick<Clock, "now">;
  /** Ends the process at once. */
  readonly exit?: (code: number) => void;
}

/** A screen that is open. */
export interface Screen extends Viewer {
  show(): void;
  /** Something that would have stood on the terminal: it stands among the events. */
  say(text: string): void;
  /** How much of a model is loaded, from 0 to 1. */
  loading(model: string, fraction: number): void;
  /** What is waited for before jars can be loaded; nothing where nothing is. */
  waiting(text: string | undefined): void;
}

/** On a slow or busy machine a change is drawn less often, down to twice a second. */
const SLOWEST_FRAME_MILLISECONDS = 500;
/** Drawing takes at most one part of so many of the time: the rest is for thinking. */
const PARTS_OF_TIME = 60;
/** How often keys are looked for: each look costs, and whoever types one soon types another. */
const LOOK_MILLISECONDS = 80;
const TYPING_LOOK_MILLISECONDS = 25;
const TYPING_MILLISECONDS = 1000;
/** How often all is drawn: native code may have written to the terminal, which nothing tells. */
const WHOLE_MILLISECONDS = 5000;
/** How long an answer stands in place of the keys. */
const MESSAGE_MILLISECONDS = 6000;

const CONSOLE_METHODS = ["error", "warn", "info", "log", "debug"] as const;

/**
 * Shows a run on the terminal that this process was started in, from now until it is closed.
 *
 * Nothing else may write to the terminal meanwhile: what there is to be said goes through `say`, and
 * what is printed to the console is caught.
 *
 * @throws `BrainjarError` where there is no terminal
 */
export function openScreen(options: ScreenOptions): Screen {
  const screen = new TerminalScreen(options);
  let timer: ReturnType<typeof setTimeout>;
  const look = () => {
    const now = performance.now();
    screen.tick(now);
    const isTyping = now - screen.typedAt < TYPING_MILLISECONDS;
    timer = setTimeout(look, isTyping ? TYPING_LOOK_MILLISECONDS : LOOK_MILLISECONDS);
  };
  timer = setTimeout(look, 0);
  const originals = CONSOLE_METHODS.map((method) => [method, console[method]] as const);
  for (const method of CONSOLE_METHODS) {
    console[method] = (...parts: unknown[]) => screen.say(parts.map(String).join(" "));
  }
  return {
    hear: (event) => screen.hear(event),
    show: () => screen.show(),
    say: (text) => screen.say(text),
    loading: (model, fraction) => screen.loading(model, fraction),
    waiting: (text) => screen.waiting(text),
    close: async () => {
      clearTimeout(timer);
      for (const [method, original] of originals) console[method] = original;
      await screen.close();
    },
  };
}

/** A screen without a clock of its own: `tick` is called as often as there is time. */
export class TerminalScreen implements Screen {
  readonly #options: ScreenOptions;
  readonly #keys: readonly KeyBinding[];
  readonly #terminal: Terminal;
  readonly #keyboard = new Keyboard((key) => this.press(key));
  readonly #closed = new AbortController();
  #state: ScreenState = INITIAL_STATE;
  #isDrawn = false;
  /** Not before is it drawn again. */
  #drawsAt = -Infinity;
  #wholeAt = -Infinity;
  #now = 0;
  #messageAt = 0;
  #typedAt = -Infinity;
  #quitAt: number | undefined;

  /** Takes the terminal. */
  constructor(options: ScreenOptions) {
    this.#options = options;
    this.#keys = options.keys ?? (options.controls.replay === undefined ? RUN_KEYS : REPLAY_KEYS);
    this.#terminal = new Terminal(options.device ?? openTerminalDevice(), {
      color: options.color ?? !Deno.noColor,
      onChange: () => this.#isDrawn = false,
      // The signal ends the run; that it was heard is seen at once.
      onInterrupt: () => this.#change({ ...this.#state, isQuitting: true }),
    });
  }

  hear(event: ViewEvent): void {
    const { loading, ...state } = this.#state;
    if (event.event === "loaded" && loading !== undefined) this.#state = state;
    this.show();
  }

  show(): void {
    this.#isDrawn = false;
  }

  say(text: string): void {
    this.#change(say(this.#state, this.#options.view(), text));
  }

  loading(model: string, fraction: number): void {
    this.#change({ ...this.#state, loading: { model, fraction } });
  }

  waiting(text: string | undefined): void {
    const { waiting: _, ...state } = this.#state;
    this.#change({ ...state, ...defined({ waiting: text }) });
  }

  /** When something was typed last. */
  get typedAt(): number {
    return this.#typedAt;
  }

  /** A key was pressed. */
  press(key: Key): void {
    const seen = { view: this.#options.view(), keys: this.#keys };
    const { state, request } = press(this.#state, key, seen);
    this.#change(state);
    if (request !== undefined) this.#ask(request);
  }

  /**
   * Looks for keys, and draws where something has changed.
   *
   * @param now milliseconds, never less than before
   */
  tick(now: number): void {
    this.#now = now;
    for (let typed; (typed = this.#terminal.read()) !== undefined;) {
      this.#typedAt = now;
      this.#keyboard.hear(typed);
    }
    if (this.#state.message !== undefined && now - this.#messageAt > MESSAGE_MILLISECONDS) {
      const { message: _, ...state } = this.#state;
      this.#change(state);
    }
    if (!this.#terminal.flush() || this.#isDrawn || now < this.#drawsAt) return;
    const { clock = systemClock } = this.#options;
    const began = clock.now();
    if (now - this.#wholeAt > WHOLE_MILLISECONDS) {
      this.#terminal.repaint();
      this.#wholeAt = now;
    }
    const { view, report, controls, pageUrl } = this.#options;
    const speed = controls.replay?.speed;
    const drawing = drawScreen(view(), this.#terminal.size, {
      state: this.#state,
      keys: this.#keys,
      report: report(),
      ...defined({ pageUrl, speed }),
    });
    this.#isDrawn = this.#terminal.draw(drawing);
    const rest = (clock.now() - began) * PARTS_OF_TIME;
    this.#drawsAt = now +
      Math.min(SLOWEST_FRAME_MILLISECONDS, Math.max(FRAME_MILLISECONDS, rest));
  }

  /** Gives the terminal back as it was found. */
  async close(): Promise<void> {
    this.#closed.abort();
    this.#keyboard.close();
    await this.#terminal.close();
  }

  #change(state: ScreenState): void {
    this.#state = state;
    this.#isDrawn = false;
  }

  #answer(message: string): void {
    this.#messageAt = this.#now;
    this.#change({ ...this.#state, message });
  }

  #ask(request: Request): void {
    const { controls } = this.#options;
    switch (request.do) {
      case "quit":
        return this.#quit();
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
        return this.#changePace(request.do);
      case "go-to":
        return controls.replay?.goTo(request.turn);
      case "redraw":
        return this.#terminal.redraw();
    }
  }

  /** Asks once, and then no longer: as a second Ctrl-C does. */
  #quit(): void {
    const { controls, exit = Deno.exit } = this.#options;
    if (this.#quitAt === undefined) controls.quit();
    else if (this.#now - this.#quitAt > SAME_PRESS_MILLISECONDS) exit(exitCode("SIGINT"));
    this.#quitAt ??= this.#now;
  }

  #changePace(change: "faster" | "slower"): void {
    const { controls } = this.#options;
    if (controls.replay !== undefined) {
      const { speed } = controls.replay;
      controls.replay.setSpeed(change === "faster" ? fasterSpeed(speed) : slowerSpeed(speed));
    } else {
      controls.setPace(change === "faster" ? fasterPace(controls.pace) : slowerPace(controls.pace));
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
