import { copyWithLiteralImports } from "./literal_imports.ts";
import { runDeno } from "./run_deno.ts";
import type { TargetOs } from "./target.ts";

/**
 * Packages that Linux never imports. This one is CommonJS, and for its sake every start would load
 * node:module, which takes longer than all of brainjar.
 */
const LEFT_OUT_ON_LINUX: readonly string[] = ["systeminformation"];

/** What a check of most models loads: it waits for each file, forty of them took it 4 ms. */
const CHECK: readonly string[] = [
  "cli/brainjar.ts",
  "cli/commands/check.ts",
  "llama_cpp/models/plain_attention.ts",
  "llama_cpp/models/sliding_window.ts",
];

/**
 * Bundles the program into few JavaScript files: one with what a check needs, one for each other
 * command, and what those share. Hundreds of modules would be looked up, read and parsed one by one
 * at every start; a single file would be read whole, and takes longer still.
 *
 * Entries are paths from `root`, all in one folder; their bundles stand in `folder` by their names,
 * beside those of everything else. Files that the program opens relative to its modules are found
 * from `folder` as they are from a room of `src`: the demo brain belongs to `../../fixtures`.
 */
export async function bundleProgram(
  root: string,
  folder: string,
  entries: readonly string[],
  os: TargetOs,
): Promise<void> {
  const leftOut = os === "linux" ? LEFT_OUT_ON_LINUX : [];
  const sources = await Deno.makeTempDir({ prefix: "brainjar-bundle-" });
  try {
    for (const name of ["deno.json", "deno.lock", "main.ts"]) {
      await Deno.copyFile(`${root}/${name}`, `${sources}/${name}`);
    }
    await copyWithLiteralImports(`${root}/src`, `${sources}/src`, CHECK);
    await runDeno(
      [
        ...["bundle", "--quiet", "--no-check", "--code-splitting", "--minify", "--platform=deno"],
        ...leftOut.map((name) => `--external=${name}`),
        ...[`--outdir=${folder}`, ...entries],
      ],
      sources,
      "The program can't be bundled; where deno bundle has no esbuild yet, it takes it from the npm registry",
    );
  } finally {
    await Deno.remove(sources, { recursive: true });
  }
  await hideImports(folder);
}

/**
 * Computes the specifiers of dynamic imports when they are reached: whatever a literal one names,
 * Deno reads at the start, so that every command would wait for the code of all.
 */
async function hideImports(folder: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) await hideImports(path);
    else {
      const code = await Deno.readTextFile(path);
      const hidden = code.replace(/\bimport\(("\.[^"]+\.js")\)/g, "import(String($1))");
      if (hidden !== code) await Deno.writeTextFile(path, hidden);
    }
  }
}
