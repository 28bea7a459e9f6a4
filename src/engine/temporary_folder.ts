import { BrainjarError, messageOf } from "../budget/error.ts";

/** What Deno writes into a nameless file when it starts itself (70 KB), and room to spare. */
const NEEDED_BYTES = 256 * 1024;

/**
 * Throws where no temporary file can be made. Deno makes one when the engine's test process is
 * started, and ends with a stack trace that nobody can catch where it can't.
 *
 * @throws {BrainjarError} `temporary-folder-unusable`, kind `engine`
 */
export function checkTemporaryFolder(): void {
  let path: string | undefined;
  try {
    path = Deno.makeTempFileSync({ prefix: "brainjar-" });
    Deno.writeFileSync(path, new Uint8Array(NEEDED_BYTES));
  } catch (error) {
    const folder = Deno.env.get("TMPDIR") || "/tmp";
    throw new BrainjarError(
      "temporary-folder-unusable",
      `Temporary files can't be made in '${folder}': ${messageOf(error)}`,
      {
        hint: "Make room there, or set TMPDIR to a folder that can be written",
        kind: "engine",
        cause: error,
      },
    );
  } finally {
    if (path !== undefined) Deno.removeSync(path);
  }
}
