/** What llama.cpp itself would allocate for one model and setting, in bytes (fixtures/truth). */
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

const FOLDER = new URL("../fixtures/truth/", import.meta.url);

/** All rows of truth, in the file's order. */
export function truthRows(): TruthRow[] {
  const text = Deno.readTextFileSync(new URL("truth.jsonl", FOLDER));
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

/**
 * The models of truth, restored one at a time into a temporary folder and removed when the next
 * one is asked for.
 */
export async function* truthModels(): AsyncIterable<TruthModel> {
  const manifest: { file: string; size: number }[] = JSON.parse(
    Deno.readTextFileSync(new URL("manifest.json", FOLDER)),
  );
  const temporary = await Deno.makeTempDir({ prefix: "brainjar-truth-" });
  try {
    for (const { file, size } of manifest) {
      const path = `${temporary}/${file}`;
      await restore(new URL(`headers/${file}.gz`, FOLDER), path, size);
      yield { file, path };
      await Deno.remove(path);
    }
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}

async function restore(compressed: URL, path: string, size: number): Promise<void> {
  const input = await Deno.open(compressed);
  const output = await Deno.open(path, { write: true, create: true });
  await input.readable
    .pipeThrough(new DecompressionStream("gzip"))
    .pipeTo(output.writable);
  await Deno.truncate(path, size);
}
