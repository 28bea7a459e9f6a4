import { assertEquals } from "@std/assert";
import type { EngineDevice } from "../../../src/engine/gpu/engine_devices.ts";
import { mergeEngineDevices } from "../../../src/machine/devices/engine_devices.ts";
import {
  deviceOf,
  type DeviceReading,
  NO_DEVICES,
  ORDER_UNKNOWN,
} from "../../../src/machine/devices/reading.ts";

const GB = 1024 ** 3;

function driver(
  name: string,
  pciBusId: string,
  totalBytes: number,
  availableBytes: number,
): DeviceReading {
  return {
    id: "cuda:0",
    backend: "cuda",
    kind: "device",
    isIntegrated: false,
    name,
    pciBusId,
    totalBytes,
    availableBytes,
    reservedBytes: 0,
    sources: [],
  };
}

function engine(
  id: string,
  name: string,
  totalBytes: number,
  more: Partial<EngineDevice> = {},
): EngineDevice {
  return {
    id,
    backend: "cuda",
    name,
    isIntegrated: false,
    isUnified: false,
    totalBytes,
    freeBytes: totalBytes,
    alignment: 128,
    largestBufferBytes: 2 ** 50,
    ...more,
  };
}

const READ = {
  devices: [
    driver("T4", "0000:3b:00.0", 15 * GB, 10 * GB),
    driver("L4", "0000:5e:00.0", 23 * GB, 20 * GB),
  ],
  leftOut: [],
  warnings: [{ code: ORDER_UNKNOWN, message: "" }],
};

const shown = (engineDevices: readonly EngineDevice[]) =>
  mergeEngineDevices(READ, engineDevices).devices.map((
    one,
  ) => [one.id, one.name, one.availableBytes / GB]);

Deno.test("engine's devices: its order, the drivers' figures, by the place on the bus", () => {
  const listed = [
    engine("cuda:0", "Nvidia L4", 22 * GB, { pciBusId: "0000:5E:00.0" }),
    engine("cuda:1", "Nvidia T4", 14 * GB, { pciBusId: "0000:3b:00.0" }),
  ];
  assertEquals(shown(listed), [["cuda:0", "L4", 20], ["cuda:1", "T4", 10]]);
  assertEquals(mergeEngineDevices(READ, listed).warnings, []);
});

Deno.test("engine's devices: by name where there is no place, each reading once", () => {
  assertEquals(
    shown([
      engine("cuda:0", "L4", 22 * GB),
      engine("cuda:1", "T4", 14 * GB),
      engine("cuda:2", "L4", 22 * GB),
    ]),
    [
      ["cuda:0", "L4", 20],
      ["cuda:1", "T4", 10],
      ["cuda:2", "L4", 22],
    ],
  );
});

Deno.test("engine's devices: of two with one name the one of that size", () => {
  const read = {
    ...NO_DEVICES,
    devices: [
      driver("A100", "0000:01:00.0", 40 * GB, 1 * GB),
      driver("A100", "0000:02:00.0", 80 * GB, 2 * GB),
    ],
  };
  const { devices } = mergeEngineDevices(read, [
    engine("cuda:0", "A100", 79 * GB),
    engine("cuda:1", "A100", 39 * GB),
  ]);
  assertEquals(devices.map(({ totalBytes }) => totalBytes / GB), [80, 40]);
});

Deno.test("engine's devices: what no driver told has the engine's figures", () => {
  const { devices } = mergeEngineDevices(NO_DEVICES, [
    engine("vulkan:0", "Arc", 16 * GB, {
      backend: "vulkan",
      freeBytes: 15 * GB,
      pciBusId: "0000:03:00.0",
    }),
    engine("vulkan:1", "Iris", 24 * GB, { backend: "vulkan", isIntegrated: true, isUnified: true }),
  ]);
  assertEquals(
    devices.map((one) => [one.id, one.kind, one.name, one.totalBytes / GB, one.identity]),
    [
      ["vulkan:0", "device", "Arc", 16, "0000:03:00.0"],
      ["vulkan:1", "unified", "Iris", 24, undefined],
    ],
  );
  assertEquals(devices.map((one) => one.availableBytes / GB), [15, 24]);
  const [arc] = devices.map(deviceOf);
  assertEquals([arc?.alignment, arc?.largestBufferBytes, arc?.isUnified], [128, 2 ** 50, false]);
});

Deno.test("engine's devices: what can't be is a warning, never a zero that passes", () => {
  for (const [totalBytes, freeBytes] of [[0, 0], [NaN, 5], [8, -1], [-8, 8], [8, NaN]] as const) {
    const { devices, warnings } = mergeEngineDevices(NO_DEVICES, [
      engine("cuda:0", "Strange", totalBytes, { freeBytes }),
    ]);
    assertEquals(devices, [], `${totalBytes} ${freeBytes}`);
    assertEquals(warnings.map(({ code }) => code), ["device-unreadable"]);
  }
});
