import type { CpuFeatures } from "../llama_cpp/options.ts";
import type { GgufHeader } from "../gguf/header.ts";

/** Measured ratios are kept in a file of this name. */
const FILE = "calibrations.json";
const SCHEMA = "brainjar.calibrations/1";

/** More than anyone measures; a longer file is not one of ours. */
const MOST = 10_000;

/** So many, with room. */
const MOST_BYTES = 100 * MOST;

/** What was kept, and what is wrong with the file. */
export interface Calibrations {
  /** Measured floor / estimated floor, by {@link calibrationKey}. */
  readonly ratios: ReadonlyMap<string, number>;
  readonly warning?: string;
}

/**
 * Where this user's measurements are kept: `$BRAINJAR_HOME`, else `$XDG_STATE_HOME/brainjar`, else
 * `~/.local/state/brainjar`. Nothing where there is no home.
 */
export function calibrationPath(get: (name: string) => string | undefined): string | undefined {
  const own = get("BRAINJAR_HOME");
  if (own) return `${own}/${FILE}`;
  const state = get("XDG_STATE_HOME");
  if (state?.startsWith("/")) return `${state}/brainjar/${FILE}`;
  const home = get("HOME") ?? get("USERPROFILE");
  return home ? `${home}/.local/state/brainjar/${FILE}` : undefined;
}

/**
 * What a ratio holds for: this very model, told by its size and its tensors' names, types and
 * shapes, on a processor with these features, mapped or not.
 */
export async function calibrationKey(
  header: GgufHeader,
  cpu: CpuFeatures,
  mmap: boolean,
): Promise<string> {
  const text = JSON.stringify([
    header.fileBytes,
    header.tensors.map(({ name, type, dimensions }) => [name, type, dimensions]),
    cpu.architecture,
    [...cpu.features].sort(),
    cpu.threads,
    mmap,
  ]);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest, 0, 16).toHex();
}

/** Parses the file's text; what isn't a ratio is left out, and what isn't ours is warned of. */
export function parseCalibrations(text: string, path: string): Calibrations {
  const damaged = {
    ratios: new Map<string, number>(),
    warning: `The file of measured ratios is damaged and ignored: ${path}`,
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return damaged;
  }
  if (typeof value !== "object" || value === null) return damaged;
  const { schema, ratios } = value as { readonly schema?: unknown; readonly ratios?: unknown };
  if (schema !== SCHEMA || typeof ratios !== "object" || ratios === null) return damaged;
  const entries = Object.entries(ratios).filter((entry): entry is [string, number] =>
    typeof entry[1] === "number" && entry[1] > 0
  );
  return { ratios: new Map(entries.slice(-MOST)) };
}

/** The ratios that were kept; none where nobody measured. Throws nothing. */
export function readCalibrations(path: string | undefined): Calibrations {
  if (path === undefined) return { ratios: new Map() };
  try {
    const { isFile, size } = Deno.statSync(path);
    // A pipe would be waited for.
    if (!isFile || size > MOST_BYTES) throw new Error("No file of ratios");
    return parseCalibrations(Deno.readTextFileSync(path), path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { ratios: new Map() };
    return {
      ratios: new Map(),
      warning: `The file of measured ratios can't be read and is ignored: ${path}`,
    };
  }
}

/** Keeps one ratio beside the others. The file is replaced whole, so that no reader meets half. */
export function saveCalibration(path: string, key: string, ratio: number): void {
  const ratios = new Map(readCalibrations(path).ratios);
  ratios.delete(key);
  ratios.set(key, ratio);
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
  const unfinished = `${path}.${crypto.randomUUID()}`;
  const text = JSON.stringify({ schema: SCHEMA, ratios: Object.fromEntries(ratios) });
  try {
    Deno.writeTextFileSync(unfinished, text + "\n", { mode: 0o600 });
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
