import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { deviceFootprints } from "../../src/footprint/device_bytes.ts";
import {
  deviceRuntime,
  driverRamBytes,
  mostMultiprocessors,
} from "../../src/footprint/device_runtime.ts";
import { estimateFootprint } from "../../src/footprint/estimate.ts";
import { stepGraph } from "../../src/llama_cpp/graph/planned_graph.ts";
import { planGraph } from "../../src/llama_cpp/graph/planned_graph.ts";
import { readModel } from "../../src/llama_cpp/models/families.ts";
import type { Device } from "../../src/llama_cpp/options.ts";
import { readHeader } from "../../src/gguf/read.ts";
import { graphFile, truthModels } from "../../fixtures/truth/files.ts";
import { toContextSetting } from "../../fixtures/truth/figures.ts";
import { placedModel } from "../../fixtures/truth/gpu/placement.ts";
import { realFile } from "../../fixtures/truth/gpu/real.ts";
import { SIMULATED_DEVICES } from "../../fixtures/truth/gpu/simulated_cuda.ts";
import { thoughtFile } from "../../fixtures/truth/gpu/thoughts.ts";
import { toHeader } from "../llama_cpp/graph/models.ts";
import { AVX2_CPU, modelOf } from "../llama_cpp/sample_header.ts";

const MIB = 1024 ** 2;

const H200: Device = {
  id: "cuda:0",
  backend: "cuda",
  freeBytes: 141e9,
  isUnified: false,
  computeCapability: 90,
  multiprocessors: 132,
};
const IDLE = { nodes: [], buffers: [] };

Deno.test("a CUDA context is as large as it was measured on other cards, or up to 12 MiB larger", () => {
  const cards = [
    { name: "RTX 4060 Ti", computeCapability: 89, multiprocessors: 34, measured: 107 },
    { name: "RTX 3090", computeCapability: 86, multiprocessors: 82, measured: 256 },
    { name: "H200", computeCapability: 90, multiprocessors: 132, measured: 527 },
    { name: "RTX PRO 6000", computeCapability: 120, multiprocessors: 188, measured: 555 },
  ];
  for (const { name, measured, ...card } of cards) {
    const known = deviceRuntime({ ...H200, ...card }, IDLE).runtime;
    const own = deviceRuntime({ ...H200, ...card, contextBytes: measured * MIB }, IDLE).runtime;
    assert(known >= own && known - own <= 12 * MIB, `${name}: ${(known - own) / MIB}`);
  }
});

Deno.test("a card of which only the size is known has as many multiprocessors as any of that size", () => {
  const cards = [[6, 30], [8, 46], [10, 68], [11, 68], [12, 80], [16, 84], [24, 128], [32, 170], [
    80,
    132,
  ], [96, 188]] as const;
  for (const [size, multiprocessors] of cards) {
    assert(mostMultiprocessors(size * 1024 ** 3) >= multiprocessors, `${size} GB`);
  }
});

Deno.test("what a device computes is in its pool, what it computes nothing of takes no pool", () => {
  assertEquals(deviceRuntime(H200, IDLE).thinking, 0);
  const unknown = deviceRuntime(H200, { nodes: undefined, buffers: [] });
  assert(unknown.thinking > 100 * MIB);
  const rounded = deviceRuntime(H200, { nodes: [], buffers: [1, 2 * MIB, 3 * MIB] });
  assertEquals(rounded.thinking, 2 * MIB - 1 + MIB);
});

Deno.test("CUDA graphs of a graph's parts are what an H100 kept for them, or a step of the driver's more", () => {
  // Parts, and MiB that stayed when the model was gone, less those of the same model in one part.
  const measured = [[91, 8], [118, 16], [171, 18], [171, 22], [196, 22], [197, 24], [299, 38], [
    326,
    36,
  ]] as const;
  const one = deviceRuntime(H200, { ...IDLE, parts: 1 }).thinking;
  assertEquals(one, 0);
  for (const [parts, held] of measured) {
    const graphs = (deviceRuntime(H200, { ...IDLE, parts }).thinking - one) / MIB;
    assert(graphs >= held && graphs <= held + 6, `${parts} parts: ${graphs}`);
  }
});

Deno.test("all figures are whole, and grow with a card's multiprocessors", () => {
  const card = fc.record({
    computeCapability: fc.constantFrom(61, 70, 75, 80, 86, 89, 90, 100, 120),
    multiprocessors: fc.integer({ min: 1, max: 200 }),
  });
  fc.assert(fc.property(card, fc.array(fc.nat(1e12)), (card, buffers) => {
    const here = deviceRuntime({ ...H200, ...card }, { nodes: undefined, buffers });
    const more = { ...card, multiprocessors: card.multiprocessors + 1 };
    const there = deviceRuntime({ ...H200, ...more }, { nodes: undefined, buffers });
    assert(Number.isSafeInteger(here.runtime) && Number.isSafeInteger(here.thinking));
    assert(there.runtime > here.runtime && there.thinking >= here.thinking);
  }));
});

