import { assert, assertEquals, assertRejects } from "@std/assert";
import { BrainjarError } from "../../../src/budget/error.ts";
import { GB, MB } from "../../../src/budget/size.ts";
import { generateModel } from "../../../fixtures/generate.ts";
import { PRESETS } from "../../../fixtures/shape.ts";
import { estimateFromFileSize } from "../../../src/footprint/estimate.ts";
import { readHeader } from "../../../src/gguf/read.ts";
import { readModel } from "../../../src/llama_cpp/models/families.ts";
import type { GpuLayers } from "../../../src/llama_cpp/options.ts";
import { offloadAlone } from "../../../src/plan/devices/estimate_offload.ts";
import { planJars } from "../../../src/plan/plan.ts";
import type { ComputingDevice, JarRequest, PlanRequest } from "../../../src/plan/settings.ts";

/** Cards of so many bytes, in a machine with RAM for everything. */
function cards(...sizes: readonly number[]): Required<Pick<PlanRequest, "machine">> {
  const devices = sizes.map((totalBytes, number): ComputingDevice => {
    const id = `cuda:${number}`;
    const memory = { id, kind: "device", name: "a card", totalBytes } as const;
    return {
      memory: { ...memory, availableBytes: totalBytes, reservedBytes: 0, sources: [] },
      device: { id, backend: "cuda", freeBytes: totalBytes, isUnified: false, multiprocessors: 16 },
    };
  });
  return { machine: { name: "a machine with cards", totalBytes: 64 * GB, devices } };
}

