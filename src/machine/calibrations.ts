import type { CpuFeatures, FootprintOptions } from "../llama_cpp/options.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { readKept, stateFolder, writeKept } from "./kept_file.ts";

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

/** Where this user's measurements are kept; nothing where there is no home. */
export function calibrationPath(get: (name: string) => string | undefined): string | undefined {
  const folder = stateFolder(get);
  return folder && `${folder}/${FILE}`;
}

/**
 * What a ratio holds for: this very model, told by its size and its tensors' names, types and
 * shapes, on a processor with these features, mapped or not, with so many layers on devices.
 */
export async function calibrationKey(
  header: GgufHeader,
  cpu: CpuFeatures,
  { mmap, offload }: Pick<FootprintOptions, "mmap" | "offload">,
): Promise<string> {
  const there = offload &&
    [offload.gpuLayers, ...offload.devices.map(({ backend }) => backend)].join(" ");
  const text = JSON.stringify([
    header.fileBytes,
    header.tensors.map(({ name, type, dimensions }) => [name, type, dimensions]),
    cpu.architecture,
    [...cpu.features].sort(),
    cpu.threads,
    mmap,
    // Without devices the key is what it was before there were any.
    ...there === undefined ? [] : [there],
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
    const text = readKept(path, MOST_BYTES);
    return text === undefined ? { ratios: new Map() } : parseCalibrations(text, path);
  } catch {
    return {
      ratios: new Map(),
      warning: `The file of measured ratios can't be read and is ignored: ${path}`,
    };
  }
}

/** Keeps one ratio beside the others. */
export function saveCalibration(path: string, key: string, ratio: number): void {
  const ratios = new Map(readCalibrations(path).ratios);
  ratios.delete(key);
  ratios.set(key, ratio);
  writeKept(path, { schema: SCHEMA, ratios: Object.fromEntries(ratios) });
}
