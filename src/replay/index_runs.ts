import { BrainjarError, messageOf } from "../budget/error.ts";
import {
  TRANSCRIPT_HEAD,
  TRANSCRIPT_SCHEMA,
  TRANSCRIPT_VERSION,
} from "../experiment/transcript.ts";
import { RECORDED_SCHEMA, type RecordedStart } from "../report/schema/transcript.ts";
import { type Line, linesOf } from "./lines.ts";
import type { TranscriptFiles } from "./transcript_files.ts";

/** A run as it lies in a transcript: where it begins and ends, and where each of its turns begins. */
export interface RunIndex {
  readonly version: number;
  /** Milliseconds since 1970; absent where the transcript has no times. */
  readonly startedAt?: number;
  /** Of the last line that has a time. */
  readonly endedAt?: number;
  /** Its first line. */
  readonly start: RecordedStart;
  /** Offsets of its first byte and of the first one after it. */
  readonly from: number;
  readonly to: number;
  /** Turns in their order, without gaps only where the transcript has none. */
  readonly turns: readonly number[];
  /** Where each of {@link turns} begins. */
  readonly offsets: readonly number[];
  /** Whether it has its last line. */
  readonly isWhole: boolean;
  /** Whether its last line is cut off. */
  readonly isCutInLine: boolean;
}

/** Bytes of a line in which its time, its event and its turn stand. */
const HEAD_BYTES = 512;

/** How a line begins; what has another order of keys has no turn here and is read all the same. */
const LINE_HEAD =
  /^\{(?:"time":"(?<time>[^"]*)",)?"event":"(?<event>[a-z]+)"(?:,"id":"(?:[^"\\]|\\.)*","role":"[a-z]+")?(?:,"turn":(?<turn>\d{1,15})[,}])?/;

const decoder = new TextDecoder();

type Building = { -readonly [Key in keyof RunIndex]: RunIndex[Key] } & {
  readonly turns: number[];
  readonly offsets: number[];
};

/**
 * The runs of a transcript, in the file's order. Only the beginning of each line is looked at, so that a
 * file of a gigabyte is read once and not held.
 *
 * @throws {BrainjarError} `transcript-empty`; `not-a-transcript` where the first line doesn't begin as
 * one; `transcript-damaged` where a run's first line can't be read.
 */
export async function indexRuns(files: TranscriptFiles): Promise<readonly RunIndex[]> {
  const path = files.paths.at(-1) ?? "";
  if (files.size === 0) {
    throw new BrainjarError("transcript-empty", `Transcript is empty: ${path}`, {
      hint: NOT_OURS,
    });
  }
  const runs: Building[] = [];
  let part = 1;
  for await (const line of linesOf(files, 0)) {
    const head = decoder.decode(line.bytes?.subarray(0, HEAD_BYTES));
    const isStart = TRANSCRIPT_HEAD.test(head);
    if (runs.length === 0 && !isStart) throw notATranscript(path);
    const last = runs.at(-1);
    if (isStart) {
      const next = begin(line, head, path);
      const isFurtherPart = last !== undefined && !last.isWhole &&
        next.start.part === part + 1 && next.start.sampling.seed === last.start.sampling.seed;
      part = next.start.part ?? 1;
      if (!isFurtherPart) {
        runs.push(next);
        continue;
      }
    }
    if (last !== undefined) goOn(last, line, head);
  }
  return runs;
}

/** The run whose first line it is. */
function begin(line: Line, head: string, path: string): Building {
  const { time, version } = TRANSCRIPT_HEAD.exec(head)?.groups ?? {};
  const number = Number(version);
  // What a newer one says of itself isn't read; it is refused where it is asked for.
  const start = number > TRANSCRIPT_VERSION ? NOTHING_KNOWN : startOf(line, path);
  return {
    version: number,
    ...timesOf(time, "startedAt"),
    ...timesOf(time, "endedAt"),
    start,
    from: line.offset,
    to: line.end,
    turns: [],
    offsets: [],
    isWhole: false,
    isCutInLine: false,
  };
}

