import { BrainjarError } from "../../budget/error.ts";
import type { JarLoad } from "./serve_jar.ts";

/** What is looked at of a machine for a model's files. */
interface FilesMachine {
  /** Looks at a file; rejects where it isn't there. */
  readonly stat: (path: string) => Promise<Pick<Deno.FileInfo, "isFile">>;
  /** How the machine is called. */
  readonly host: string;
}

/**
 * Throws where one of a model's files isn't on this machine, with the machine's name: it is said before
 * anything is read or loaded.
 *
 * @throws {BrainjarError} `model-not-found`, `model-unreadable`
 */
export async function checkModelFiles(
  { files }: Pick<JarLoad, "files">,
  { stat, host }: FilesMachine,
): Promise<void> {
  for (const { path } of files) {
    try {
      if ((await stat(path)).isFile) continue;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw unreadable(path, host, error);
    }
    throw new BrainjarError("model-not-found", `Model file not found on ${host}: ${path}`, {
      hint: "Put it there under the same path (in a container by --volume FOLDER:FOLDER:ro), or " +
        "have the launcher start the jar where it is",
    });
  }
}

function unreadable(path: string, host: string, cause: unknown): BrainjarError {
  return new BrainjarError("model-unreadable", `Model file can't be read on ${host}: ${path}`, {
    hint: "Check who may read it and the folders that it lies in",
    cause,
  });
}
