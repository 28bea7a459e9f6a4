import { assert, assertEquals, assertThrows } from "@std/assert";
import { BrainjarError } from "../../../src/budget/error.ts";
import { planOnDevices } from "../../../src/llama_cpp/graph/device_compute.ts";
import { placeMemory } from "../../../src/llama_cpp/memory/placed_memory.ts";
import type { Device, FootprintOptions } from "../../../src/llama_cpp/options.ts";
import { truthModels } from "../../../fixtures/truth/files.ts";
import { readHeader } from "../../../src/gguf/read.ts";
import { AVX2_CPU, modelOf, options } from "../sample_header.ts";
import { plannedModels } from "./models.ts";

/** Bytes in RAM and on each device: the engine's own libraries over Mesa, with nothing allocated. */
const MESA = {
  one: { all: [6_318_400, 13_013_824], two: [11_567_360, 85_090_304] },
  two: {
    all: [18_969_856, 29_852_608, 36_575_008],
    two: [11_567_360, 85_090_304, 11_310_624],
  },
};

const MODELS = new Map((await plannedModels()).map(({ name, header }) => [name, header]));

function model(name: string) {
  const header = MODELS.get(name);
  if (header === undefined) throw new Error(name);
  return modelOf(header);
}

function on(backend: Device["backend"], count = 1): Device[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${backend}:${index}`,
    backend,
    freeBytes: 8e9,
    isUnified: backend === "metal",
  }));
}

function compute(
  named: string | ReturnType<typeof modelOf>,
  devices: readonly Device[],
  gpuLayers: number,
  some: Partial<FootprintOptions> = {},
) {
  const read = typeof named === "string" ? model(named) : named;
  const asked = { ...options(some), offload: { devices, gpuLayers } };
  const memory = placeMemory({ ...read, cpu: AVX2_CPU }, asked, asked.offload);
  return planOnDevices(read, asked, memory).compute;
}

Deno.test("compute on devices: as Mesa's Vulkan devices were asked, one and two", () => {
  const some = { contextSize: 4096, batchSize: 512 };
  const [one, two] = [on("vulkan"), on("vulkan", 2)].map((devices) =>
    devices.map((device) => ({ ...device, largestTensorBytes: 2 ** 27 }))
  );
  const at = (
    devices: readonly Device[] | undefined,
    gpuLayers: number,
    flashAttention: boolean,
  ) => {
    const { ram, devices: bytes } = compute("llama-dense", devices ?? [], gpuLayers, {
      ...some,
      flashAttention,
    });
    return [ram, ...bytes];
  };
  assertEquals(at(one, 99, true), MESA.one.all);
  assertEquals(at(one, 2, false), MESA.one.two);
  assertEquals(at(two, 99, true), MESA.two.all);
  assertEquals(at(two, 2, false), MESA.two.two);
});

Deno.test("compute on devices: with no layer there a device still computes large batches", () => {
  const large = compute("llama-dense", on("cuda"), 0, { batchSize: 512 });
  const small = compute("llama-dense", on("cuda"), 0, { batchSize: 16 });
  assert((large.devices[0] ?? 0) > 1_000_000);
  assertEquals(small.devices, [0]);
});

Deno.test("compute on devices: single tokens may need more of RAM than a batch", () => {
  const { ram, loadedRam } = compute("kimi-linear-moe", on("cuda"), 0, {
    contextSize: 4096,
    batchSize: 512,
    sequences: 4,
    flashAttention: false,
  });
  assert(loadedRam > ram, `${loadedRam} ${ram}`);
  const whole = compute("llama-dense", on("cuda"), 99);
  assertEquals(whole.loadedRam, whole.ram);
});

Deno.test("compute on devices: a missing weight or builder gives a bound above the graph", () => {
  const { header, shape, architecture } = model("qwen3moe-moe");
  const asked = { ...options(), offload: { devices: on("cuda", 2), gpuLayers: 3 } };
  const memory = placeMemory({ header, shape, cpu: AVX2_CPU }, asked, asked.offload);
  const exact = planOnDevices({ header, shape, build: architecture?.graph }, asked, memory).compute;
  const bound = planOnDevices({ header, shape, build: undefined }, asked, memory).compute;
  assertEquals([exact.confidence, bound.confidence], ["exact", "unknown"]);
  assert(bound.ram >= exact.ram);
  assert(bound.devices.every((bytes, index) => bytes >= (exact.devices[index] ?? 0)));
});

Deno.test("compute on devices: a cache that the device can't look at is refused", () => {
  const devices = on("vulkan").map((device) => ({ ...device, largestTensorBytes: 2 ** 27 }));
  const some = { contextSize: 2 ** 18 };
  assertEquals(compute("llama-dense", devices, 99, some).confidence, "exact");
  assertThrows(
    () => compute("llama-dense", devices, 99, { contextSize: 2 ** 18 + 1 }),
    BrainjarError,
    "vulkan:0",
  );
  // In RAM it is the CPU's.
  assertEquals(
    compute("llama-dense", devices, 1, { contextSize: 2 ** 18 + 1 }).confidence,
    "exact",
  );
});

Deno.test("compute on devices: Metal has every architecture's graph", () => {
  for (const name of MODELS.keys()) {
    const { devices, ram, confidence } = compute(name, on("metal"), 99);
    assertEquals(confidence, "exact", name);
    assert(ram >= 0 && (devices[0] ?? 0) > 0, name);
  }
});

Deno.test("compute on devices: parts are the CUDA graphs that the engine made on a simulated card", async () => {
  // Counted in SIMULATED_CUDA_LOG of `brainjar measure`, with the one of single tokens.
  const counted = [[17, 1], [8, 92], [0, 157]] as const;
  for await (const { file, path } of truthModels()) {
    if (!file.startsWith("llama-3.2-1b")) continue;
    const read = modelOf(await readHeader(path));
    const some = { contextSize: 4096, batchSize: 512, flashAttention: true };
    for (const [layers, graphs] of counted) {
      const [parts = 0] = compute(read, on("cuda"), layers, some).parts;
      // A step wants the logits of one token: without layers there its last rows stay in RAM.
      const most = layers === 0 ? graphs + 6 : graphs;
      assert(parts >= graphs - 1 && parts <= most, `${layers} layers: ${parts}`);
    }
    return;
  }
  throw new Error("llama-3.2-1b is among the models of truth");
});