/** Which part of its run a file begins with; 1 where its first line can't be read. */
export function partOf(line: Line): number {
  try {
    return startOf(line, "").part ?? 1;
  } catch {
    return 1;
  }
}

const NOTHING_KNOWN: RecordedStart = {
  event: "start",
  schema: "",
  mode: "jars",
  sampling: { seed: 0 },
  jars: [],
};

function timesOf<Key extends string>(time: string | undefined, key: Key) {
  const milliseconds = Date.parse(time ?? "");
  return (Number.isNaN(milliseconds) ? {} : { [key]: milliseconds }) as {
    [Name in Key]?: number;
  };
}

function startOf({ bytes, offset }: Line, path: string): RecordedStart {
  let cause: unknown;
  try {
    const parsed = RECORDED_SCHEMA.safeParse(JSON.parse(decoder.decode(bytes)));
    if (parsed.success && parsed.data.event === "start") return parsed.data;
    const [first] = parsed.error?.issues ?? [];
    cause = new Error(first && `${first.path.join(".")}: ${first.message}`, {
      cause: parsed.error,
    });
  } catch (error) {
    cause = error;
  }
  throw new BrainjarError(
    "transcript-damaged",
    `A run's first line can't be read: ${path}, byte ${offset}`,
    { hint: `${offset > 0 ? "Cut the file before it" : NOT_OURS}: ${messageOf(cause)}`, cause },
  );
}

/** One more line of a run. */
function goOn(run: Building, line: Line, head: string): void {
  run.to = line.end;
  const { time, event, turn } = LINE_HEAD.exec(head)?.groups ?? {};
  Object.assign(run, timesOf(time, "endedAt"));
  if (!line.isEnded && !isJson(line)) {
    run.isCutInLine = true;
    return;
  }
  if (event === "end") run.isWhole = isJson(line);
  const number = Number(turn ?? 0);
  if (number > (run.turns.at(-1) ?? 0)) {
    run.turns.push(number);
    run.offsets.push(line.offset);
  }
}

/** A last line may be whole but for its line break, and one with it may be cut off. */
function isJson({ bytes }: Line): boolean {
  try {
    JSON.parse(decoder.decode(bytes));
    return bytes !== undefined;
  } catch {
    return false;
  }
}

const NOT_OURS = "Give a file that run --log wrote";

function notATranscript(path: string): BrainjarError {
  return new BrainjarError("not-a-transcript", `File is no transcript: ${path}`, {
    hint: `${NOT_OURS}; this one doesn't begin as one`,
  });
}

/**
 * The run that was asked for by its number, from 1 on; the last one where none was.
 *
 * @throws {BrainjarError} `no-such-run`; `transcript-newer` where it was written by a newer brainjar.
 *
 * @example
 * ```ts
 * import { chooseRun } from "./index_runs.ts";
 * let code = "";
 * try {
 *   chooseRun([], 2, "talk.jsonl");
 * } catch (error) {
 *   code = (error as { code: string }).code;
 * }
 * if (code !== "no-such-run") throw new Error("There is none");
 * ```
 */
export function chooseRun(
  runs: readonly RunIndex[],
  number: number | undefined,
  path: string,
): RunIndex {
  const run = runs[(number ?? runs.length) - 1];
  if (run === undefined) {
    throw new BrainjarError("no-such-run", `Transcript has no run ${number}: ${path}`, {
      hint: `It has ${runs.length === 1 ? "one run" : `runs 1 to ${runs.length}`}`,
    });
  }
  if (run.version > TRANSCRIPT_VERSION) {
    throw new BrainjarError(
      "transcript-newer",
      `Transcript was written by a newer brainjar (brainjar.transcript/${run.version}): ${path}`,
      { hint: `This one reads up to ${TRANSCRIPT_SCHEMA}: take a newer brainjar` },
    );
  }
  return run;
}
