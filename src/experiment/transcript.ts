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

/** How lines are written; the defaults are plain JSON and the machine's time. */
interface TranscriptOptions {
  /** A line as JSON, without a line break. */
  readonly toText?: (line: TranscriptLine) => string;
  readonly now?: () => Date;
}

/** Bytes in which a transcript's first line says what it is; the rest of that line may be longer. */
const HEAD_BYTES = 512;

/** How every run in a transcript begins, whatever its version. */
export const TRANSCRIPT_HEAD =
  /^\{(?:"time":"(?<time>[^"]*)",)?"event":"start","schema":"brainjar\.transcript\/(?<version>\d+)"/;

/**
 * Opens a transcript for writing. An earlier run's in the same file stays, and this run's lines come
 * after it; a file that is no transcript (a model, say, by whatever name or link) is never opened for
 * writing. A pipe neither: opening one waits for its reader, and no signal would end that.
 *
 * @throws {BrainjarError} kind `usage`: `log-unwritable` for a directory, a pipe, a missing folder, a
 * missing permission; `log-not-a-transcript`; `log-in-use` where another run writes to it.
 */
export function openTranscript(path: string, options: TranscriptOptions = {}): Transcript {
  const { toText = JSON.stringify, now = () => new Date() } = options;
  let file: Deno.FsFile | undefined;
  try {
    const found = inspect(path);
    file = Deno.openSync(path, { append: true, create: true });
    const opened = file.statSync();
    // Nothing was there and something is: another run has just begun, or the file was replaced.
    const isOther = found?.ino !== opened.ino || found?.dev !== opened.dev;
    if (isOther && opened.size > 0) throw inUse(path);
    if (opened.isFile && !lock(file)) throw inUse(path);
    return new FileTranscript(path, file, { toText, now, endsInLine: endsInLine(path, opened) });
  } catch (cause) {
    file?.close();
    if (cause instanceof BrainjarError) throw cause;
    throw new BrainjarError("log-unwritable", `Log file can't be written: ${path}`, {
      hint: hintFor(cause),
      cause,
    });
  }
}

/** What is under that name, if a transcript may be written there. */
function inspect(path: string): Deno.FileInfo | undefined {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  if (info.isFile && info.size > 0 && !TRANSCRIPT_HEAD.test(readText(path, 0, HEAD_BYTES))) {
    throw new BrainjarError("log-not-a-transcript", `Log file is no transcript: ${path}`, {
      hint: "Give --log a new file, or one that an earlier run wrote; this one was left as it is",
    });
  }
  if (!info.isFile && !info.isDirectory && !info.isCharDevice) {
    throw new BrainjarError("log-unwritable", `Log file is a pipe or a device: ${path}`, {
      hint: "Give --log a file; tail -f reads along",
    });
  }
  return info;
}

function readText(path: string, offset: number, length: number): string {
  using file = Deno.openSync(path);
  file.seekSync(offset, Deno.SeekMode.Start);
  const bytes = new Uint8Array(length);
  return new TextDecoder().decode(bytes.subarray(0, file.readSync(bytes) ?? 0));
}

/** Whether the last run was killed in the middle of a line. */
function endsInLine(path: string, { isFile, size }: Deno.FileInfo): boolean {
  return isFile && size > 0 && readText(path, size - 1, 1) !== "\n";
}

/** Whether nobody else writes to it; where the file system has no locks, nobody can tell. */
function lock(file: Deno.FsFile): boolean {
  try {
    return file.tryLockSync(true);
  } catch {
    return true;
  }
}

function inUse(path: string): BrainjarError {
  return new BrainjarError("log-in-use", `Another run writes to the log file: ${path}`, {
    hint: "Give --log a file of its own",
  });
}

class FileTranscript implements Transcript {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #options: Required<TranscriptOptions>;
  #endsInLine: boolean;
  #closed = false;
  failure: BrainjarError | undefined;

  constructor(
    path: string,
    file: Deno.FsFile,
    { endsInLine, ...options }: Required<TranscriptOptions> & { readonly endsInLine: boolean },
  ) {
    this.#path = path;
    this.#file = file;
    this.#options = options;
    this.#endsInLine = endsInLine;
  }

  write(line: TranscriptLine): void {
    if (this.failure || this.#closed) return;
    const { toText, now } = this.#options;
    const begun = this.#endsInLine ? "\n" : "";
    const text = `${begun}${toText({ time: now().toISOString(), ...line })}\n`;
    let rest = new TextEncoder().encode(text);
    const { length } = rest;
    try {
      while (rest.length > 0) rest = rest.subarray(this.#file.writeSync(rest));
      this.#endsInLine = false;
    } catch (cause) {
      this.#takeBack(length - rest.length);
      this.failure = new BrainjarError(
        "log-unwritable",
        `Log file can't be written any more: ${this.#path}`,
        { hint: hintFor(cause), kind: "engine", cause },
      );
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
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

/**
 * What of an event goes into a transcript: what was thought, to which prompt, by whom, and who died of
 * what. Memory, durations and warnings stay out: but for each line's time the same seed, model and
 * flags give the same transcript.
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
