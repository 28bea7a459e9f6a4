import type { BrainjarError } from "../budget/error.ts";
import { corrupt, CORRUPT_HINT, fault, headerTooLarge, INCOMPLETE_HINT } from "./fault.ts";
import { MAX_HEADER_BYTES, MAX_STRING_BYTES, MAX_TEXT_BYTES } from "./limits.ts";
import { LENGTH_BYTES, stringSkipper } from "./skip_strings.ts";
import type { ByteSource } from "./sources/source.ts";
import type { Window } from "./window.ts";

const TWO_32 = 2 ** 32;

/** A count that 31 bits hold: longer arrays are skipped in several calls. */
const MOST_AT_ONCE = 2 ** 30;

const skipBigEndianStrings = stringSkipper(false);

// A BOM is a token like any other.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * A place in a source, with a window of bytes around it.
 *
 * Reading is synchronous and checked; only `prepare` waits for the source. So the decoder prepares
 * a stretch once and then reads it field by field.
 */
export class Cursor {
  readonly source: ByteSource;
  readonly window: Window;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  littleEndian = true;
  /** What is being read, for errors: `metadata entry 3 of 24`. */
  place: () => string = () => "the first bytes";
  /** Index into `bytes`; past `end` after a skip. */
  position = 0;
  /** Valid bytes in `bytes`. */
  end = 0;
  /** Offset in the file of `bytes[0]`. */
  #start = 0;
  /** Whether the source gave no more, whatever its size: a file may shrink while it is read. */
  #ended = false;
  /** Bytes that were read and not skipped. */
  #read = 0;

  constructor(source: ByteSource, window: Window) {
    this.source = source;
    this.window = window;
    this.bytes = window.bytes;
    this.view = window.view;
  }

  /** Where in the file the next field starts. */
  get offset(): number {
    return this.#start + this.position;
  }

  /** Bytes of the file from here on. */
  get remaining(): number {
    return this.source.size - this.offset;
  }

  /** Whether the window has fewer than the next `count` bytes and the file could give more. */
  lacks(count: number): boolean {
    return this.end - this.position < count && !this.#ended &&
      this.#start + this.end < this.source.size;
  }

  /**
   * Brings the next `count` bytes into the window, or as many as the file has. A promise only where
   * the source makes it wait.
   */
  prepare(count: number): Promise<void> | undefined {
    const kept = Math.max(0, this.end - this.position);
    if (kept > 0) this.bytes.copyWithin(0, this.position, this.end);
    this.#start += this.position;
    this.position = 0;
    this.end = kept;
    return this.#fill(count);
  }

  #fill(count: number): Promise<void> | undefined {
    while (this.end < count) {
      const offset = this.#start + this.end;
      const room = Math.min(this.bytes.length - this.end, this.source.size - offset);
      if (room <= 0) return;
      const got = this.source.read(offset, this.bytes.subarray(this.end, this.end + room));
      if (typeof got !== "number") return this.#fillLater(got, count);
      if (!this.#add(got)) return;
    }
  }

  async #fillLater(got: Promise<number>, count: number): Promise<void> {
    if (this.#add(await got)) await this.#fill(count);
  }

  /** Counts what was read; false at the source's end. */
  #add(got: number): boolean {
    if (got <= 0) {
      this.#ended = true;
      return false;
    }
    this.end += got;
    this.#read += got;
    if (this.#read <= MAX_HEADER_BYTES) return true;
    throw headerTooLarge(this.source.path, this.place());
  }

  skip(count: number): void {
    this.position += count;
  }

  /** Throws unless the next `count` bytes are in the window, which ends early only with the file. */
  expect(count: number): void {
    if (this.end - this.position < count) throw this.cutOff();
  }

  uint32(): number {
    this.expect(4);
    const value = this.view.getUint32(this.position, this.littleEndian);
    this.position += 4;
    return value;
  }

  /** A 64-bit length or count; above 2^53 it loses digits, which no limit minds. */
  uint64(): number {
    this.expect(8);
    const first = this.view.getUint32(this.position, this.littleEndian);
    const second = this.view.getUint32(this.position + 4, this.littleEndian);
    this.position += 8;
    return this.littleEndian ? second * TWO_32 + first : first * TWO_32 + second;
  }

  /** Text of so many bytes that are in the window. */
  text(length: number): string {
    this.expect(length);
    const text = decoder.decode(this.bytes.subarray(this.position, this.position + length));
    this.position += length;
    return text;
  }

  /**
   * A length field and its text, cut at `MAX_TEXT_BYTES`; a promise only where the window lacks
   * some of it, because most texts are short and a promise costs more than reading them.
   */
  string(): string | Promise<string> {
    if (this.lacks(8)) return this.#preparedString(8);
    const length = this.uint64();
    this.checkLength(length, 1, MAX_STRING_BYTES, "a text");
    const kept = Math.min(length, MAX_TEXT_BYTES);
    if (this.lacks(kept)) {
      this.position -= 8;
      return this.#preparedString(8 + kept);
    }
    const text = this.text(kept);
    this.skip(length - kept);
    return text;
  }

  async #preparedString(count: number): Promise<string> {
    await this.prepare(count);
    return await this.string();
  }

  /**
   * Skips `count` strings by their length fields, without touching their text, and returns the bytes
   * of text.
   */
  async skipStrings(count: number): Promise<number> {
    const skip = this.littleEndian ? this.window.skipStrings : skipBigEndianStrings;
    const start = this.offset;
    let left = count;
    while (left > 0) {
      if (this.lacks(LENGTH_BYTES)) {
        const waiting = this.prepare(LENGTH_BYTES);
        if (waiting !== undefined) await waiting;
      }
      this.expect(LENGTH_BYTES);
      const last = this.end - LENGTH_BYTES;
      const most = Math.min(left, MOST_AT_ONCE);
      const [position, notSkipped] = skip(this.view, this.position, last, most);
      this.position = position;
      left -= most - notSkipped;
      const stopped = notSkipped > 0 && position <= last;
      if (stopped || this.remaining < 0) throw this.#pastTheEnd(count - left, count);
    }
    return this.offset - start - count * LENGTH_BYTES;
  }

  #pastTheEnd(index: number, count: number): BrainjarError {
    return fault(
      "gguf-lying-length",
      `Model file ${this.source.path} claims a text that goes past the end of the file, about string ` +
        `${index + 1} of ${count} of ${this.place()}`,
      CORRUPT_HINT,
    );
  }

  /** Throws where so many elements of at least so many bytes aren't in the rest of the file, or in any model. */
  checkLength(count: number, bytes: number, limit: number, what: string): void {
    if (count * bytes > this.remaining) {
      throw fault(
        "gguf-lying-length",
        `Model file ${this.source.path} claims ${what} of length ${count} in ${this.place()}, but only ` +
          `${this.remaining} bytes follow`,
        "The download is incomplete or the file is damaged: download it again",
      );
    }
    if (count <= limit) return;
    const most = `but no model has more than ${limit}`;
    throw corrupt(
      this,
      "gguf-too-large",
      `claims ${what} of length ${count} in ${this.place()}, ${most}`,
    );
  }

  /** The error for a file that ends inside a field. */
  cutOff(): BrainjarError {
    return fault(
      "gguf-cut-off",
      `Model file ${this.source.path} is cut off in ${this.place()}: it ends after ${this.source.size} bytes`,
      INCOMPLETE_HINT,
    );
  }
}
