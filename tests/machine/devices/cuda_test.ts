import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { cudaDevices } from "../../../src/machine/devices/cuda.ts";
import type { NvidiaCard, NvidiaPart } from "../../../src/machine/devices/nvidia.ts";
import type { DeviceReading } from "../../../src/machine/devices/reading.ts";

const GB = 1024 ** 3;

function reading(uuid: string, totalBytes = 16 * GB): DeviceReading {
  return {
    id: "cuda",
    backend: "cuda",
    kind: "device",
    isIntegrated: false,
    name: `Card of ${totalBytes / GB} GB`,
    uuid,
    totalBytes,
    availableBytes: totalBytes / 2,
    reservedBytes: 0,
    sources: [],
  };
}

function card(uuid: string, totalBytes = 16 * GB, cores = 1024): NvidiaCard {
  const told = reading(uuid, totalBytes);
  return { uuid, name: told.name, cores, reading: told };
}

function part(uuid: string, gpu: number, compute = 0): NvidiaPart {
  return { uuid, name: "Part", instance: { gpu, compute }, reading: reading(uuid, GB) };
}

const CARDS = ["GPU-aaaa-1", "GPU-aabb-2", "GPU-cccc-3", "GPU-dddd-4"].map((uuid) => card(uuid));
const SPLIT: NvidiaCard = {
  uuid: "GPU-eeee-5",
  name: "Split",
  cores: 1024,
  parts: [part("MIG-1111", 1), part("MIG-1112", 1, 1), part("MIG-2222", 2)],
};

function read(
  cards: readonly NvidiaCard[],
  variables: Readonly<Record<string, string>>,
  driverVersion = "580.95.05",
) {
  return cudaDevices({ cards, driverVersion, warnings: [] }, (name) => variables[name]);
}

function uuidsWith(visible: string, cards = CARDS, driverVersion = "580.95.05") {
  const { devices, warnings } = read(cards, { CUDA_VISIBLE_DEVICES: visible }, driverVersion);
  assertEquals(devices.map(({ id }) => id), devices.map((_, index) => `cuda:${index}`));
  return { uuids: devices.map(({ uuid }) => uuid), warnings: warnings.map(({ code }) => code) };
}

const [A = "", B = "", C = "", D = ""] = CARDS.map(({ uuid }) => uuid);

const LISTS: readonly [visible: string, uuids: readonly string[], warns?: boolean][] = [
  ["0,1,2,3", [A, B, C, D]],
  ["2, 0", [C, A]],
  ["", []],
  ["-1", []],
  ["0,2,-1,1", [A, C]],
  ["0,,1", [A]],
  ["1,9,0", [B], true],
  ["1,x,0", [B], true],
  ["1,1", [B], true],
  ["NoDevFiles", [], true],
  ["0x1", [], true],
  ["GPU-cccc-3", [C]],
  ["GPU-c", [C]],
  ["gpu-C,gpu-D", [C, D]],
  ["GPU-aa", [], true],
  ["GPU-aab,0", [B, A]],
  ["GPU-", [], true],
  ["GPU-ffff", [], true],
  ["MIG-1111", [], true],
];
for (const [visible, uuids, warns = false] of LISTS) {
  Deno.test(`CUDA_VISIBLE_DEVICES="${visible}" shows ${uuids.length} of four cards`, () => {
    assertEquals(uuidsWith(visible), {
      uuids: [...uuids],
      warnings: warns ? ["device-unknown"] : [],
    });
  });
}

const SPLIT_LISTS: readonly [visible: string, uuids: readonly string[], driver?: string][] = [
  ["MIG-1112", ["MIG-1112"]],
  ["MIG-2222,MIG-1111", ["MIG-2222", "MIG-1111"]],
  // Two compute instances of one GPU instance: one of them is shown.
  ["MIG-1112,MIG-1111", ["MIG-1112"]],
  ["GPU-eeee", ["MIG-1111", "MIG-2222"]],
  ["MIG-GPU-eeee-5/1/1", ["MIG-1112"]],
  ["MIG-GPU-eeee-5/1/7", []],
  ["MIG-2222,MIG-1111", ["MIG-2222"], "550.1"],
  [`MIG-2222,${A}`, ["MIG-2222", A]],
  [`${A},MIG-2222`, ["MIG-2222"], "550.1"],
];
for (const [visible, uuids, driver] of SPLIT_LISTS) {
  Deno.test(`CUDA_VISIBLE_DEVICES="${visible}" of a split card, driver ${driver ?? "580"}`, () => {
    assertEquals(uuidsWith(visible, [SPLIT, ...CARDS.slice(0, 1)], driver).uuids, [...uuids]);
  });
}

