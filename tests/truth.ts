/** What llama.cpp itself would allocate for one model and setting, in bytes (truth's README). */
export interface TruthRow {
  readonly file: string;
  readonly contextSize: number;
  readonly batchSize: number;
  readonly sequences: number;
  readonly flashAttention: boolean;
  readonly kvCacheType: string;
  /** Weight buffers. */
  readonly model: number;
  /** KV cache, recurrent state, compute and output. */
  readonly context: number;
  readonly cacheMiB: number;
  readonly computeMiB: number;
}

/** A model of truth, restored to its full size (sparse) for as long as it is looked at. */
export interface TruthModel {
  readonly file: string;
  readonly path: string;
}

/** Why a test that needs truth is skipped. */
export const TRUTH_MISSING =
  "truth/ isn't here: put it in ../shared/truth beside the repository or name it in BRAINJAR_TRUTH";

let found: string | undefined | null = null;

/** The folder of truth; `undefined` where there is none. */
function truthFolder(): string | undefined {
  if (found !== null) return found;
  const beside = `${import.meta.dirname}/../../shared/truth`;
  const candidates = [environment("BRAINJAR_TRUTH"), beside];
  found = candidates.find((folder) => folder !== undefined && isFile(`${folder}/manifest.json`));
  return found;
}

function environment(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    return undefined;
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Whether truth is here. Tests that need it pass `ignore: !truthAvailable()` and say why. */
export function truthAvailable(): boolean {
  const available = truthFolder() !== undefined;
  if (!available) console.warn(`Skipped: ${TRUTH_MISSING}`);
  return available;
}

function requireFolder(): string {
  const folder = truthFolder();
  if (folder === undefined) throw new Error(TRUTH_MISSING);
  return folder;
}

/** All rows of truth, in the file's order. */
export function truthRows(): TruthRow[] {
  const text = Deno.readTextFileSync(`${requireFolder()}/truth.jsonl`);
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/**
 * The models of truth, restored one at a time into a temporary folder and removed when the next
 * one is asked for.
 */
export async function* truthModels(): AsyncIterable<TruthModel> {
  const folder = requireFolder();
  const manifest: { file: string; size: number }[] = JSON.parse(
    Deno.readTextFileSync(`${folder}/manifest.json`),
  );
  const temporary = await Deno.makeTempDir({ prefix: "brainjar-truth-" });
  try {
    for (const { file, size } of manifest) {
      const path = `${temporary}/${file}`;
      await restore(`${folder}/headers/${file}.gz`, path, size);
      yield { file, path };
      await Deno.remove(path);
    }
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}

async function restore(compressed: string, path: string, size: number): Promise<void> {
  const input = await Deno.open(compressed);
  const output = await Deno.open(path, { write: true, create: true });
  await input.readable
    .pipeThrough(new DecompressionStream("gzip"))
    .pipeTo(output.writable);
  await Deno.truncate(path, size);
}
