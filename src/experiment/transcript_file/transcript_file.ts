import { BrainjarError, lineOf } from "../../budget/error.ts";
import type { Transcript, TranscriptLine } from "../transcript.ts";
import { hintFor } from "./inspect.ts";
import { nextPart } from "./parts.ts";

/** How lines are written; the defaults are plain JSON, the machine's time and one file. */
export interface TranscriptOptions {
  /** A line as JSON, without a line break. */
  readonly toText?: (line: TranscriptLine) => string;
  readonly now?: () => Date;
  /** Bytes after which it goes on in another file; absent: never. */
  readonly maxBytes?: number;
}

/** A file that was found fit for a transcript. */
interface OpenedFile {
  readonly path: string;
  readonly file: Deno.FsFile;
  readonly opened: Deno.FileInfo;
  /** The last run was killed in the middle of a line. */
  readonly endsInLine: boolean;
}

/** A transcript in a file, and where it has a greatest size in as many as it takes. */
export class TranscriptFile implements Transcript {
  readonly #path: string;
  readonly #toText: (line: TranscriptLine) => string;
  readonly #now: () => Date;
  #file: Deno.FsFile;
  #endsInLine: boolean;
  #bytes: number;
  #maxBytes: number;
  #part = 1;
  /** What each part begins with, so that it can be played alone. */
  readonly #head: TranscriptLine[] = [];
  /** Whether the part has more than that. */
  #hasBody = false;
  #closed = false;
  failure: BrainjarError | undefined;
  warning: BrainjarError | undefined;

  constructor({ path, file, opened, endsInLine }: OpenedFile, options: TranscriptOptions) {
    this.#file = file;
    this.#toText = options.toText ?? JSON.stringify;
    this.#now = options.now ?? (() => new Date());
    this.#endsInLine = endsInLine;
    this.#bytes = opened.size;
    this.#hasBody = opened.size > 0;
    this.#maxBytes = opened.isFile ? options.maxBytes ?? Infinity : Infinity;
    // A link goes on leading to where the newest part is.
    this.#path = this.#maxBytes < Infinity ? Deno.realPathSync(path) : path;
  }

  write(line: TranscriptLine): void {
    if (this.failure || this.#closed) return;
    const bytes = this.#encoded(line);
    const isHead = line.event === "start" || line.event === "validation";
    const isTooLong = this.#hasBody && this.#bytes + bytes.length > this.#maxBytes;
    // A run's first lines stay together.
    if (isTooLong && line.event !== "validation") this.#goOnInNextPart();
    if (isHead) this.#head.push(line);
    else this.#hasBody = true;
    this.#append(bytes);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
  }

  #encoded(line: TranscriptLine): Uint8Array {
    const text = this.#toText({ time: this.#now().toISOString(), ...line });
    return new TextEncoder().encode(`${text}\n`);
  }

  #append(line: Uint8Array): void {
    let rest = this.#endsInLine ? new Uint8Array([10, ...line]) : line;
    const { length } = rest;
    try {
      while (rest.length > 0) rest = rest.subarray(this.#file.writeSync(rest));
      this.#endsInLine = false;
      this.#bytes += length;
    } catch (cause) {
      this.#takeBack(length - rest.length);
      this.failure = new BrainjarError(
        "log-unwritable",
        `Log file can't be written any more: ${this.#path}`,
        { hint: hintFor(cause), kind: "engine", cause },
      );
    }
  }

  /** Where there can't be one it goes on in the same file: a transcript that is too long is whole. */
  #goOnInNextPart(): void {
    try {
      const next = nextPart(this.#path, this.#file);
      this.#file.close();
      this.#file = next;
    } catch (cause) {
      this.#maxBytes = Infinity;
      this.warning = new BrainjarError(
        "log-not-rotated",
        `Log file goes on beyond its greatest size: ${this.#path}`,
        {
          hint: cause instanceof BrainjarError ? cause.message : lineOf(cause),
          kind: "engine",
          cause,
        },
      );
      return;
    }
    this.#bytes = 0;
    this.#hasBody = false;
    // What is moved before this run's first line is another run's.
    if (this.#head.length > 0) this.#part++;
    for (const line of this.#head) this.#append(this.#encoded(this.#inThisPart(line)));
  }

  #inThisPart(line: TranscriptLine): TranscriptLine {
    if (line.event !== "start") return line;
    const { event, schema, ...rest } = line;
    return { event, schema, part: this.#part, ...rest };
  }

  /** Half a line is none, for who reads the file later. */
  #takeBack(bytes: number): void {
    try {
      const { isFile, size } = this.#file.statSync();
      if (isFile && bytes > 0) this.#file.truncateSync(Math.max(0, size - bytes));
    } catch {
      // What failed first is told.
    }
  }
}
