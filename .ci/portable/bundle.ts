import { BuildError } from "../build_error.ts";

/** What the portable file's head runs, and what `openEngine` finds beside itself. */
const ENTRIES = [".ci/portable/start.ts", ".ci/portable/settle.ts", "src/engine/llama.ts"];

/**
 * Bundles the program into few JavaScript files, one for each command and what commands share:
 * hundreds of modules would be looked up, read and parsed one by one at every start.
 *
 * Files that the program opens relative to its modules are found from `folder` as they are from
 * `src/cli`: `../../fixtures` is where the demo brain belongs.
 */
export async function bundleProgram(root: string, folder: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--no-check", "--code-splitting", "--platform=deno"],
      ...[`--outdir=${folder}`, ...ENTRIES],
    ],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) {
    throw new BuildError(
      "The program can't be bundled; deno bundle needs esbuild from the npm registry",
      new TextDecoder().decode(stderr),
    );
  }
  for (const entry of ENTRIES) {
    const name = entry.slice(entry.lastIndexOf("/") + 1);
    const bundled = `./${entry.replace(/\.ts$/, ".js")}`;
    // openEngine asks for llama.ts by that name.
    const alias = name === "llama.ts" ? name : name.replace(/\.ts$/, ".js");
    await Deno.writeTextFile(`${folder}/${alias}`, `export * from "${bundled}";\n`);
  }
}
