import type { Drawing } from "../drawing/draw_screen.ts";
import { paint } from "../drawing/styled.ts";

const BEGIN_SYNCHRONIZED = "\u001b[?2026h";
const END_SYNCHRONIZED = "\u001b[?2026l";
export const SHOW_CURSOR = "\u001b[?25h";
const HIDE_CURSOR = "\u001b[?25l";
const CLEAR = "\u001b[2J";

/** How often a change is drawn at most. */
export const FRAME_MILLISECONDS = 75;

const encoder = new TextEncoder();

/**
 * Writes drawings, of each only the lines that changed. A terminal that is slow, or has stopped reading,
 * is left to itself: what it hasn't taken waits, and no other frame is made before.
 */
export class Frames {
  readonly #write: (bytes: Uint8Array) => number;
  readonly #color: boolean;
  #shown: readonly string[] | undefined;
  #cursor = "";
  #pending = new Uint8Array();

  /** @param write Takes as many bytes as there is room for, and says how many; never waits. */
  constructor(write: (bytes: Uint8Array) => number, options: { readonly color: boolean }) {
    this.#write = write;
    this.#color = options.color;
  }

  /** Whether the terminal has taken everything. */
  get isFlushed(): boolean {
    return this.#pending.length === 0;
  }

  /** Makes the next drawing a whole one, on a cleared terminal. */
  invalidate(): void {
    this.#shown = undefined;
  }

  /** Makes the next drawing a whole one, over what stands there. */
  repaint(): void {
    this.#shown = this.#shown?.map(() => "");
  }

  /** Draws; false where the terminal has not taken the last frame yet, and this one is dropped. */
  draw({ lines, cursor }: Drawing): boolean {
    if (!this.flush()) return false;
    const painted = lines.map((line) => paint(line, { color: this.#color, positions: true }));
    const before = this.#shown;
    const changes = painted.map((line, row) =>
      before?.[row] === line ? "" : `\u001b[${row + 1};1H${line}`
    ).join("");
    const place = cursor === undefined
      ? HIDE_CURSOR
      : `\u001b[${cursor.row};${cursor.column}H${SHOW_CURSOR}`;
    if (changes === "" && place === this.#cursor && before !== undefined) return true;
    const clear = before?.length === painted.length ? "" : CLEAR;
    this.send(BEGIN_SYNCHRONIZED + HIDE_CURSOR + clear + changes + place + END_SYNCHRONIZED);
    this.#shown = painted;
    this.#cursor = place;
    return true;
  }

  /** Sends text after what is waiting. */
  send(text: string): void {
    const bytes = encoder.encode(text);
    const joined = new Uint8Array(this.#pending.length + bytes.length);
    joined.set(this.#pending);
    joined.set(bytes, this.#pending.length);
    this.#pending = joined;
    this.flush();
  }

  /** Sends what is waiting, as far as the terminal takes it; whether that is all. */
  flush(): boolean {
    while (this.#pending.length > 0) {
      const written = this.#write(this.#pending);
      if (written === 0) return false;
      this.#pending = this.#pending.subarray(written);
    }
    return true;
  }
}
