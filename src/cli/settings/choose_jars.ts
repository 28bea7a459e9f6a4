import { BrainjarError } from "../../budget/error.ts";
import { JARS_OF_MODE } from "../../experiment/roles.ts";
import { loadModule } from "../../load_module.ts";
import type { JarSet } from "../jar_file/jar_set.ts";
import type { JarFileLimits } from "../jar_file/limits.ts";
import type { FlagValues } from "../flags/values.ts";

/** The jar file that is read where neither --jars nor --mode is given. */
const DEFAULT_JAR_FILE = "brainjar.jsonc";

/**
 * The jars that a command is about: those of --jars, of --mode, of a brainjar.jsonc here, else one
 * subject. What was found without being asked for is said.
 *
 * @throws {BrainjarError} `conflicting-flags`, and what reading a jar file throws.
 */
export async function chooseJars(
  values: FlagValues,
  say: (text: string) => void,
  limits?: JarFileLimits,
): Promise<JarSet> {
  const mode = values.given("mode");
  const file = values.get("jars");
  if (file !== undefined && mode !== undefined) {
    throw new BrainjarError("conflicting-flags", `Flags "--mode" and "--jars" exclude each other`, {
      hint: `Leave out --mode ${mode}: the jar file says which jars there are`,
    });
  }
  const here = file === undefined && isFile(DEFAULT_JAR_FILE);
  if (here && mode !== undefined) say(`Ignoring ${DEFAULT_JAR_FILE}: --mode ${mode} was given\n`);
  if (mode !== undefined || (file === undefined && !here)) {
    const preset = values.get("mode");
    return { mode: preset, jars: JARS_OF_MODE[preset] };
  }
  if (here) say(`Using ${DEFAULT_JAR_FILE}\n`);
  // With its schema it is loaded for those who have one: a plain check starts without it.
  const { readJarFile } = await loadModule<typeof import("../jar_file/read.ts")>(
    import.meta,
    "../jar_file/read.ts",
  );
  return readJarFile(file ?? DEFAULT_JAR_FILE, limits);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
