import { assertEquals } from "@std/assert";
import { asBefore } from "../../../src/plan/devices/find_devices.ts";
import type { DevicesRead } from "../../../src/machine/devices/reading.ts";
import type { FoundDevices } from "../../../src/plan/devices/devices.ts";
import type { ComputingDevice } from "../../../src/plan/settings.ts";

function device(id: string, identity: string | undefined, free: number): ComputingDevice {
  return {
    memory: {
      id,
      ...(identity === undefined ? {} : { identity }),
      kind: "device",
      name: "Card",
      totalBytes: 100,
      availableBytes: free,
      reservedBytes: 0,
      sources: [],
    },
    device: { id, backend: "cuda", freeBytes: free, isUnified: false, computeCapability: 90 },
  };
}

const found = (...devices: readonly ComputingDevice[]): DevicesRead => ({
  devices: devices.map(({ memory }) => ({ ...memory, backend: "cuda", isIntegrated: false })),
  leftOut: [],
  warnings: [],
});

const shown = ({ devices }: FoundDevices) =>
  devices.map(({ memory, device: { id, freeBytes, computeCapability } }) => [
    memory.id,
    memory.availableBytes,
    id,
    freeBytes,
    computeCapability,
  ]);

const BEFORE = [device("cuda:0", "GPU-a", 80), device("cuda:1", "GPU-b", 80)];

Deno.test("devices looked at again: as full as they are now, by their numbers", () => {
  const now = found(device("cuda:0", "GPU-a", 70), device("cuda:1", "GPU-b", 10));
  assertEquals(shown(asBefore(now, BEFORE)), [
    ["cuda:0", 70, "cuda:0", 70, 90],
    ["cuda:1", 10, "cuda:1", 10, 90],
  ]);
});

Deno.test("devices looked at again: one that is gone gives its number to no other", () => {
  const now = found(device("cuda:0", "GPU-b", 60), device("cuda:1", "GPU-new", 90));
  assertEquals(shown(asBefore(now, BEFORE)), [["cuda:1", 60, "cuda:1", 60, 90]]);
  assertEquals(asBefore(found(), BEFORE).devices, []);
});

Deno.test("devices looked at again: by their numbers where nothing else tells them apart", () => {
  const before = [device("vulkan:0", undefined, 5), device("vulkan:1", undefined, 5)];
  const now = found(device("vulkan:1", undefined, 3), device("vulkan:0", "0000:01:00.0", 1));
  assertEquals(shown(asBefore(now, before)), [["vulkan:1", 3, "vulkan:1", 3, 90]]);
});
