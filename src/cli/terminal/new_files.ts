import { join } from "node:path";
import { BrainjarError, messageOf } from "../../budget/error.ts";
import { writeWhole } from "../../replay/own_file.ts";

/** A file that isn't there yet. */
interface NewFile {
  readonly name: string;
  readonly text: string;
}

/**
 * Writes files that aren't there yet: one to the path that was named, several into a folder of that name,
 * which is made where it isn't there. Nothing is written over, and where one is in the way none is
 * written. Answers their paths.
 *
 * @throws {BrainjarError} kind `usage`: `output-exists`, `output-unwritable`
 */
export async function writeNewFiles(
  target: string,
  files: readonly NewFile[],
): Promise<string[]> {
  const isFolder = files.length > 1;
  const paths = files.map(({ name }) => isFolder ? join(target, name) : target);
  const written: string[] = [];
  try {
    if (isFolder) await Deno.mkdir(target, { recursive: true });
    for (const [at, path] of paths.entries()) {
      using file = await Deno.open(path, { write: true, createNew: true });
      written.push(path);
      await writeWhole(file, files[at]?.text ?? "");
    }
    return paths;
  } catch (cause) {
    for (const path of written) await Deno.remove(path).catch(() => {});
    const path = paths[written.length] ?? target;
    if (cause instanceof Deno.errors.AlreadyExists) {
      const inTheWay = isFolder && written.length === 0 && !isFolderThere(target) ? target : path;
      throw new BrainjarError("output-exists", `File is there already: ${inTheWay}`, {
        hint: "Name another one, or take that away first; nothing was written",
        cause,
      });
    }
    throw new BrainjarError("output-unwritable", `File can't be written: ${path}`, {
      hint: cause instanceof Deno.errors.NotFound ? "Make its folder first" : messageOf(cause),
      cause,
    });
  }
}

function isFolderThere(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
