import { BrainjarError, messageOf } from "../budget/error.ts";
import type { RunEvent } from "./events.ts";

/** Names the shape of a transcript's lines, in its first one. */
export const TRANSCRIPT_SCHEMA = "brainjar.transcript/1";

/** A file that keeps what was thought. */
export interface Transcript {
  /** Appends one line. After a failure it does nothing: a transcript has no holes. */
  write(line: TranscriptLine): void;
  close(): void;
  /** Why it ends early; absent as long as every line was written. */
  readonly failure: BrainjarError | undefined;
}

/** One JSON object of a transcript. */
export type TranscriptLine = Readonly<Record<string, unknown>>;

/** A line as JSON, without a line break. */
type ToText = (line: TranscriptLine) => string;

/**
 * Opens a transcript for writing. What was in the file is gone with the first line, and not before:
 * a run that never begins leaves the last one's transcript alone.
 *
 * @throws {BrainjarError} `log-unwritable`, kind `usage`, for a directory, a missing folder, a
 * missing permission.
 */
export function openTranscript(path: string, toText: ToText = JSON.stringify): Transcript {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { write: true, create: true });
  } catch (cause) {
    throw new BrainjarError("log-unwritable", `Log file can't be written: ${path}`, {
      hint: hintFor(cause),
      cause,
    });
  }
  return new FileTranscript(path, file, toText);
}

class FileTranscript implements Transcript {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #toText: ToText;
  #begun = false;
  #closed = false;
  failure: BrainjarError | undefined;

  constructor(path: string, file: Deno.FsFile, toText: ToText) {
    this.#path = path;
    this.#file = file;
    this.#toText = toText;
  }

  write(line: TranscriptLine): void {
    if (this.failure || this.#closed) return;
    try {
      if (!this.#begun && this.#file.statSync().isFile) this.#file.truncateSync();
      this.#begun = true;
      let rest = new TextEncoder().encode(`${this.#toText(line)}\n`);
      while (rest.length > 0) rest = rest.subarray(this.#file.writeSync(rest));
    } catch (cause) {
      this.failure = new BrainjarError(
        "log-unwritable",
        `Log file can't be written any more: ${this.#path}`,
        { hint: hintFor(cause), cause },
      );
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
  }
}

/**
 * What of an event goes into a transcript: what was thought, by whom, and who died of what. Times,
 * memory and warnings stay out, because the same seed, model and flags give the same transcript.
 *
 * @returns `undefined` for an event that leaves no line.
 *
 * @example
 * ```ts
 * import { transcriptLine } from "./transcript.ts";
 * const line = transcriptLine({
 *   event: "note",
 *   id: "observer",
 *   role: "observer",
 *   turn: 1,
 *   text: "It dreams.",
 * });
 * if (line?.text !== "It dreams.") throw new Error("Notes are kept");
 * ```
 */
export function transcriptLine(event: RunEvent): TranscriptLine | undefined {
  switch (event.event) {
    case "thought": {
      const { milliseconds: _, ...kept } = event;
      return kept;
    }
    case "note":
    case "whisper":
      return { ...event };
    case "death": {
      const { event: name, id, role, turn, cause, deaths } = event;
      return { event: name, id, role, turn, cause, deaths };
    }
    case "resurrection": {
      const { event: name, id, role, turn, deaths } = event;
      return { event: name, id, role, turn, deaths };
    }
    case "end": {
      const { event: name, reason, turns, thoughts, tokens, deaths } = event;
      return { event: name, reason, turns, thoughts, tokens, deaths };
    }
    default:
      return undefined;
  }
}

function hintFor(cause: unknown): string {
  if (cause instanceof Deno.errors.NotFound) return "Make its folder first, or give another --log";
  if (cause instanceof Deno.errors.IsADirectory) {
    return "Give a file's name to --log, not a folder's";
  }
  if (
    cause instanceof Deno.errors.PermissionDenied || cause instanceof Deno.errors.NotCapable
  ) return "Give --log a file that this user may write";
  return messageOf(cause);
}
