import { assert } from "@std/assert";
import { estimateFootprint } from "../../src/footprint/estimate.ts";
import { readHeader } from "../../src/gguf/read.ts";
import type { GgufHeader } from "../../src/gguf/header.ts";
import { AVX2_CPU, options, tensor } from "../llama_cpp/sample_header.ts";

const DEMO = new URL("../../fixtures/demo-brain.gguf", import.meta.url).pathname;
const MIB = 1024 ** 2;

/** The demo brain with more tensors beside its own: nothing of a graph's size hangs on what is in them. */
function withTensors(header: GgufHeader, more: number): GgufHeader {
  const extra = Array.from({ length: more }, (_, index) => tensor(`extra.${index}`, 0, 1));
  return { ...header, tensors: [...header.tensors, ...extra] };
}

Deno.test("each context's graphs grow with the tensors of a model", async () => {
  const header = await readHeader(DEMO);
  const computeOf = async (more: number) => {
    const { resident, jar } = await estimateFootprint(
      withTensors(header, more),
      options(),
      AVX2_CPU,
    );
    const compute = resident.find(({ part }) => part === "compute")?.floor ?? NaN;
    // The demo brain's floor is the engine's opening: what a second jar adds is what lasts.
    const context = (jar.loading?.lastingBytes ?? NaN) - jar.shared.floorBytes;
    return { compute, context };
  };
  const few = await computeOf(0);
  // Below 1024 places for nodes there is only the nodes' own part.
  assert((await computeOf(8)).compute - few.compute < 0.05 * MIB);
  const many = await computeOf(872);
  // Measured: 7.6 to 7.9 MiB for 867 tensors, 1.7 to 1.9 for 21.
  const grown = (many.compute - few.compute) / MIB;
  assert(grown > 5.7 && grown < 7, `${grown}`);
  assert(many.context > few.context + 5.7 * MIB, "Every jar has graphs of its own");
});
