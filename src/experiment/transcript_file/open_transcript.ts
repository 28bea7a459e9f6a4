import { BrainjarError } from "../../budget/error.ts";
import type { Transcript } from "../transcript.ts";
import { hintFor, infoOf, isTranscript, lock, readText } from "./inspect.ts";
import { TranscriptFile, type TranscriptOptions } from "./transcript_file.ts";

/**
 * Opens a transcript for writing. An earlier run's in the same file stays, whatever its version, and
 * this run's lines come after it; a file that is no transcript (a model, say, by whatever name or link)
 * is never opened for writing. A pipe neither: opening one waits for its reader, and no signal would
 * end that.
 *
 * @throws {BrainjarError} kind `usage`: `log-unwritable` for a directory, a pipe, a missing folder, a
 * missing permission; `log-not-a-transcript`; `log-in-use` where another run writes to it.
 */
export function openTranscript(path: string, options: TranscriptOptions = {}): Transcript {
  let file: Deno.FsFile | undefined;
  try {
    const found = inspect(path);
    file = Deno.openSync(path, { append: true, create: true });
    const opened = file.statSync();
    // Nothing was there and something is: another run has just begun, or the file was replaced.
    const isOther = found?.ino !== opened.ino || found?.dev !== opened.dev;
    if (isOther && opened.size > 0) throw inUse(path);
    if (opened.isFile && !lock(file)) throw inUse(path);
    return new TranscriptFile(
      { path, file, opened, endsInLine: endsInLine(path, opened) },
      options,
    );
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
  const info = infoOf(path);
  if (info === undefined) return undefined;
  if (info.isFile && info.size > 0 && !isTranscript(path)) {
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

/** Whether the last run was killed in the middle of a line. */
function endsInLine(path: string, { isFile, size }: Deno.FileInfo): boolean {
  return isFile && size > 0 && readText(path, size - 1, 1) !== "\n";
}

function inUse(path: string): BrainjarError {
  return new BrainjarError("log-in-use", `Another run writes to the log file: ${path}`, {
    hint: "Give --log a file of its own",
  });
}
