import { assert, assertEquals } from "@std/assert";
import type { DeviceMemory, MachineMemory } from "../../src/budget/memory.ts";
import { memoryText } from "../../src/report/memory_text.ts";
import { machineJson } from "../../src/report/reservation_json.ts";
import { machine } from "../budget/cases.ts";
import { assertGolden } from "../golden.ts";

const GB = 1024 ** 3;

function device(
  id: string,
  total: number,
  free: number,
  more: Partial<DeviceMemory>,
): DeviceMemory {
  return {
    id,
    kind: "device",
    name: "NVIDIA GeForce RTX 4090",
    totalBytes: total * GB,
    availableBytes: free * GB,
    reservedBytes: 0,
    sources: [
      { figure: "total", name: "NVML total", path: "nvml", bytes: total * GB, decides: true },
      { figure: "available", name: "NVML free", path: "nvml", bytes: free * GB, decides: true },
    ],
    ...more,
  };
}

const MEMORY: MachineMemory = {
  ...machine(32, 24),
  devices: [
    device("cuda:0", 24, 2, {
      identity: "GPU-1111-2222",
      reservedBytes: 4 * GB,
      sources: [
        {
          figure: "total",
          name: "NVML total − reserved",
          path: "nvmlDeviceGetMemoryInfo_v2 of 0000:01:00.0",
          bytes: 24 * GB,
          decides: true,
          terms: [
            { name: "total", path: "nvml", bytes: 25 * GB },
            { name: "reserved by driver and firmware", path: "nvml", bytes: -GB },
          ],
        },
        { figure: "available", name: "NVML free", path: "nvml", bytes: 6 * GB, decides: true },
      ],
      holders: [
        { processId: 31337, name: "python3", bytes: 17 * GB },
        { processId: 42, bytes: GB, isOwn: true },
        { processId: 7 },
      ],
    }),
    device("cuda:1", 24, 24, { holders: [] }),
    device("vulkan:0", 16, 10, { kind: "unified", name: "AMD Radeon\u001b[2J Graphics" }),
  ],
  leftOut: [{
    name: "Intel GPU 46a6 (i915)",
    path: "/proc/meminfo",
    bytes: 12 * GB,
    reason: "integrated, which llama.cpp uses only where there is no other",
  }],
  warnings: [{ code: "device-driver-hung", message: "NVIDIA's driver hangs" }],
};

Deno.test("memory text: every device, who holds how much, and where each figure was read", async () => {
  const text = memoryText(MEMORY, [
    {
      processId: 42,
      reservedBytes: 2 * GB,
      residentBytes: GB,
      devices: [{ id: "cuda:0", reservedBytes: 8 * GB, residentBytes: 4 * GB }],
    },
    {
      reservedBytes: GB,
      residentBytes: 0,
      endsInMilliseconds: 1500,
      devices: [{ id: "cuda:1", reservedBytes: GB, residentBytes: 0 }],
    },
  ]);
  await assertGolden("memory-devices", text);
});

Deno.test("memory text: without devices nothing is said of any", () => {
  const { devices: _, ...ram } = MEMORY;
  const text = memoryText(ram, []);
  assert(!/cuda|vulkan|Held by/.test(text), text);
});

Deno.test("memory JSON: RAM is the first pool, and each device has its own figures", () => {
  const { pools } = machineJson(MEMORY);
  assertEquals(
    pools.map(({ id, kind, totalBytes, availableBytes, promisedBytes }) => [
      id,
      kind,
      totalBytes / GB,
      availableBytes / GB,
      promisedBytes / GB,
    ]),
    [
      ["ram", "ram", 32, 24, 0],
      ["cuda:0", "device", 24, 2, 4],
      ["cuda:1", "device", 24, 24, 0],
      ["vulkan:0", "unified", 16, 10, 0],
    ],
  );
  assertEquals(pools.map(({ holders }) => holders?.length), [undefined, 3, 0, undefined]);
  assertEquals(pools.map(({ identity }) => identity), [
    undefined,
    "GPU-1111-2222",
    undefined,
    undefined,
  ]);
});
