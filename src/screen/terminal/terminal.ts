import process from "node:process";
import type { Size } from "../drawing/draw_options.ts";
import type { Drawing } from "../drawing/draw_screen.ts";
import type { TerminalDevice } from "./device.ts";
import { Frames } from "./frames.ts";

/** The other screen, lines that aren't wrapped, pasted text in brackets. */
const ENTER = "\u001b[?1049h\u001b[?7l\u001b[?2004h\u001b[?25l\u001b[2J";
/** The same backwards. A frame or an escape that was cut off is ended first. */
const LEAVE = "\u0018\u001b[?2026l\u001b[0m\u001b[?2004l\u001b[?7h\u001b[?25h\u001b[?1049l";

/** How long a terminal that is slow to read is waited for when it is left at once. */
const LEAVE_MILLISECONDS = 200;
/** The same where the run goes on meanwhile, and how often it is tried. */
const CLOSE_MILLISECONDS = 2000;
const FLUSH_MILLISECONDS = 20;

const CTRL_C = 0x03;
const CTRL_Z = 0x1a;
const CTRL_BACKSLASH = 0x1c;

/** What ends a process without a stop being asked for. */
const FATAL_EVENTS = ["unload", "error", "unhandledrejection"] as const;

/**
 * A terminal while the screen is on it. Whatever ends this process, it is left as it was found: at a
 * close, an exit, an error that nobody caught, Ctrl-\ and Ctrl-Z (and taken again when it goes on).
 * Only what gives no warning can't be helped: `kill -9`, and an abort of native code.
 */
export class Terminal {
  readonly #device: TerminalDevice;
  readonly #frames: Frames;
  readonly #onChange: () => void;
  readonly #onInterrupt: () => void;
  #state: "shown" | "lent" | "stopped" | "closing" | "closed" = "shown";

  /** @param options Told when all of it has to be drawn anew, and of a Ctrl-C that was typed. */
  constructor(
    device: TerminalDevice,
    { color, onChange, onInterrupt }: {
      readonly color: boolean;
      readonly onChange: () => void;
      readonly onInterrupt: () => void;
    },
  ) {
    this.#device = device;
    this.#frames = new Frames((bytes) => device.write(bytes), { color });
    this.#onChange = onChange;
    this.#onInterrupt = onInterrupt;
    for (const name of FATAL_EVENTS) globalThis.addEventListener(name, this.#leaveAtOnce);
    for (const [name, handler] of this.#signals) process.on(name, handler);
    this.#enter();
  }

  get size(): Size {
    return this.#device.size();
  }

  /** What was typed since; nothing while somebody else has the terminal. */
  read(): Uint8Array | undefined {
    return this.#state === "shown" ? this.#typed() : undefined;
  }

  /** Draws what changed; false where the terminal isn't ready, and nothing was drawn. */
  draw(drawing: Drawing): boolean {
    return this.#state === "shown" && this.#frames.draw(drawing);
  }

  /** Sends what is waiting, as far as the terminal takes it; whether that is all. */
  flush(): boolean {
    return this.#frames.flush();
  }

  /** The next drawing is a whole one, over whatever something else may have written. */
  repaint(): void {
    this.#frames.repaint();
  }

  /** Everything is drawn anew, and now. */
  redraw(): void {
    this.#frames.invalidate();
    this.#onChange();
  }

  /** Lends the terminal, as it was found, to another program until the work is done. */
  async lend<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#state === "shown") {
      this.#leave();
      this.#state = "lent";
    }
    try {
      return await work();
    } finally {
      if (this.#state === "lent") this.#enter();
    }
  }

  /** Leaves it as it was found; one that is slow to read is waited for. */
  async close(): Promise<void> {
    if (this.#state === "shown") {
      this.#state = "closing";
      this.#forget();
      this.#frames.send(LEAVE);
      for (let waited = 0; waited < CLOSE_MILLISECONDS && !this.#frames.flush();) {
        // A Ctrl-C is heard meanwhile.
        this.#forget();
        await new Promise((resolve) => setTimeout(resolve, FLUSH_MILLISECONDS));
        waited += FLUSH_MILLISECONDS;
      }
      this.#device.setRaw(false);
    }
    if (this.#state !== "closed") this.#device.close();
    this.#state = "closed";
    for (const name of FATAL_EVENTS) globalThis.removeEventListener(name, this.#leaveAtOnce);
    for (const [name, handler] of this.#signals) process.off(name, handler);
  }

  #enter(): void {
    this.#state = "shown";
    this.#device.setRaw(true);
    this.#frames.send(ENTER);
    this.redraw();
  }

  /** What was typed for the screen isn't for the shell. */
  #forget(): void {
    while (this.#typed() !== undefined);
  }

  /**
   * What was typed since, but for the keys that are signals, which forget what was typed before them
   * as the terminal itself does. The terminal would stop a parent (npx) at once, the shell would take
   * it back, and this process could leave it no longer: so it is left first, and then all are stopped.
   */
  #typed(): Uint8Array | undefined {
    const typed = this.#device.read();
    const key = typed?.findLast((byte) =>
      byte === CTRL_C || byte === CTRL_Z || byte === CTRL_BACKSLASH
    );
    if (typed === undefined || key === undefined) return typed;
    if (key === CTRL_C) this.#onInterrupt();
    if (key !== CTRL_Z) this.#device.raise(key === CTRL_C ? "SIGINT" : "SIGQUIT");
    else if (this.#state === "shown") this.#stop();
    return new Uint8Array();
  }

  #stop(): void {
    if (this.#state === "shown") {
      this.#state = "stopped";
      this.#leave();
    }
    // All of the foreground: a task runner doesn't stop by itself, and the shell waits for it.
    this.#device.raise("SIGSTOP");
  }

  #leave(): void {
    const began = performance.now();
    this.#frames.send(LEAVE);
    while (!this.#frames.flush() && performance.now() - began < LEAVE_MILLISECONDS);
    this.#forget();
    this.#device.setRaw(false);
  }

  readonly #leaveAtOnce = () => {
    if (this.#state === "shown") this.#leave();
    if (this.#state === "closing") this.#device.setRaw(false);
    this.#state = "closed";
  };

  /** The terminal's own signals; those that end a run are heard by who runs it. */
  readonly #signals: readonly (readonly [NodeJS.Signals, () => void])[] = [
    ["SIGWINCH", () => this.redraw()],
    ["SIGTSTP", () => this.#stop()],
    ["SIGCONT", () => {
      // Whoever stopped it, something else may have drawn meanwhile.
      if (this.#state === "stopped" || this.#state === "shown") this.#enter();
    }],
    ["SIGQUIT", () => {
      this.#leaveAtOnce();
      process.exit(128 + 3);
    }],
  ];
}