/** Models of 8 and of 16 layers, all holes: nobody reads their weights. */
async function withModels(test: (small: string, large: string) => Promise<void>) {
  const { tiny } = PRESETS;
  if (tiny === undefined) throw new Error("No preset");
  const folder = await Deno.makeTempDir({ prefix: "brainjar-layers-" });
  try {
    const made: string[] = [];
    for (const layers of [8, 16]) {
      const { paths: [path = ""] } = await generateModel(
        { ...tiny, layers, embedding: 1024, feedForward: 4096, heads: 16, kvHeads: 16 },
        `${folder}/of-${layers}.gguf`,
        { sparse: true },
      );
      made.push(path);
    }
    const [small = "", large = ""] = made;
    await test(small, large);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function layersOf(jars: readonly JarRequest[], request: Omit<PlanRequest, "jars">) {
  const plan = await planJars({ jars, ...request });
  return {
    plan,
    layers: plan.jars.map(({ demand: { gpuLayers } }) => gpuLayers?.count),
    heldBy: plan.jars.map(({ demand: { gpuLayers } }) => gpuLayers?.heldBy),
  };
}

Deno.test("on devices: auto is all layers where there is room, and the most that pass where not", async () => {
  await withModels(async (small) => {
    const jars = [{ id: "a", model: small }];
    const roomy = await layersOf(jars, cards(8 * GB));
    assertEquals([roomy.layers, roomy.heldBy], [[9], [undefined]]);
    const [{ bytes = 0 } = {}] = roomy.plan.jars[0]?.demand.footprint.devices ?? [];
    assert(bytes > 0);
    const tight = await layersOf(jars, cards(bytes));
    const [count = 0] = tight.layers;
    assert(count > 0 && count < 9, `${count}`);
    assertEquals(tight.heldBy, ["cuda:0"]);
    assert(tight.plan.validation.ok);
    // One more is refused, for the pool that was said to decide.
    const more = await layersOf(
      [{ id: "a", model: small, context: { gpuLayers: count + 1 } }],
      cards(bytes),
    );
    assertEquals(
      more.plan.validation.issues.map((issue) => "pool" in issue && issue.pool)[0],
      "cuda:0",
    );
  });
});

Deno.test("on devices: all auto jars alike first, then each model as far as there is room", async () => {
  await withModels(async (small, large) => {
    const jars = [{ id: "a", model: small }, { id: "b", model: large }];
    const all = await layersOf(jars, cards(8 * GB));
    assertEquals(all.layers, [9, 17]);
    const bytes = all.plan.validation.pools.find(({ id }) => id === "cuda:0")?.requiredBytes ?? 0;
    const { layers: [a = 0, b = 0], plan } = await layersOf(
      jars,
      cards(Math.round(bytes / 0.85 - 40 * MB)),
    );
    assert(plan.validation.ok);
    assertEquals(a, 9);
    assert(b >= 9 && b < 17, `${b}`);
  });
});

Deno.test("on devices: what was asked for is taken, more than there are means all", async () => {
  await withModels(async (small) => {
    const jars: JarRequest[] = [
      { id: "a", model: small, context: { gpuLayers: 3 } },
      { id: "b", model: small, context: { gpuLayers: 99 } },
      { id: "c", model: small, context: { gpuLayers: "all" } },
      { id: "d", model: small },
    ];
    const { plan, layers } = await layersOf(jars, cards(8 * GB));
    assertEquals(layers, [3, 9, 9, 9]);
    const models = plan.jars.map(({ demand }) => demand.model);
    // Where as many lie on devices, weights are shared.
    assertEquals(models[1], models[2]);
    assertEquals(models[1], models[3]);
    assert(models[0] !== models[1]);
  });
});

Deno.test("on devices: cards without any room are left alone by auto, and not by who asked for them", async () => {
  await withModels(async (small) => {
    const jars = [{ id: "a", model: small }];
    const auto = await layersOf(jars, cards(64 * MB));
    assertEquals([auto.plan.settings.gpu, auto.layers], ["off", [undefined]]);
    assertEquals(auto.plan.memory.warnings.map(({ code }) => code), ["devices-left-alone"]);
    const asked = await layersOf(jars, { ...cards(64 * MB), gpu: "cuda" });
    assertEquals([asked.plan.validation.ok, asked.layers], [false, [0]]);
    const off = await layersOf(jars, { ...cards(8 * GB), gpu: "off" });
    assertEquals(off.plan.validation.pools.map(({ id }) => id), ["ram"]);
  });
});

Deno.test("on devices: where a device can't look at the cache, auto leaves what has one in RAM", async () => {
  await withModels(async (small) => {
    const { machine } = cards(8 * GB);
    const [card] = machine.devices ?? [];
    if (card === undefined) throw new Error("No card");
    const id = "vulkan:0";
    const limited: ComputingDevice = {
      memory: { ...card.memory, id },
      device: { ...card.device, id, backend: "vulkan", largestTensorBytes: 2 * MB },
    };
    const request = { machine: { ...machine, devices: [limited] } };
    const jars = [{ id: "a", model: small, context: { contextSize: 8192 } }];
    const { layers, heldBy } = await layersOf(jars, request);
    // The output alone has no cache.
    assertEquals([layers, heldBy], [[1], ["vulkan:0"]]);
    const error = await assertRejects(
      () =>
        planJars({
          jars: [{ id: "a", model: small, context: { contextSize: 8192, gpuLayers: 9 } }],
          ...request,
        }),
      BrainjarError,
    );
    assertEquals(error.code, "cache-too-large");
  });
});

Deno.test("on devices: one model alone is tried with fewer layers where a device can't look at the cache", async () => {
  await withModels(async (small) => {
    const { machine } = cards(8 * GB, 8 * GB);
    const devices = machine.devices ?? [];
    const file = await readModel(await readHeader(small));
    const asked: number[] = [];
    const alone = (gpuLayers: GpuLayers) =>
      offloadAlone({
        read: file,
        devices,
        gpuLayers,
        footprintWith: async (offload) => {
          asked.push(offload.gpuLayers);
          if (offload.gpuLayers > 3) {
            throw new BrainjarError("cache-too-large", "The cache is too large", { hint: "" });
          }
          return await Promise.resolve(estimateFromFileSize(1000));
        },
      });
    assertEquals((await alone("auto"))?.gpuLayers, 3);
    asked.length = 0;
    // A number that was asked for needs no try.
    assertEquals((await alone(9))?.gpuLayers, 9);
    assertEquals(asked, []);
  });
});

Deno.test("on devices: a later model finds the cards as those before it left them", async () => {
  await withModels(async (small, large) => {
    const both = cards(600 * MB, 600 * MB);
    const { plan } = await layersOf([{ id: "a", model: small }, { id: "b", model: large }], both);
    const seen = plan.jars.map(({ options }) =>
      options.offload?.devices.map((one) => one.freeBytes)
    );
    const [first = [], second = []] = seen;
    for (const [index, free] of first.entries()) assert((second[index] ?? 0) < free);
  });
});

Deno.test("on devices: a kind that the machine hasn't is an error", async () => {
  const jars = [{ id: "a" }];
  const error = await assertRejects(
    () => planJars({ jars, ...cards(8 * GB), gpu: "vulkan" }),
    BrainjarError,
  );
  assertEquals(error.code, "conflicting-flags");
  const none = await assertRejects(
    () => planJars({ jars, machine: { name: "a machine", totalBytes: 8 * GB }, gpu: "cuda" }),
    BrainjarError,
  );
  assertEquals(none.code, "no-gpu");
});

Deno.test("on devices: layers that were asked for where there are none are told", async () => {
  const machine = { name: "a machine without cards", totalBytes: 64 * GB };
  const warned = async (gpuLayers: number | "all" | "auto", gpu: "auto" | "off" = "auto") => {
    const plan = await planJars({ jars: [{ id: "a", context: { gpuLayers } }], machine, gpu });
    assert(plan.validation.ok);
    return plan.memory.warnings.map(({ message }) => message);
  };
  const told = ["No device computes here: the layers of 'a' stay with the CPU"];
  assertEquals(await warned(4), told);
  assertEquals(await warned("all"), told);
  assertEquals(await warned("auto"), []);
  assertEquals(await warned(0), []);
  assertEquals(await warned(4, "off"), []);
});
