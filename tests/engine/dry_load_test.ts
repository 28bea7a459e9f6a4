import { assert, assertEquals } from "@std/assert";
import { estimateByEngine } from "../../src/footprint/engine_estimate.ts";
import { estimateFootprint } from "../../src/footprint/estimate.ts";
import { readHeader } from "../../src/gguf/read.ts";
import { readCpuFeatures } from "../../src/machine/cpu.ts";
import { OPTIONS, withModel } from "./models.ts";

// What llama.cpp's own dry load counts, and what the estimator `engine` makes of it. It is opened
// for the first test and ends with the process.

for (const [preset, tied] of [["tiny", false], ["tiny", true], ["tiny-gemma3", true]] as const) {
  const name = `dry load: ${preset}, ${tied ? "tied" : "not tied"}, in Q4_0`;
  Deno.test({ name, sanitizeOps: false, sanitizeResources: false }, async () => {
    await withModel(preset, async (path, engine) => {
      const header = await readHeader(path);
      const cpu = await readCpuFeatures();
      const ours = await estimateFootprint(header, OPTIONS, cpu);
      const dryLoad = await engine.dryLoad(path, OPTIONS);
      const theirs = await estimateByEngine(header, dryLoad, OPTIONS, cpu);
      assertEquals(theirs.bytes, ours.bytes, "What it leaves out is added, and nothing else");
      const leftOut = theirs.dryLoad?.leftOutBytes ?? NaN;
      assertEquals(dryLoad.modelBytes + leftOut, ours.bytes.weights);
      // Where this processor lays nothing out anew, nothing is left out.
      const repacks = tied && ours.bytes.repacked > 0;
      assert(repacks ? leftOut > 0 : leftOut === 0 || cpu.features.has("amx_int8"), `${leftOut}`);
      assertEquals(theirs.confidence, leftOut > 0 ? "bound" : "exact");
    }, { tied, type: "Q4_0" });
  });
}
