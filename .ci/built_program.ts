import { BuildError } from "./build_error.ts";

/**
 * Runs what was built with `--version` and removes it unless it answers as this brainjar does:
 * a build that ends without an error may have made another program.
 *
 * @throws {BuildError}
 */
export async function checkBuiltProgram(
  path: string,
  version: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const expected = `brainjar ${version}`;
  let said: string;
  let details = "";
  try {
    const { stdout, stderr } = await new Deno.Command(path, {
      args: ["--version"],
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    said = new TextDecoder().decode(stdout).trim();
    details = new TextDecoder().decode(stderr);
  } catch (error) {
    said = error instanceof Error ? error.message : String(error);
  }
  if (said === expected) return;
  await Deno.remove(path);
  throw new BuildError(
    `What was built isn't brainjar and was removed: --version answered "${
      said.split("\n", 1)[0]
    }" instead of "${expected}"`,
    details,
  );
}
