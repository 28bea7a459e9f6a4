import { assertEquals } from "@std/assert";
import { MB } from "../../../src/budget/size.ts";
import { readDevices } from "../../../src/machine/devices/read_devices.ts";
import { MACHINES, recordedNvml } from "./recorded_nvml.ts";

Deno.test("devices: who holds how much, the largest first, named where numbers are this machine's", async () => {
  const root = new URL("filled_card", MACHINES).pathname;
  const { devices: [card] } = await readDevices({
    root,
    holders: true,
    nvml: recordedNvml("filled_card"),
    environment: () => undefined,
  });
  assertEquals(card?.holders, [
    { processId: 31337, name: "python3", bytes: 22988 * MB },
    { processId: 2211, name: "Xorg", bytes: 412 * MB },
  ]);
  const { devices } = await readDevices({
    root: new URL("eight_cards", MACHINES).pathname,
    holders: true,
    nvml: recordedNvml("eight_cards"),
    environment: () => undefined,
  });
  assertEquals(devices.map(({ holders }) => holders?.length), [0, 0, 0, 2, 0, 0, 0, 0]);
  assertEquals(devices[3]?.holders?.[0], { processId: 4242, bytes: 20000 * MB });
});

const DRM_HOLDERS: readonly [machine: string, of: readonly number[] | true, holders: unknown][] = [
  ["amd_discrete_and_integrated", true, [
    { processId: 4242, name: "game", bytes: 1024 * MB },
    { processId: 1200, name: "Xorg", bytes: 100 * MB },
  ]],
  ["amd_discrete_and_integrated", [1200], [{ processId: 1200, name: "Xorg", bytes: 100 * MB }]],
  ["amd_discrete_and_integrated", [31], []],
  ["amd_integrated", true, [{ processId: 900, name: "llama", bytes: 5 * MB }]],
  ["intel_integrated", true, [{ processId: 77, name: "gnome-shell", bytes: 3 * MB }]],
];
for (const [machine, of, expected] of DRM_HOLDERS) {
  Deno.test(`devices: ${machine}: who holds how much by the kernel's statistics, of ${of}`, async () => {
    const { devices: [device] } = await readDevices({
      root: new URL(machine, MACHINES).pathname,
      holders: of,
      environment: () => undefined,
    });
    assertEquals<unknown>(device?.holders, expected);
  });
}

Deno.test("devices: in a container the driver's numbers are others' processes: nobody is told", async () => {
  const { devices } = await readDevices({
    root: new URL("unequal_cards", MACHINES).pathname,
    holders: true,
    nvml: recordedNvml("unequal_cards"),
    environment: () => undefined,
  });
  assertEquals(devices.map(({ holders }) => holders), [undefined, undefined, undefined]);
});
