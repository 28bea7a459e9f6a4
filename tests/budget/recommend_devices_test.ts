import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Changes } from "../../src/budget/changes.ts";
import { recommend } from "../../src/budget/advice/recommend.ts";
import type { LayersOnDevices } from "../../src/budget/demand.ts";
import type { MachineMemory } from "../../src/budget/memory.ts";
import type { Recommendation } from "../../src/budget/recommendation.ts";
import type { Validation } from "../../src/budget/validation.ts";
import { recommendationFlags, recommendationMessage } from "../../src/report/recommendation.ts";
import { BARE, device, footprint, gb, jar, machine, validate } from "./cases.ts";

const SEED = 20261127;

/** Layers of the model, its output counted as one. */
const LAYERS = 33;

/** A world small enough to reckon by hand: what isn't on the card is in RAM. */
interface World {
  /** Layers that are asked for; `auto` where they are to be found. */
  readonly layers: number | "auto";
  readonly card?: readonly [totalGb: number, availableGb: number];
  readonly ramGb: number;
  readonly gbPerLayer: number;
  /** Cache of one layer with the context that is asked for. */
  readonly cacheGb: number;
  readonly backendGb: number;
}

const WORLD: World = {
  layers: LAYERS,
  card: [24, 24],
  ramGb: 64,
  gbPerLayer: 0.5,
  cacheGb: 0.25,
  backendGb: 0.5,
};

const CONTEXT = 8192;

function validateWith(
  world: World,
  layers: LayersOnDevices | undefined,
  changes: Changes,
  size: Partial<MachineMemory>,
): Validation {
  const smaller = changes.kvCacheType === "Q8_0" ? 0.5 : changes.kvCacheType === "Q4_0" ? 0.25 : 1;
  const layer = world.gbPerLayer +
    world.cacheGb * smaller * (changes.contextSize ?? CONTEXT) / CONTEXT;
  const count = layers?.count ?? 0;
  const inRam = (LAYERS - count) * layer + 0.1;
  const onCard = count * layer + 0.25 + world.backendGb;
  const need = {
    ...{ id: "cuda:0", bytes: gb(onCard), sharedBytes: gb(count * world.gbPerLayer) },
    processBytes: 0,
  };
  const print = {
    ...footprint(inRam, inRam),
    ...(layers === undefined ? {} : { devices: [need] }),
  };
  const demand = {
    ...jar("subject", { footprint: print }),
    ...(layers === undefined ? {} : { gpuLayers: layers }),
  };
  const [total = 0, available = 0] = world.card ?? [];
  const devices = world.card === undefined ? [] : [device("cuda:0", total, available)];
  return validate([demand], { ...machine(world.ramGb, world.ramGb, { devices }), ...size }, BARE);
}

/** As a plan would: a number is taken, `auto` is found. */
function plan(
  world: World,
  changes: Changes = {},
  size: Partial<MachineMemory> = {},
): Validation {
  if (changes.gpu === "off") return validateWith(world, undefined, changes, size);
  const at = (count: number, isFound: boolean) =>
    validateWith(world, { count, of: LAYERS, isFound }, changes, size);
  if (world.layers !== "auto") {
    return at(Math.min(world.layers, changes.gpuLayers ?? Infinity), false);
  }
  for (let count = LAYERS; count > 0; count--) {
    const found = at(count, true);
    if (found.ok) return found;
  }
  return at(0, true);
}

async function adviceFor(more: Partial<World>): Promise<[Recommendation[], Validation, World]> {
  const world = { ...WORLD, ...more };
  const validation = plan(world);
  const recommendations = await recommend({
    validation,
    tryWith: (changes, size) => plan(world, changes, size),
    contextSize: CONTEXT,
    kvCacheTypes: ["Q8_0", "Q5_1", "Q4_0"],
    mmap: true,
  });
  return [recommendations, validation, world];
}

async function messagesFor(more: Partial<World>): Promise<string[]> {
  const [recommendations, validation] = await adviceFor(more);
  return recommendations.map((one) => recommendationMessage(one, validation));
}

Deno.test("advice on devices: fewer layers first, then what keeps all of them there", async () => {
  assertEquals(await messagesFor({}), [
    "Have 26 of 33 layers on devices: --gpu-layers 26 (5.35 GB required, 20.25 GB on cuda:0)",
    "Use a smaller context: --context-size 2048 (102.40 MB required, 19.31 GB on cuda:0)",
    "Use a smaller KV cache: --kv-cache-type q4_0 (102.40 MB required, 19.31 GB on cuda:0)",
    "Compute on the processor alone: --gpu off (24.85 GB required)",
  ]);
});

