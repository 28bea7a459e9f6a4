import { emitKeypressEvents } from "node:readline";
import { PassThrough } from "node:stream";
import type { Key } from "../keys.ts";

/** What Node tells of a key. */
interface Keypress {
  readonly name?: string;
  readonly ctrl: boolean;
  readonly meta: boolean;
  readonly shift: boolean;
}

const BEGIN_PASTE = "\u001b[200~";
const END_PASTE = "\u001b[201~";

/** A pasted text that never ends is no paste. */
const MOST_PASTED = 100_000;

/**
 * Keys from the bytes that a terminal sends: Node's decoder, but for pasted text, which comes in
 * brackets of its own and must not act as keys.
 */
export class Keyboard {
  readonly #keys = new PassThrough();
  readonly #decoder = new TextDecoder();
  readonly #onKey: (key: Key) => void;
  #pasted: string | undefined;
  /** The beginning of a bracket, where it came in two pieces. */
  #held = "";

  constructor(onKey: (key: Key) => void) {
    this.#onKey = onKey;
    emitKeypressEvents(this.#keys);
    this.#keys.on("keypress", (text: string | undefined, key: Keypress) => {
      const heard = keyOf(text ?? undefined, key);
      if (heard !== undefined) onKey(heard);
    });
  }

  hear(bytes: Uint8Array): void {
    let text = this.#held + this.#decoder.decode(bytes, { stream: true });
    this.#held = "";
    while (text !== "") {
      const mark = this.#pasted === undefined ? BEGIN_PASTE : END_PASTE;
      const at = text.indexOf(mark);
      const begun = at < 0 ? beginningAtEnd(text, mark) : 0;
      const part = at < 0 ? text.slice(0, text.length - begun) : text.slice(0, at);
      this.#take(part);
      if (at < 0) {
        this.#held = begun > 0 ? text.slice(-begun) : "";
        return;
      }
      this.#turn();
      text = text.slice(at + mark.length);
    }
  }

  close(): void {
    this.#keys.removeAllListeners();
    this.#keys.destroy();
  }

  #take(text: string): void {
    if (text === "") return;
    if (this.#pasted === undefined) this.#keys.write(text);
    else if (this.#pasted.length < MOST_PASTED) this.#pasted += text;
  }

  /** A bracket was met. */
  #turn(): void {
    if (this.#pasted === undefined) {
      this.#pasted = "";
      return;
    }
    const text = this.#pasted;
    this.#pasted = undefined;
    this.#onKey({ name: "paste", text });
  }
}

/**
 * How many characters at a text's end may be a bracket's beginning. A lone escape is a key: it isn't
 * held back.
 */
function beginningAtEnd(text: string, mark: string): number {
  for (let length = Math.min(mark.length - 1, text.length); length > 2; length--) {
    if (text.endsWith(mark.slice(0, length))) return length;
  }
  return 0;
}

function keyOf(text: string | undefined, { name, ctrl, meta, shift }: Keypress): Key | undefined {
  if (ctrl && name !== undefined) return { name: `ctrl+${name}` };
  // deno-lint-ignore no-control-regex
  const isTyped = text !== undefined && !/[\u0000-\u001f\u007f]/.test(text);
  if (isTyped && !meta) return { name: text === " " ? "space" : text, text };
  if (name === undefined || name === "undefined") return undefined;
  // An escape that nothing follows comes with meta; Alt with a letter isn't the letter.
  if (meta && name !== "escape") return { name: `meta+${name}` };
  return { name: shift ? `shift+${name}` : name };
}
