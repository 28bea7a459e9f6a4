import type { CommandName } from "../../src/cli/flags/commands.ts";
import { parseCommandLine } from "../../src/cli/flags/parse.ts";
import { type FlagValues, readValues } from "../../src/cli/flags/values.ts";

/** A folder of its own that is gone with the test process. */
export function temporaryFolder(): string {
  const folder = Deno.makeTempDirSync({ prefix: "brainjar-jars-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  return folder;
}

/** Writes files into a folder; answers with the path of the first. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(files)) {
    const path = `${folder}/${name}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, text);
  }
  return `${folder}/${Object.keys(files)[0]}`;
}

/** The values of a command line's flags. */
export function valuesOf(command: CommandName, flags: readonly string[]): FlagValues {
  const line = parseCommandLine([command, ...flags]);
  if (line.kind !== "command") throw new Error("Not a command line");
  return readValues(line.command, line.flags);
}
