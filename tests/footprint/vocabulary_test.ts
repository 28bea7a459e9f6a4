import { assert, assertEquals } from "@std/assert";
import { OPENING_BYTES } from "../../src/footprint/runtime.ts";
import { vocabularyMemory } from "../../src/footprint/vocabulary.ts";
import type { GgufHeader, MetadataValue } from "../../src/gguf/header.ts";

const MIB = 1024 ** 2;

/** Anonymous memory of a process with the engine open, when these were measured. */
const OPEN = 31.5;

/** What was measured of one vocabulary: counts from its header, then MiB. */
interface Measured {
  readonly name: string;
  readonly model: string;
  readonly tokens: readonly [length: number, bytes: number];
  readonly merges: readonly [length: number, bytes: number];
  readonly scores: boolean;
  /** Highest while the header was read, while the model was loaded; and after. */
  readonly anonymous: readonly [reading: number, building: number, loaded: number];
}

// llama.cpp's models/ggml-vocab-NAME.gguf under the tiny preset of the fixtures in Q8_0, seed 1,
// Deno 2.9.6 with node-llama-cpp on x86-64.
const MEASURED: readonly Measured[] = [
  row("llama-spm", "llama", [32000, 210919], [0, 0], true, [48.9, 40.9, 38.0]),
  row("baichuan", "llama", [64000, 316144], [0, 0], true, [60.1, 47.3, 41.5]),
  row("gpt-2", "gpt2", [50257, 356735], [50000, 406304], false, [60.8, 53.6, 46.1]),
  row("falcon", "gpt2", [65024, 462041], [64784, 526329], false, [60.4, 60.8, 50.9]),
  row("qwen2", "gpt2", [151936, 1372708], [151387, 1520452], false, [82.4, 95.9, 72.0]),
  row("deepseek-llm", "gpt2", [102400, 934635], [99757, 1007683], false, [73.5, 73.3, 57.1]),
  row("llama-bpe", "gpt2", [128256, 1073445], [280147, 2963589], false, [86.9, 113.6, 81.4]),
  row("aquila", "gpt2", [100008, 1163775], [99743, 1263018], true, [72.6, 79.9, 61.3]),
  row("command-r", "gpt2", [256000, 2764783], [253333, 3001038], false, [99.0, 142.2, 100.2]),
  row("gemma-4", "gemma4", [262144, 2316295], [514906, 5132471], true, [124.4, 188.3, 123.9]),
  row("nomic-bert-moe", "t5", [250048, 2581851], [0, 0], true, [108.4, 182.2, 158.1]),
];

function row(
  name: string,
  model: string,
  tokens: Measured["tokens"],
  merges: Measured["merges"],
  scores: boolean,
  anonymous: Measured["anonymous"],
): Measured {
  return { name, model, tokens, merges, scores, anonymous };
}

function header({ model, tokens, merges, scores }: Measured): GgufHeader {
  const numbers = { elementType: "float32", length: tokens[0], bytes: tokens[0] * 4 } as const;
  const texts = ([length, bytes]: readonly [number, number]) =>
    ({ elementType: "string", length, bytes }) as const;
  const metadata = new Map<string, MetadataValue>([
    ["tokenizer.ggml.model", model],
    ["tokenizer.ggml.tokens", texts(tokens)],
    ["tokenizer.ggml.token_type", numbers],
  ]);
  if (merges[0] > 0) metadata.set("tokenizer.ggml.merges", texts(merges));
  if (scores) metadata.set("tokenizer.ggml.scores", numbers);
  return {
    version: 3,
    byteOrder: "little",
    alignment: 32,
    metadataTypes: new Map(),
    metadata,
    tensors: [],
    parts: [],
    fileBytes: 0,
  };
}

Deno.test("vocabulary: loading's peak and what stays, beside what was measured", () => {
  for (const measured of MEASURED) {
    const memory = vocabularyMemory(header(measured));
    const [reading, building, loaded] = measured.anonymous;
    const loading = OPEN + Math.max(memory.reading, memory.read + memory.building) / MIB;
    // Opening the engine takes more than reading a small vocabulary.
    const opening = OPENING_BYTES / MIB;
    const ratio = Math.max(opening, loading) / Math.max(opening, reading, building);
    assert(ratio > 0.98 && ratio < 1.12, `${measured.name}: loading ${ratio.toFixed(3)}`);
    const kept = (OPEN + memory.kept / MIB) / loaded;
    assert(kept > 0.98 && kept < 1.09, `${measured.name}: kept ${kept.toFixed(3)}`);
  }
});

Deno.test("vocabulary: a model without one takes a little", () => {
  const { reading, read, building, kept } = vocabularyMemory({
    ...header(MEASURED[0] ?? row("none", "none", [0, 0], [0, 0], false, [0, 0, 0])),
    metadata: new Map(),
  });
  assertEquals(read, 0);
  assert(kept <= building && building < 4 * MIB && reading < 20 * MIB);
});
