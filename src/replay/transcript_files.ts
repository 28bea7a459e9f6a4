import { BrainjarError, messageOf } from "../budget/error.ts";
import { sum } from "../budget/sum.ts";

/** Files one after another, read as if they were one. */
export class TranscriptFiles {
  /** The last one is the file that was asked for. */
  readonly paths: readonly string[];
  readonly #files: readonly OpenFile[];
  /** Bytes of all of them. */
  readonly size: number;

  readonly #onRead: (fraction: number) => void;

  private constructor(files: readonly OpenFile[], onRead: (fraction: number) => void) {
    this.#onRead = onRead;
    this.paths = files.map(({ path }) => path);
    this.#files = files;
    this.size = sum(files.map(({ size }) => size));
  }

  /**
   * Opens the files in their order. What is written to them later isn't read.
   *
   * @param onRead told how far it was read, from 0 to 1, each time that something is
   *
   * @throws {BrainjarError} `transcript-unreadable` for what isn't there, can't be read, or is no file:
   * a transcript is read twice, and a pipe can be read once.
   */
  static open(
    paths: readonly string[],
    onRead: (fraction: number) => void = () => {},
  ): TranscriptFiles {
    const files: OpenFile[] = [];
    try {
      for (const path of paths) files.push(openFile(path));
      return new TranscriptFiles(files, onRead);
    } catch (error) {
      for (const { file } of files) file.close();
      throw error;
    }
  }

  /** The bytes from an offset on, as many as fit into `buffer` before the next file; 0 at the end. */
  async read(offset: number, buffer: Uint8Array): Promise<number> {
    let start = 0;
    for (const { file, size, path } of this.#files) {
      if (offset < start + size) {
        const length = Math.min(buffer.length, start + size - offset);
        try {
          await file.seek(offset - start, Deno.SeekMode.Start);
          const count = await file.read(buffer.subarray(0, length)) ?? 0;
          this.#onRead((offset + count) / this.size);
          return count;
        } catch (cause) {
          throw unreadable(path, messageOf(cause), cause);
        }
      }
      start += size;
    }
    return 0;
  }

  /** Nothing more is read. */
  close(): void {
    for (const { file } of this.#files) file.close();
  }
}

interface OpenFile {
  readonly path: string;
  readonly file: Deno.FsFile;
  readonly size: number;
}

function openFile(path: string): OpenFile {
  // A pipe would be waited for: it is looked at first.
  let file: Deno.FsFile | undefined;
  try {
    if (!Deno.statSync(path).isFile) {
      throw unreadable(
        path,
        "Give a file that run --log wrote; a pipe or a folder can't be played",
      );
    }
    file = Deno.openSync(path);
    return { path, file, size: file.statSync().size };
  } catch (cause) {
    file?.close();
    if (cause instanceof BrainjarError) throw cause;
    throw unreadable(path, hintFor(cause), cause);
  }
}

function hintFor(cause: unknown): string {
  if (cause instanceof Deno.errors.NotFound) return "Check its path; run --log FILE writes one";
  if (cause instanceof Deno.errors.PermissionDenied) return "Give a file that this user may read";
  return messageOf(cause);
}

function unreadable(path: string, hint: string, cause?: unknown): BrainjarError {
  return new BrainjarError("transcript-unreadable", `Transcript can't be read: ${path}`, {
    hint,
    cause,
  });
}
