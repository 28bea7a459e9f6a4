/**
 * The folder of what this user keeps on this machine: `$BRAINJAR_HOME`, else
 * `$XDG_STATE_HOME/brainjar`, else `~/.local/state/brainjar`. Nothing where there is no home.
 */
export function stateFolder(get: (name: string) => string | undefined): string | undefined {
  const own = get("BRAINJAR_HOME");
  if (own) return own;
  const state = get("XDG_STATE_HOME");
  if (state?.startsWith("/")) return `${state}/brainjar`;
  const home = get("HOME") ?? get("USERPROFILE");
  return home ? `${home}/.local/state/brainjar` : undefined;
}

/**
 * The text of a kept file; nothing where there is none.
 *
 * @throws {Error} Where it can't be read, or is none of ours: no file, or a longer one.
 */
export function readKept(path: string, mostBytes: number): string | undefined {
  try {
    const { isFile, size } = Deno.statSync(path);
    // A pipe would be waited for.
    if (!isFile || size > mostBytes) throw new Error(`Not a kept file: ${path}`);
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Writes a kept file, readable by this user alone. It is replaced whole: no reader meets half. */
export function writeKept(path: string, value: unknown): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
  const unfinished = `${path}.${crypto.randomUUID()}`;
  try {
    Deno.writeTextFileSync(unfinished, JSON.stringify(value) + "\n", { mode: 0o600 });
    Deno.renameSync(unfinished, path);
  } catch (error) {
    try {
      Deno.removeSync(unfinished);
    } catch {
      // It was never made.
    }
    throw error;
  }
}
