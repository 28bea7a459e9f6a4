import { assert, assertEquals } from "@std/assert";
import { graphFile, truthModels } from "../../fixtures/truth/files.ts";
import { placedModel, placementFile } from "../../fixtures/truth/gpu/placement.ts";
import { recordedFile } from "../../fixtures/truth/gpu/recorded.ts";
import { SIMULATED_DEVICES } from "../../fixtures/truth/gpu/simulated_cuda.ts";
import { readHeader } from "../../src/gguf/read.ts";
import { estimateRead } from "../../src/footprint/estimate.ts";
import type { Device, FootprintOptions } from "../../src/llama_cpp/options.ts";
import { toHeader } from "../llama_cpp/graph/models.ts";
import { AVX2_CPU, modelOf, options } from "../llama_cpp/sample_header.ts";

/** The dry load maps nothing. */
const DRY: Partial<FootprintOptions> = { mmap: false };

Deno.test("devices: what a real card's dry load said, to the byte", async () => {
  const rows = Map.groupBy(await recordedFile.read(), ({ file }) => file);
  let checked = 0;
  for await (const { file, path } of truthModels()) {
    const model = modelOf(await readHeader(path));
    for (const row of rows.get(file) ?? []) {
      const device: Device = {
        id: "cuda:0",
        backend: "cuda",
        freeBytes: 85_017_493_504,
        isUnified: false,
        computeCapability: 90,
      };
      const { bytes, devices = [], confidence } = await estimateRead(
        model,
        options({
          ...row,
          ...DRY,
          kvCacheKeyType: row.kvCacheType,
          kvCacheValueType: row.kvCacheType,
          offload: { devices: [device], gpuLayers: row.gpuLayers },
        }),
        AVX2_CPU,
      );
      const [held] = devices;
      if (held === undefined) throw new Error("No device");
      const label = JSON.stringify(row);
      assertEquals(
        {
          model: { cpuRam: bytes.weights, gpuVram: held.weights },
          context: {
            cpuRam: bytes.kvCache + bytes.recurrentState + bytes.compute,
            gpuVram: held.kvCache + held.recurrentState + held.compute,
          },
        },
        { model: row.model, context: row.context },
        label,
      );
      assertEquals(confidence, "exact", label);
      checked++;
    }
  }
  assert(checked > 1000, `${checked}`);
});

Deno.test("devices: every architecture on one, two and three cards of all ages", async () => {
  const models = await graphFile.read();
  let checked = 0;
  for (const row of await placementFile.read()) {
    const model = modelOf(toHeader(placedModel(models, row)));
    const devices = SIMULATED_DEVICES[row.devices].map((card, number): Device => ({
      id: `cuda:${number}`,
      backend: "cuda",
      freeBytes: card.freeBytes,
      isUnified: false,
      computeCapability: card.computeCapability,
    }));
    for (const [contextSize, batchSize, sequences, flash, type, memory, compute] of row.contexts) {
      const { bytes, devices: held = [] } = await estimateRead(
        model,
        options({
          ...DRY,
          contextSize,
          batchSize,
          sequences,
          flashAttention: flash,
          kvCacheKeyType: type,
          kvCacheValueType: type,
          offload: { devices, gpuLayers: row.gpuLayers },
        }),
        AVX2_CPU,
      );
      const all = [bytes, ...held];
      assertEquals(
        {
          weights: all.map(({ weights }) => weights),
          memory: all.map(({ kvCache, recurrentState }) => kvCache + recurrentState),
          compute: all.map(({ compute }) => compute),
        },
        { weights: row.weights, memory, compute },
        JSON.stringify({ ...row, contexts: [contextSize, batchSize, sequences, flash, type] }),
      );
      checked++;
    }
  }
  assert(checked > 1000, `${checked}`);
});
