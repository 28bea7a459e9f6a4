import { BuildError } from "./build_error.ts";
import type { Target } from "./target.ts";

/**
 * Compiles what is staged in `folder` (see stage.ts) to one program, with its permissions, which
 * unpacks itself when it runs: the engine's libraries look for each other beside themselves.
 *
 * @throws {BuildError}
 */
export async function compileProgram(
  folder: string,
  entry: string,
  target: Target,
  output: string,
): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["compile", "--allow-all", "--no-prompt", "--no-check", "--self-extracting"],
      ...["--cached-only", "--node-modules-dir=manual", "--app-name=brainjar"],
      // Specifiers that are computed name nothing that Deno would find by itself.
      ...["app", "fixtures", "node_modules"].map((part) => `--include=${part}`),
      ...[`--target=${target.name}`, `--output=${output}`, entry],
    ],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) {
    throw failure(target, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
  }
}

function failure(target: Target, said: string): BuildError {
  if (!/base binary|denort/i.test(said)) {
    return new BuildError(`deno compile failed for ${target.name}`, said);
  }
  const named = Deno.env.get("DENORT_BIN");
  return new BuildError(
    named
      ? `The base program that DENORT_BIN names can't be used: ${named}`
      : `The base program of ${target.name} can't be fetched from Deno's site; set DENORT_BIN to a denort of Deno ${Deno.version.deno} for it`,
  );
}