Deno.test("a context's pool and its cuBLAS are ggml-cuda's own in simulated thoughts, never less", async () => {
  const models = await graphFile.read();
  let exact = 0;
  const rows = await thoughtFile.read();
  for (const row of rows) {
    const label = JSON.stringify(row);
    const model = await readModel(toHeader(placedModel(models, row)));
    const options = { ...toContextSetting(row.setting), mmap: true };
    const planned = planGraph(model, options);
    const nodes = stepGraph(planned, row.setting[1])?.nodes;
    assert(nodes !== undefined, label);
    const [card] = SIMULATED_DEVICES[row.devices];
    const { thinking } = deviceRuntime({ ...H200, ...card }, { nodes, buffers: [] });
    const handle = 66 * MIB + (card.computeCapability >= 90 ? 32 : 4) * MIB;
    assertEquals(thinking >= handle, row.usesCublas, label);
    const pool = thinking - (row.usesCublas ? handle : 0);
    assert(pool >= row.pool && pool <= row.pool + 8 * MIB, `${label}: ${pool / MIB}`);
    if (pool === row.pool) exact++;
  }
  assert(exact / rows.length > 2 / 3, `${exact} of ${rows.length}`);
});

Deno.test("what all layers of a model take on a card is what a simulated load and thought take there", async () => {
  const models = await graphFile.read();
  for (const row of await thoughtFile.read()) {
    const label = JSON.stringify(row);
    const header = toHeader(placedModel(models, row));
    const { allLayerCount } = modelOf(header).shape;
    const [card] = SIMULATED_DEVICES[row.devices];
    const device = { ...H200, ...card, contextBytes: 0 };
    const options = {
      ...toContextSetting(row.setting),
      mmap: true,
      offload: { devices: [device], gpuLayers: allLayerCount + 1 },
    };
    const { devices = [] } = await estimateFootprint(header, options, AVX2_CPU);
    const [bytes = 0] = deviceFootprints(devices).map((there) => there.bytes - there.processBytes);
    const known = row.usesCublas ? bytes - 66 * MIB : bytes;
    // A cache may be several buffers, each rounded up, which the runtime's spare is for.
    const beyond = (known - row.used) / MIB;
    assert(beyond >= -12 && beyond <= 8, `${label}: ${beyond}`);
  }
});

Deno.test("what a real card held after a thought: never less, 3 % more at most", async () => {
  const rows = Map.groupBy(await realFile.read(), ({ model }) => model);
  let checked = 0;
  for await (const { file, path } of truthModels()) {
    const header = rows.has(file) ? await readHeader(path) : undefined;
    if (header === undefined) continue;
    const blocks = Number(header.metadata.get(
      `${header.metadata.get("general.architecture")}.block_count`,
    ));
    for (const row of rows.get(file) ?? []) {
      const footprint = await estimateFootprint(header, {
        contextSize: row.ctx,
        batchSize: row.batch,
        sequences: 1,
        flashAttention: row.fa === "fa",
        kvCacheKeyType: row.kv,
        kvCacheValueType: row.kv,
        mmap: true,
        offload: { devices: [H200], gpuLayers: Math.min(row.layers, blocks + 1) },
      }, AVX2_CPU);
      const [footprintThere] = deviceFootprints(footprint.devices ?? []);
      const bytes = footprintThere?.bytes ?? 0;
      const ratio = bytes / (row.smi.thought * MIB);
      // The H200's thought was one step, of whose parts no CUDA graphs are made.
      const most = row.card === undefined && row.layers < blocks ? 1.035 : 1.03;
      assert(ratio >= 1 && ratio <= most, `${JSON.stringify(row)}: ${ratio}`);
      // The least free memory that lived, of a card that was filled (fixtures/truth/README.md).
      const least = file.startsWith("llama-3.2-1b") && row.ctx === 4096 && row.fa === "fa"
        ? new Map([[99, 1784], [8, 1423]]).get(row.layers)
        : undefined;
      if (least !== undefined) {
        const floor = bytes / (least * MIB);
        assert(floor >= 1 && floor <= 1.05, `${JSON.stringify(row)}: ${floor}`);
      }
      checked++;
    }
  }
  assertEquals(checked, 19);
});

Deno.test("a driver's RAM counts once, however many devices it drives", () => {
  assertEquals(driverRamBytes([], []), 0);
  const one = driverRamBytes([H200], []);
  assertEquals(driverRamBytes([H200, { ...H200, id: "cuda:1" }], []), one);
  assert(one >= 148 * MIB - 36 * MIB, "147 MiB with CUDA open, 33 to 39 before");
  assert(driverRamBytes([H200], undefined) > one, "cuBLAS");
});
