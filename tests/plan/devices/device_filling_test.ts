import { assertEquals } from "@std/assert";
import type { DeviceBytes } from "../../../src/footprint/footprint.ts";
import { DeviceFilling } from "../../../src/plan/devices/device_filling.ts";

const device = (number: number, freeBytes: number) =>
  ({
    ...{ id: `cuda:${number}`, backend: "cuda", freeBytes, isUnified: false } as const,
    // What an open engine holds there.
    contextBytes: 10,
  }) as const;

const bytes = (id: string, weights: number, context: number): DeviceBytes => ({
  id,
  weights,
  kvCache: context,
  recurrentState: 0,
  compute: 0,
  runtime: 30,
  thinking: 0,
});

const free = (devices: readonly { readonly freeBytes: number }[]) =>
  devices.map(({ freeBytes }) => freeBytes);

Deno.test("device filling: a later model finds what those before it left", () => {
  const filling = new DeviceFilling([device(0, 1000), device(1, 500)]);
  // What the process holds is there before its first model.
  const first = filling.seenBy("a");
  assertEquals(free(first), [990, 490]);
  filling.add("a", first, [bytes("cuda:0", 400, 50), bytes("cuda:1", 200, 20)]);
  assertEquals(free(filling.seenBy("b")), [540, 270]);
});

Deno.test("device filling: jars on one load find what its first jar found, and add their context", () => {
  const filling = new DeviceFilling([device(0, 1000)]);
  const first = filling.seenBy("a");
  assertEquals(filling.seenBy("a") === first, false);
  filling.add("a", first, [bytes("cuda:0", 400, 50)]);
  assertEquals(filling.seenBy("a") === first, true);
  assertEquals(free(filling.seenBy("a")), [990]);
  filling.add("a", first, [bytes("cuda:0", 400, 50)]);
  assertEquals(free(filling.seenBy("b")), [1000 - 400 - 50 - 10 - 50]);
});

Deno.test("device filling: nothing is ever less than free", () => {
  const filling = new DeviceFilling([device(0, 100)]);
  filling.add("a", filling.seenBy("a"), [bytes("cuda:0", 400, 50)]);
  assertEquals(free(filling.seenBy("b")), [0]);
});
