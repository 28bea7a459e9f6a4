import { linesOf, LONGEST_LINE } from "./lines.ts";
import { indexRuns, partOf, type RunIndex } from "./index_runs.ts";
import { TranscriptFiles } from "./transcript_files.ts";

/** A transcript with its earlier parts, and the runs in it. */
interface OpenedTranscript {
  readonly files: TranscriptFiles;
  readonly runs: readonly RunIndex[];
}

/** A transcript that is rotated keeps so few files that more were written by something else. */
const MOST_PARTS = 1000;

/**
 * Opens a transcript. Where it goes on from an earlier part, that is `FILE.1`, the one before `FILE.2`
 * and so on, as far as they are there; they are read as one.
 *
 * @param onRead told how far it was read, now and later, from 0 to 1
 *
 * @throws {BrainjarError} as `TranscriptFiles.open` and `indexRuns`
 */
export async function openTranscript(
  path: string,
  onRead?: (fraction: number) => void,
): Promise<OpenedTranscript> {
  const paths = [path];
  while (paths.length < MOST_PARTS && await goesOn(paths[0] ?? path)) {
    const earlier = `${path}.${paths.length}`;
    if (!isFile(earlier)) break;
    paths.unshift(earlier);
  }
  const files = TranscriptFiles.open(paths, onRead);
  try {
    return { files, runs: await indexRuns(files) };
  } catch (error) {
    files.close();
    throw error;
  }
}

/** Whether a file begins in the middle of a run. */
async function goesOn(path: string): Promise<boolean> {
  const files = TranscriptFiles.open([path]);
  try {
    const { value } = await linesOf(files, 0, Math.min(files.size, LONGEST_LINE)).next();
    return value !== undefined && partOf(value) > 1;
  } finally {
    files.close();
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
