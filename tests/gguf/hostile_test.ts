import { assert } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { decode } from "../../src/gguf/decode.ts";
import { memorySource } from "./memory_source.ts";
import { array, buildHeader, type Built, text, uint32 } from "./build_header.ts";
import { mutate, type Mutated, random } from "./mutate.ts";

const SEED = 0x9e3779b9;
const RUNS = 100_000;
const SLOWEST_MILLISECONDS = 50;
const MOST_BYTES = 64 * 1024 * 1024;

const words = (count: number) => Array.from({ length: count }, (_, i) => `token ${i}`);
const layers = (count: number) => Array.from({ length: count }, (_, i) => i % 8);

/** Headers of several shapes: small, with a vocabulary, big-endian, with many tensors. */
const BASES: readonly Built[] = [
  buildHeader({
    metadata: [text("general.architecture", "llama"), uint32("llama.block_count", 2)],
    tensors: [{ name: "a", dimensions: [32, 4], type: 2 }, { name: "b", dimensions: [5] }],
  }),
  buildHeader({
    metadata: [
      text("general.architecture", "gemma3"),
      array("gemma3.attention.head_count_kv", "uint32", layers(48)),
      array("tokenizer.ggml.tokens", "string", words(400)),
      array("tokenizer.ggml.scores", "float32", layers(5000)),
      array("general.tags", "string", ["a", "b"]),
      { key: "general.size", type: "uint64", value: 2n ** 60n },
      uint32("general.alignment", 64),
    ],
    alignment: 64,
    tensors: [
      { name: "token_embd.weight", dimensions: [256, 10], type: 12 },
      { name: "blk.0.attn_q.weight", dimensions: [32, 8, 2], type: 8 },
      { name: "blk.0.ffn_up_exps.weight", dimensions: [4, 3, 2, 2], type: 1 },
    ],
  }),
  buildHeader({
    bigEndian: true,
    version: 2,
    metadata: [text("general.name", "big"), array("words", "string", words(100))],
    tensors: [{ name: "a", dimensions: [32] }],
  }),
  buildHeader({
    metadata: [text("general.architecture", "qwen2")],
    tensors: Array.from({ length: 60 }, (_, i) => ({ name: `blk.${i}.w`, dimensions: [8, 2] })),
  }),
];

interface Outcome {
  readonly milliseconds: number;
  readonly bytes: number;
  readonly code: string;
}

/** Reads it, and fails with anything but a header or the reader's own error. */
async function attempt({ bytes, size, how }: Mutated, run: number): Promise<Outcome> {
  const memory = Deno.memoryUsage();
  const start = performance.now();
  let code = "";
  try {
    await decode(memorySource(bytes, "hostile.gguf", size));
  } catch (error) {
    if (!(error instanceof BrainjarError) || !error.code.startsWith("gguf-")) {
      throw new Error(`Run ${run} (${how}) failed with ${error}`, { cause: error });
    }
    code = error.code;
  }
  const milliseconds = performance.now() - start;
  const after = Deno.memoryUsage();
  return {
    milliseconds,
    bytes: after.heapUsed + after.external - memory.heapUsed - memory.external,
    code,
  };
}

Deno.test(`${RUNS} hostile headers are read or refused (seed ${SEED})`, async () => {
  const next = random(SEED);
  const codes = new Map<string, number>();
  for (let run = 0; run < RUNS; run++) {
    const base = BASES[run % BASES.length];
    if (base === undefined) throw new RangeError("No base");
    const mutated = mutate(base, next);
    let outcome = await attempt(mutated, run);
    // The machine may be busy with something else: only what is slow each time is slow.
    for (let again = 0; again < 3 && outcome.milliseconds > SLOWEST_MILLISECONDS; again++) {
      outcome = await attempt(mutated, run);
    }
    const { milliseconds, bytes, code } = outcome;
    assert(
      milliseconds <= SLOWEST_MILLISECONDS,
      `Run ${run} (${mutated.how}) took ${milliseconds} ms`,
    );
    assert(bytes <= MOST_BYTES, `Run ${run} (${mutated.how}) took ${bytes} bytes`);
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  // If a kind of damage were never met, the mutations would be too tame.
  for (
    const code of [
      "",
      "gguf-alignment",
      "gguf-bad-magic",
      "gguf-cut-off",
      "gguf-dimensions",
      "gguf-duplicate-key",
      "gguf-duplicate-tensor",
      "gguf-empty",
      "gguf-key",
      "gguf-lying-length",
      "gguf-nesting",
      "gguf-tensor-name",
      "gguf-tensor-offset",
      "gguf-tensor-type",
      "gguf-truncated",
      "gguf-value-type",
      "gguf-version",
    ]
  ) {
    assert(
      (codes.get(code) ?? 0) >= 10,
      `${code || "A header"} came ${codes.get(code) ?? 0} times`,
    );
  }
});
