import { Buffer } from "node:buffer";
import { BuildError } from "./build_error.ts";
import type { Target } from "./target.ts";

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

/** What the first bytes of a program say of its system and processor. */
const FORMATS: Readonly<Record<Target["os"], Readonly<Record<Target["processor"], RegExp>>>> = {
  // ELF, 64 bit, little-endian; the machine at byte 18.
  linux: { x64: /^7f454c460201.{24}3e00/, arm64: /^7f454c460201.{24}b700/ },
  // Mach-O, 64 bit; the processor after the magic number.
  darwin: { x64: /^cffaedfe07000001/, arm64: /^cffaedfe0c000001/ },
  // MZ, later PE; the machine follows it.
  win32: { x64: /^4d5a.*504500006486/, arm64: /^4d5a.*5045000064aa/ },
};

/** Help of Deno's own commands, which a base program for compiled ones doesn't have. */
const ONLY_IN_DENO = "Toggles local vendor folder usage";

/**
 * Looks at a program for another platform, which can't be run here, and removes it unless it is one
 * for that platform, and not Deno itself.
 *
 * @throws {BuildError}
 */
export async function checkForeignProgram(path: string, target: Target): Promise<void> {
  const bytes = await Deno.readFile(path);
  const start = bytes.subarray(0, 1024).toHex();
  const problem = !FORMATS[target.os][target.processor].test(start)
    ? `it is no program for ${target.name}`
    : Buffer.from(bytes.buffer).includes(ONLY_IN_DENO)
    ? "it is Deno itself"
    : undefined;
  if (problem === undefined) return;
  await Deno.remove(path);
  throw new BuildError(`What was built isn't brainjar and was removed: ${problem}`);
}
