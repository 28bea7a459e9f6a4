import type { BrainjarError } from "../budget/error.ts";
import { CORRUPT_HINT, fault, INCOMPLETE_HINT } from "./fault.ts";
import { MAX_HEADER_BYTES, MAX_STRING_BYTES, MAX_TEXT_BYTES, WINDOW_BYTES } from "./limits.ts";
import type { ByteSource } from "./source.ts";

const TWO_32 = 2 ** 32;

// A BOM is a token like any other.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The window of the last read, for the next one: a thousand models take one buffer. */
let spare: Uint8Array<ArrayBuffer> | undefined;

/**
 * A place in a source, with a window of bytes around it.
 *
 * Reading is synchronous and checked; only `prepare` waits for the source. So the decoder prepares
 * a stretch once and then reads it field by field.
 */
export class Cursor {
  readonly source: ByteSource;
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
  /** Bytes that were read and not skipped. */
  #read = 0;

  constructor(source: ByteSource) {
    this.source = source;
    this.bytes = spare ?? new Uint8Array(WINDOW_BYTES);
    spare = undefined;
    this.view = new DataView(this.bytes.buffer);
  }

  /** Gives the window to the next cursor; this one must not be used any more. */
  release(): void {
    spare = this.bytes;
  }

  /** Where in the file the next field starts. */
  get offset(): number {
    return this.#start + this.position;
  }

  /** Bytes of the file from here on. */
  get remaining(): number {
    return this.source.size - this.offset;
  }

  /** Whether the next `count` bytes are in the window. */
  has(count: number): boolean {
    return this.end - this.position >= count;
  }

  /** Brings the next `count` bytes into the window, or as many as the file has. */
  async prepare(count: number): Promise<void> {
    const kept = Math.max(0, this.end - this.position);
    if (kept > 0) this.bytes.copyWithin(0, this.position, this.end);
    this.#start += this.position;
    this.position = 0;
    this.end = kept;
    while (this.end < count) {
      const room = Math.min(
        this.bytes.length - this.end,
        this.source.size - this.#start - this.end,
      );
      if (room <= 0) return;
      const answer = this.source.read(
        this.#start + this.end,
        this.bytes.subarray(this.end, this.end + room),
      );
      const got = typeof answer === "number" ? answer : await answer;
      if (got <= 0) return;
      this.end += got;
      this.#read += got;
      if (this.#read > MAX_HEADER_BYTES) {
        throw fault(
          "gguf-too-large",
          `The header of ${this.source.path} is longer than ${MAX_HEADER_BYTES} bytes, in ` +
            this.place(),
          CORRUPT_HINT,
        );
      }
    }
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

  /** A length field and its text, cut at `MAX_TEXT_BYTES`. */
  async string(): Promise<string> {
    if (!this.has(8)) await this.prepare(8);
    const length = this.uint64();
    this.checkLength(length, 1, MAX_STRING_BYTES, "a text");
    const kept = Math.min(length, MAX_TEXT_BYTES);
    if (!this.has(kept)) await this.prepare(kept);
    const text = this.text(kept);
    this.skip(length - kept);
    return text;
  }

  /** Throws where so many elements of at least so many bytes can't be in the rest of the file. */
  checkLength(count: number, bytes: number, limit: number, what: string): void {
    if (count * bytes <= this.remaining && count <= limit) return;
    throw fault(
      "gguf-lying-length",
      `${this.source.path} claims ${what} of length ${count} in ${this.place()}, but only ` +
        `${this.remaining} bytes follow`,
      CORRUPT_HINT,
    );
  }

  /** The error for a file that ends inside a field. */
  cutOff(): BrainjarError {
    return fault(
      "gguf-cut-off",
      `${this.source.path} is cut off in ${this.place()}: it ends after ${this.source.size} bytes`,
      INCOMPLETE_HINT,
    );
  }
}
