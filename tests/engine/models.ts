import { generateModel, type GenerateOptions } from "../../fixtures/generate.ts";
import { type ModelShape, PRESETS } from "../../fixtures/shape.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/open.ts";
import type { FootprintOptions } from "../../src/llama_cpp/options.ts";

/** Context options that any tiny model takes. */
export const OPTIONS: FootprintOptions = {
  contextSize: 256,
  batchSize: 256,
  sequences: 1,
  flashAttention: true,
  kvCacheKeyType: "F16",
  kvCacheValueType: "F16",
  mmap: true,
};

/** Sampling that every test uses, so that thoughts can be compared. */
export const SAMPLING = { maxTokens: 24, temperature: 0.8, topP: 0.95, seed: 7 } as const;

let engine: Promise<Engine> | undefined;

/** One engine for all tests of a file: opening it forks a process. */
export function sharedEngine(): Promise<Engine> {
  return engine ??= openEngine();
}

/** Runs `test` with a generated model in a folder that is removed afterwards. */
export async function withModel(
  preset: string,
  test: (path: string, engine: Engine) => Promise<void>,
  changes: Partial<ModelShape> = {},
  options: GenerateOptions = {},
): Promise<void> {
  const shape = PRESETS[preset];
  if (shape === undefined) throw new Error(`No preset ${preset}`);
  const folder = await Deno.makeTempDir({ prefix: "brainjar-engine-" });
  try {
    const { paths } = await generateModel(
      { ...shape, ...changes },
      `${folder}/${preset}.gguf`,
      options,
    );
    const [first] = paths;
    if (first === undefined) throw new Error("Nothing was written");
    await test(first, await sharedEngine());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Anonymous memory of this process in bytes, as the kernel counts it. */
export function anonymousBytes(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error("No RssAnon in /proc/self/status");
  return Number(kilobytes) * 1024;
}
