import { BuildError } from "./build_error.ts";

/**
 * Runs this Deno in a folder, without input and without output.
 *
 * @throws {BuildError} `complaint`, with what Deno had to say, where it fails.
 */
export async function runDeno(
  args: readonly string[],
  folder: string,
  complaint: string,
): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new BuildError(complaint, new TextDecoder().decode(stderr));
}
