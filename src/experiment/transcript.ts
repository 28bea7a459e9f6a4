import type { BrainjarError } from "../budget/error.ts";

/** The version of transcripts that are written, and the newest that is read. */
export const TRANSCRIPT_VERSION = 2;

/** Names the shape of a transcript's lines, in its first one. */
export const TRANSCRIPT_SCHEMA = `brainjar.transcript/${TRANSCRIPT_VERSION}`;

/** How every run in a transcript begins, whatever its version. */
export const TRANSCRIPT_HEAD =
  /^\{(?:"time":"(?<time>[^"]*)",)?"event":"start","schema":"brainjar\.transcript\/(?<version>\d+)"/;

/** What keeps what was thought. */
export interface Transcript {
  /** Appends one line. After a failure it does nothing: a transcript has no holes. */
  write(line: TranscriptLine): void;
  close(): void;
  /** Why it ends early; absent as long as every line was written. */
  readonly failure: BrainjarError | undefined;
  /** What went otherwise than asked, with every line written. */
  readonly warning?: BrainjarError | undefined;
}

/** One JSON object of a transcript. */
export type TranscriptLine = Readonly<Record<string, unknown>>;
