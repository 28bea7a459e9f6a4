import type { Size } from "../../src/screen/drawing/draw_options.ts";
import type { TerminalDevice } from "../../src/screen/terminal/device.ts";

/** A terminal that a test types on, looks at, and can stall. */
export class FakeTerminal implements TerminalDevice {
  columns = 80;
  rows = 24;
  isRaw = false;
  isClosed = false;
  /** What it sent to the foreground, oldest first, and whether keys were the screen's meanwhile. */
  readonly raised: string[] = [];
  /** Bytes that it takes before it is full; a test makes room again. */
  room = Infinity;
  #typed: Uint8Array[] = [];
  #written = "";
  readonly #decoder = new TextDecoder();

  type(text: string): void {
    this.#typed.push(new TextEncoder().encode(text));
  }

  /** What was written since the last look. */
  take(): string {
    const written = this.#written;
    this.#written = "";
    return written;
  }

  size(): Size {
    return { columns: this.columns, rows: this.rows };
  }

  read(): Uint8Array | undefined {
    return this.#typed.shift();
  }

  write(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.room);
    this.room -= count;
    this.#written += this.#decoder.decode(bytes.subarray(0, count), { stream: true });
    return count;
  }

  setRaw(isRaw: boolean): void {
    this.isRaw = isRaw;
  }

  raise(signal: NodeJS.Signals): void {
    this.raised.push(`${signal} ${this.isRaw ? "drawn" : "left"}`);
  }

  close(): void {
    this.isClosed = true;
  }
}
