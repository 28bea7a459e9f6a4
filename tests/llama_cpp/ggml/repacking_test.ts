import { assertEquals } from "@std/assert";
import { GGML_TYPES } from "../../../src/llama_cpp/ggml/types.ts";
import type { CpuFeatures } from "../../../src/llama_cpp/options.ts";
import { amxBytes, isRepackable } from "../../../src/llama_cpp/ggml/repacking.ts";
import type { TensorInfo } from "../../../src/gguf/header.ts";
import { namedCpu } from "../../../src/machine/named_cpu.ts";

const TYPES = new Map([...GGML_TYPES].map(([number, { name }]) => [name, number]));

function tensor(type: string, ...dimensions: number[]): TensorInfo {
  const number = TYPES.get(type);
  if (number === undefined) throw new Error(`No type ${type}`);
  return { name: "blk.0.ffn_up.weight", dimensions, type: number, offset: 0, part: 0 };
}

const cpu = (name: string): CpuFeatures => namedCpu(name, 4);

/** Which types are laid out anew on which processor, 512 columns and 64 rows. */
const ALL = [
  "Q4_0",
  "Q4_1",
  "Q8_0",
  "Q2_K",
  "Q4_K",
  "Q5_K",
  "Q6_K",
  "IQ4_NL",
  "MXFP4",
  "F16",
  "F32",
];
const TABLE: readonly (readonly [string, string])[] = [
  ["x86-64", ""],
  ["sandybridge", ""],
  ["haswell", "Q4_0 Q4_K IQ4_NL MXFP4"],
  ["znver3", "Q4_0 Q4_K IQ4_NL MXFP4"],
  ["skylake-avx512", "Q4_0 Q2_K Q4_K IQ4_NL MXFP4"],
  ["sapphire-rapids", "Q4_0 Q4_1 Q8_0 Q2_K Q4_K Q5_K Q6_K IQ4_NL MXFP4 F16"],
  ["cortex-a72", ""],
  ["neoverse-n1", "Q4_0 Q8_0 Q4_K Q5_K Q6_K IQ4_NL MXFP4"],
  ["neoverse-v1", "Q4_0 Q8_0 Q4_K Q5_K Q6_K IQ4_NL MXFP4"],
  ["apple-m1", "Q4_0 Q8_0 Q4_K Q5_K Q6_K IQ4_NL MXFP4"],
];

Deno.test("repacking: which types, by processor", () => {
  for (const [name, types] of TABLE) {
    const repacked = ALL.filter((type) => isRepackable(tensor(type, 512, 64), cpu(name)));
    assertEquals(repacked.sort(), types.split(" ").filter(Boolean).sort(), name);
  }
});

Deno.test("repacking: rows must divide, by type and processor", () => {
  const rows = (type: string, name: string) =>
    [4, 8, 12, 16, 32].filter((count) => isRepackable(tensor(type, 512, count), cpu(name)));
  assertEquals(rows("Q4_0", "haswell"), [8, 16, 32]);
  assertEquals(rows("Q4_0", "neoverse-n1"), [4, 8, 12, 16, 32]);
  assertEquals(rows("Q4_K", "neoverse-v1"), [8, 16, 32]);
  assertEquals(rows("Q8_0", "neoverse-v1"), [4, 8, 12, 16, 32]);
  assertEquals(rows("Q8_0", "sapphire-rapids"), [32]);
  assertEquals(isRepackable(tensor("Q4_0", 512), cpu("haswell")), false);
});

Deno.test("repacking: AMX keeps sums beside Q8_0, and leaves experts to others", () => {
  const sapphire = cpu("sapphire-rapids");
  assertEquals(amxBytes(tensor("Q8_0", 64, 32), sapphire), 32 * 2 * 38);
  assertEquals(amxBytes(tensor("Q4_0", 64, 32), sapphire), 32 * 2 * 18);
  assertEquals(amxBytes(tensor("Q4_K", 256, 32), sapphire), 32 * 148);
  assertEquals(amxBytes(tensor("Q8_0", 64, 32, 4), sapphire), undefined);
  assertEquals(isRepackable(tensor("Q8_0", 64, 32, 4), sapphire), false);
  assertEquals(isRepackable(tensor("Q4_0", 64, 32, 4), sapphire), true);
  assertEquals(amxBytes(tensor("Q8_0", 64, 32), cpu("znver4")), undefined);
});