Deno.test("CUDA_VISIBLE_DEVICES: whatever it is, each card is shown once or left out", () => {
  const entry = fc.oneof(
    fc.integer({ min: -2, max: 6 }).map(String),
    fc.constantFrom("", " ", "GPU-a", "GPU-c", "x", A, B, C, D, "MIG-1", "GPU-"),
    fc.string(),
  );
  fc.assert(fc.property(fc.array(entry, { maxLength: 6 }), (entries) => {
    const { devices, leftOut } = read(CARDS, { CUDA_VISIBLE_DEVICES: entries.join(",") });
    const shown = devices.map(({ uuid }) => uuid);
    assertEquals(new Set(shown).size, shown.length);
    assertEquals(devices.length + leftOut.length, CARDS.length);
    for (const { name } of leftOut) assert(!shown.some((uuid) => name.includes(uuid ?? "?")));
  }));
});

Deno.test("unequal cards: what the engine is told names them in the order of the readings", () => {
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 5 }),
    fc.constantFrom(undefined, "0", "1,0", "GPU-0,GPU-1"),
    (sizes, visible) => {
      const cards = sizes.map((size, index) => card(`GPU-${index}-x`, size * GB, 1000 * size));
      const { devices, environment } = read(
        cards,
        visible === undefined ? {} : { CUDA_VISIBLE_DEVICES: visible },
      );
      const isUnequal = new Set(sizes).size > 1;
      if (!isUnequal) assertEquals(environment, undefined);
      if (isUnequal && !visible?.startsWith("GPU")) {
        assertEquals(
          environment?.CUDA_VISIBLE_DEVICES,
          devices.map(({ uuid }) => uuid).join(","),
        );
      }
    },
  ));
});

Deno.test("more devices than llama.cpp has places for aren't counted on", () => {
  const many = Array.from({ length: 17 }, (_, index) => card(`GPU-${index}`));
  const { devices, warnings } = read(many, {});
  assertEquals([devices.length, warnings.map(({ code }) => code)], [0, ["device-unreadable"]]);
  assertEquals(read(many, { CUDA_VISIBLE_DEVICES: "3" }).devices.length, 1);
});

Deno.test("GGML_CUDA_DEVICES: more devices than cards share their memory", () => {
  const cards = CARDS.slice(0, 2);
  const totals = (wanted: string) =>
    read(cards, { GGML_CUDA_DEVICES: wanted }).devices.map(({ id, totalBytes, availableBytes }) => [
      id,
      totalBytes / GB,
      availableBytes / GB,
    ]);
  assertEquals(totals("3"), [["cuda:0", 8, 4], ["cuda:1", 16, 8], ["cuda:2", 8, 4]]);
  assertEquals(totals("1"), [["cuda:0", 16, 8]]);
  for (const wanted of ["0", "-3", "x", ""]) assertEquals(totals(wanted).length, 2);
});

Deno.test("cuda: a card without kernels in the engine's build is left out, and hidden from it", () => {
  const cards = [
    { ...card("GPU-old"), reading: { ...reading("GPU-old"), computeCapability: 61 } },
    { ...card("GPU-new"), reading: { ...reading("GPU-new"), computeCapability: 75 } },
    // Who doesn't tell is tried.
    card("GPU-untold"),
  ];
  const found = cudaDevices({ cards, driverVersion: "580", warnings: [] }, () => undefined, 75);
  assertEquals(found.devices.map(({ id, uuid }) => [id, uuid]), [
    ["cuda:0", "GPU-new"],
    ["cuda:1", "GPU-untold"],
  ]);
  assertEquals(found.environment, { CUDA_VISIBLE_DEVICES: "GPU-new,GPU-untold" });
  assertEquals(found.leftOut.map(({ reason }) => reason), [
    "its compute capability is 6.1, and the engine's CUDA build has kernels from 7.5 on",
  ]);
  assertEquals(
    cudaDevices({ cards, driverVersion: "580", warnings: [] }, () => undefined).devices.length,
    3,
  );
});
