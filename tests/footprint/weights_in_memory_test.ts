import { assert, assertEquals } from "@std/assert";
import { estimateFootprint } from "../../src/footprint/estimate.ts";
import { withWeightsInMemory } from "../../src/footprint/weights_in_memory.ts";
import { PROGRAM_BYTES } from "../../src/footprint/runtime.ts";
import { readHeader } from "../../src/gguf/read.ts";
import { namedCpu } from "../../src/machine/named_cpu.ts";
import { options } from "../llama_cpp/sample_header.ts";

const BRAIN = new URL("../../fixtures/demo-brain.gguf", import.meta.url).pathname;
const OPTIONS = options({ contextSize: 2 ** 21 });

async function brain(mmap = true) {
  const header = await readHeader(BRAIN);
  return {
    fileBytes: header.fileBytes,
    footprint: await estimateFootprint(header, { ...OPTIONS, mmap }, namedCpu("x86-64", 4)),
  };
}

Deno.test("weights in memory: all of them there, only the program is mapped beside the floor", async () => {
  const { footprint, fileBytes } = await brain();
  const { jar, bytes, resident } = withWeightsInMemory(footprint, 0, fileBytes);
  const { floorBytes, shared, workingSetBytes } = footprint.jar;
  assert(workingSetBytes > floorBytes + PROGRAM_BYTES);
  assertEquals(jar.workingSetBytes, floorBytes + PROGRAM_BYTES);
  assertEquals(jar.shared.workingSetBytes, shared.floorBytes + PROGRAM_BYTES);
  assertEquals([bytes.floor, bytes.workingSet], [floorBytes, floorBytes + PROGRAM_BYTES]);
  assertEquals(bytes.peak, bytes.workingSet);
  assertEquals(resident.reduce((sum, part) => sum + part.workingSet, 0), bytes.workingSet);
});

Deno.test("weights in memory: what is missing is required, and never more than is mapped", async () => {
  const { footprint, fileBytes } = await brain();
  const { shared, workingSetBytes } = footprint.jar;
  const mapped = shared.workingSetBytes - shared.floorBytes - PROGRAM_BYTES;
  const half = withWeightsInMemory(footprint, 1000, fileBytes - 1000);
  assertEquals(half.jar.workingSetBytes, workingSetBytes - mapped + 1000);
  assertEquals(withWeightsInMemory(footprint, 2 * fileBytes, 1).jar, footprint.jar);
});

Deno.test("weights in memory: copies still count, and none in memory changes nothing", async () => {
  const { footprint, fileBytes } = await brain(false);
  assertEquals(withWeightsInMemory(footprint, 0, fileBytes).jar, footprint.jar);
  const mapped = await brain();
  assertEquals(withWeightsInMemory(mapped.footprint, fileBytes, 0), mapped.footprint);
});