Deno.test("advice on devices: what is free there, and what card would do", async () => {
  assertEquals(
    (await messagesFor({ card: [40, 20] })).at(-1),
    "Close other programs until 5.60 GB more is available on cuda:0",
  );
  // Not even an empty graph has room there, and RAM is too small for all of it.
  assertEquals(await messagesFor({ card: [0.5, 0.5], ramGb: 4, gbPerLayer: 1 }), [
    "Use a device of 49.50 GB as cuda:0, 42.10 GB of it available",
  ]);
  assertEquals(await messagesFor({ layers: 20, ramGb: 4, card: [1, 1], gbPerLayer: 1 }), [
    "Use a machine with at least 19.30 GB RAM, 16.90 GB of it available, and " +
    "a device of 30.30 GB as cuda:0, 25.90 GB of it available",
  ]);
  const { card: _, ...without } = WORLD;
  const validation = plan(without);
  const found = await recommend({
    validation,
    tryWith: (changes, size) => plan(without, changes, size),
    contextSize: CONTEXT,
    kvCacheTypes: [],
    mmap: true,
  });
  assertEquals(found.map((one) => recommendationFlags(one, validation)), [["--gpu off"]]);
});

Deno.test("advice on devices: fewer layers together with a smaller cache, where neither is enough", async () => {
  assertEquals(await messagesFor({ card: [8, 8], ramGb: 14, cacheGb: 0.5 }), [
    "Use together: --gpu-layers 11 --context-size 512 (11.79 GB required, 6.59 GB on cuda:0)",
  ]);
});

Deno.test("advice on devices: what passes with some layers says what would have all", async () => {
  assertEquals(await messagesFor({ layers: "auto" }), [
    "26 of 33 layers fit on devices; all would with --kv-cache-type q4_0",
  ]);
  assertEquals(await messagesFor({ layers: "auto", card: [80, 80] }), []);
  assertEquals(await messagesFor({ layers: 5 }), []);
  assertEquals(await messagesFor({ layers: "auto", card: [8, 8] }), []);
});

Deno.test("advice on devices: every recommendation passes as it is said", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        layers: fc.oneof(fc.integer({ min: 0, max: LAYERS }), fc.constant("auto" as const)),
        card: fc.tuple(fc.double({ min: 0.1, max: 60, noNaN: true }), fc.nat(100)).map(
          ([total, percent]) => [total, total * percent / 100] as const,
        ),
        ramGb: fc.double({ min: 1, max: 64, noNaN: true }),
        gbPerLayer: fc.double({ min: 0.01, max: 2, noNaN: true }),
        cacheGb: fc.double({ min: 0, max: 2, noNaN: true }),
        backendGb: fc.double({ min: 0, max: 2, noNaN: true }),
      }),
      async (more) => {
        const [recommendations, validation, world] = await adviceFor(more);
        if (!validation.ok) assertEquals(recommendations.length > 0, true);
        for (const one of recommendations) {
          switch (one.kind) {
            case "changes":
              assertEquals(plan(world, one.changes).ok, true);
              break;
            case "more-layers": {
              const { ok, instances: [all] } = plan(world, one.changes);
              assertEquals([ok, all?.gpuLayers?.count], [true, LAYERS]);
              break;
            }
            case "free-memory": {
              const { memory } = validation;
              const devices = memory.devices?.map((device) => ({
                ...device,
                availableBytes: device.availableBytes +
                  (one.devices?.find(({ id }) => id === device.id)?.bytes ?? 0),
              })) ?? [];
              const availableBytes = memory.availableBytes + one.bytes;
              assertEquals(plan(world, {}, { availableBytes, devices }).ok, true);
              break;
            }
            case "machine": {
              const { totalBytes, availableBytes, devices = [] } = one;
              const there = validation.memory.devices?.map((device) => ({
                ...device,
                ...devices.find(({ id }) => id === device.id),
              })) ?? [];
              const ram = one.ramIsEnough ? {} : { totalBytes, availableBytes };
              const larger = plan(world, one.changes ?? {}, { ...ram, devices: there });
              assertEquals(larger.ok, true);
            }
          }
        }
      },
    ),
    { seed: SEED, numRuns: 300 },
  );
});
