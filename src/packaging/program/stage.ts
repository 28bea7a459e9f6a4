import { closeAbsentPackages } from "./absent_packages.ts";
import { bundleProgram } from "./bundle.ts";
import { type EngineTarget, installEngine } from "./engine_packages.ts";

/** From the staged folder to the bundles, by which the program finds `fixtures` (see bundle.ts). */
export const BUNDLES = "app/js";

/** The page's own files, found from the bundles as from a room of `src`: `../page/assets`. */
const PAGE_FILES = "app/page/assets";

/**
 * Lays out everything of brainjar but the runtime in an empty folder: its bundles, the engine's
 * packages for one platform, the demo brain, the page's own files. No network is needed to run it.
 */
export async function stageProgram(
  root: string,
  folder: string,
  entries: readonly string[],
  target: EngineTarget,
): Promise<void> {
  await Deno.mkdir(`${folder}/${BUNDLES}`, { recursive: true });
  await bundleProgram(root, `${folder}/${BUNDLES}`, entries, target.os);
  await installEngine(root, folder, target);
  // The engine's test process looks for its settings from its own folder upwards: here it ends.
  await Deno.writeTextFile(
    `${folder}/deno.json`,
    '{"workspace":[],"nodeModulesDir":"manual","lock":false}\n',
  );
  // And here the look-up of the package that the program belongs to, by which others could name one.
  await Deno.writeTextFile(`${folder}/app/package.json`, '{"type":"module"}\n');
  await closeAbsentPackages(folder);
  await copyFolder(`${root}/src/page/assets`, `${folder}/${PAGE_FILES}`);
  await Deno.mkdir(`${folder}/fixtures`);
  await Deno.copyFile(`${root}/fixtures/demo-brain.gguf`, `${folder}/fixtures/demo-brain.gguf`);
  await Deno.copyFile(`${root}/LICENSE`, `${folder}/LICENSE`);
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) {
    await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}
