import { BrainjarError, messageOf } from "../budget/error.ts";
import { infoOf, readText } from "../experiment/transcript_file/inspect.ts";

/**
 * Writes a file, over one that begins as this one does and over nothing else: what somebody named by
 * mistake stays as it is. It is written beside it first, so that half a file never stands there.
 *
 * @param mark how every such file begins
 *
 * @throws {BrainjarError} `output-exists` where another file is there; `output-unwritable`
 */
export async function writeOwnFile(
  path: string,
  parts: AsyncIterable<string> | Iterable<string>,
  { mark, noun }: { readonly mark: string; readonly noun: string },
): Promise<void> {
  const unfinished = `${path}.unfinished-${Deno.pid}`;
  try {
    const found = beginningOf(path, mark.length);
    if (found !== undefined && found !== mark) {
      throw new BrainjarError("output-exists", `File is there and is no ${noun}: ${path}`, {
        hint: `Give the ${noun} another name; this file was left as it is`,
      });
    }
    using file = await Deno.open(unfinished, { write: true, createNew: true });
    try {
      for await (const part of parts) await writeWhole(file, part);
      await file.sync();
      await Deno.rename(unfinished, path);
    } catch (error) {
      await Deno.remove(unfinished).catch(() => {});
      throw error;
    }
  } catch (cause) {
    if (cause instanceof BrainjarError) throw cause;
    throw new BrainjarError("output-unwritable", `File can't be written: ${path}`, {
      hint: cause instanceof Deno.errors.NotFound ? "Make its folder first" : messageOf(cause),
      cause,
    });
  }
}

/**
 * Writes all of a text, and throws where the disk is full: a file's own stream ends well there, and
 * leaves it empty.
 */
export async function writeWhole(file: Pick<Deno.FsFile, "write">, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let from = 0; from < bytes.length;) from += await file.write(bytes.subarray(from));
}

/** How a file begins; nothing where none is there, and no mark where it is no file. */
function beginningOf(path: string, length: number): string | undefined {
  const info = infoOf(path);
  if (info === undefined) return undefined;
  if (!info.isFile) return "";
  return readText(path, 0, length);
}
