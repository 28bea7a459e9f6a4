import type { Validation } from "../budget/validation.ts";
import { type Recorded, RECORDED_SCHEMA } from "../report/schema/transcript.ts";
import { EMPTY_VIEW, MOST_CHARACTERS, type RunView } from "../view/run_view.ts";
import { see } from "../view/see.ts";
import type { ViewEvent } from "../view/view_event.ts";
import { completed, type Fields } from "./complete.ts";
import type { RunIndex } from "./index_runs.ts";
import { type Line, linesOf } from "./lines.ts";
import type { TranscriptFiles } from "./transcript_files.ts";
import { validationOf } from "./validation_of.ts";

/** A moment of a recorded run: one event, and what is seen after it. */
export interface Moment {
  readonly event: ViewEvent;
  /** Milliseconds since the run began; never less than that of the moment before. */
  readonly at: number;
  readonly view: RunView;
  /** The offset from which the run goes on after its line. */
  readonly next: number;
  /** The line that it comes from, with what its event has besides. */
  readonly recorded: Recorded;
  /** When the last line was written that is no sample of memory. */
  readonly since: number;
}

/** From where a run is read on: what was seen until there. */
export type Mark = Pick<Moment, "at" | "view" | "next" | "since">;

/** Lines that are not played, by why. */
interface LeftOut {
  /** Their event isn't known to this brainjar. */
  unknown: number;
  /** They are no JSON, or not what their event says. */
  unreadable: number;
  tooLong: number;
}

/** What layer 1 said of a run before it began. */
export interface Judged {
  readonly validation: Validation;
  /** Empty where the transcript doesn't have it. */
  readonly text: string;
}

/** How a run is read. */
export interface ReadOptions {
  /** Whether thoughts come in pieces too, as they did while they were sampled. */
  readonly inPieces: boolean;
}

const decoder = new TextDecoder();

/** Every event that has a schema. */
const KNOWN: ReadonlySet<unknown> = new Set(
  RECORDED_SCHEMA.options.map((option) => option.shape.event.value),
);

/** One run of a transcript, read from its files as it is asked for. */
export class RecordedRun {
  readonly index: RunIndex;
  readonly #files: TranscriptFiles;
  readonly #leftOut: LeftOut = { unknown: 0, unreadable: 0, tooLong: 0 };
  #backwards = 0;
  /** Lines before it are counted. */
  #countedTo: number;

  constructor(files: TranscriptFiles, index: RunIndex) {
    this.#files = files;
    this.index = index;
    this.#countedTo = index.from;
  }

  /** Of the lines that were read so far. */
  get leftOut(): Readonly<LeftOut> {
    return this.#leftOut;
  }

  /** How often the time of a line was before that of the one before it. */
  get backwards(): number {
    return this.#backwards;
  }

  /** Where the run begins. */
  get beginning(): Mark {
    return { at: 0, view: EMPTY_VIEW, next: this.index.from, since: 0 };
  }

  /** Layer 1's answer, and its report as people read it; absent where the transcript has none. */
  async judged(): Promise<Judged | undefined> {
    for await (const { recorded } of this.moments()) {
      if (recorded.event === "validation") {
        return { validation: validationOf(recorded.validation), text: recorded.text ?? "" };
      }
      // It comes before anything happens.
      if (recorded.event !== "start") return undefined;
    }
    return undefined;
  }

  /** Its moments in order, from a mark on. */
  async *moments(
    from: Mark = this.beginning,
    { inPieces }: ReadOptions = { inPieces: false },
  ): AsyncGenerator<Moment, void, undefined> {
    let { view, at, since } = from;
    for await (const line of linesOf(this.#files, from.next, this.index.to)) {
      const fields = this.#fieldsOf(line);
      if (fields === undefined) continue;
      const before = at;
      at = this.#timeOf(fields, line, at);
      const recorded = this.#recordedOf(completed(fields, { view, at, since }), line);
      if (recorded === undefined) continue;
      // A further file of this run says again what the first one did.
      if (recorded.event === "start" && line.offset > this.index.from) continue;
      if (recorded.event === "validation" && view.validation !== undefined) continue;
      if (inPieces && recorded.event === "thought") {
        for (const piece of piecesOf(recorded, before, at)) {
          view = see(view, piece.event, piece.at);
          yield { ...piece, view, next: line.offset, recorded, since };
        }
      }
      const event = eventOf(recorded);
      view = see(view, event, at);
      if (event.event !== "memory") since = at;
      yield { event, at, view, next: line.end, recorded, since };
    }
  }

  #fieldsOf(line: Line): Fields | undefined {
    if (line.bytes === undefined) return this.#leaveOut(line, "tooLong");
    if (line.bytes.length === 0) return undefined;
    try {
      const value: unknown = JSON.parse(decoder.decode(line.bytes));
      if (typeof value === "object" && value !== null) return value as Fields;
    } catch {
      // The last line of a run that was cut is told with the run's end.
      if (!line.isEnded) return undefined;
    }
    return this.#leaveOut(line, "unreadable");
  }

  #recordedOf(fields: Fields, line: Line): Recorded | undefined {
    const parsed = RECORDED_SCHEMA.safeParse(fields);
    if (parsed.success) return parsed.data;
    const { event } = fields;
    const isUnknown = typeof event === "string" && !KNOWN.has(event);
    return this.#leaveOut(line, isUnknown ? "unknown" : "unreadable");
  }

  /** Counts a line that isn't played, once however often it is read. */
  #leaveOut(line: Line, why: keyof LeftOut): undefined {
    if (line.offset >= this.#countedTo) this.#leftOut[why]++;
    this.#countedTo = Math.max(this.#countedTo, line.end);
  }

  #timeOf({ time }: Fields, line: Line, before: number): number {
    const { startedAt } = this.index;
    const written = typeof time === "string" ? Date.parse(time) : NaN;
    if (startedAt === undefined || Number.isNaN(written)) return before;
    const at = written - startedAt;
    if (at < before && line.offset >= this.#countedTo) this.#backwards++;
    this.#countedTo = Math.max(this.#countedTo, line.offset);
    return Math.max(before, at);
  }
}

function eventOf(recorded: Recorded): ViewEvent {
  if (recorded.event !== "validation") return recorded;
  const { text: _, ...judged } = recorded;
  return { ...judged, validation: validationOf(judged.validation) };
}

/** A thought word by word, over the time that it took, as far as it is shown. */
function piecesOf(
  { id, text, milliseconds }: Extract<Recorded, { readonly event: "thought" }>,
  before: number,
  at: number,
): Pick<Moment, "event" | "at">[] {
  const words = text.slice(0, MOST_CHARACTERS).split(/(?<=\s)(?=\S)/);
  const from = milliseconds > 0 ? Math.max(before, at - milliseconds) : before;
  return words.map((word, index) => ({
    event: { event: "text", id, text: word },
    at: from + (at - from) * (index + 1) / words.length,
  }));
}
