import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { DynamicBuffer } from "../../../src/llama_cpp/ggml/dynamic_buffer.ts";

Deno.test("dynamic buffer: what doesn't fit goes into another chunk, and the sum counts", () => {
  const buffer = new DynamicBuffer(1000);
  const first = buffer.take(600);
  buffer.take(600);
  assertEquals(buffer.bytes, 1200);
  // Behind the first, which has room, though not in the second.
  buffer.take(400);
  assertEquals(buffer.bytes, 1600);
  buffer.give(first, 600);
  buffer.take(500);
  assertEquals(buffer.bytes, 1600);
});

Deno.test("dynamic buffer: a tensor larger than any chunk gets one of its own", () => {
  const buffer = new DynamicBuffer(1000);
  buffer.take(5000);
  buffer.take(10);
  assertEquals(buffer.bytes, 5010);
});

Deno.test("dynamic buffer: the sixteenth chunk has no end", () => {
  const buffer = new DynamicBuffer(100);
  for (let index = 0; index < 40; index++) buffer.take(100);
  assertEquals(buffer.bytes, 4000);
});

Deno.test("dynamic buffer: a range of nothing within another keeps its neighbours apart", () => {
  const buffer = new DynamicBuffer(Infinity);
  const first = buffer.take(100);
  const nothing = buffer.take(0);
  buffer.give(first, 100);
  const large = buffer.take(200);
  buffer.give(nothing, 0);
  const behind = buffer.take(50);
  buffer.give(large, 200);
  buffer.give(behind, 50);
  // All is free, but in the list the range of nothing stands between what is free and the end.
  buffer.take(300);
  assertEquals(buffer.bytes, 550);
});

Deno.test("dynamic buffer: what lives never overlaps, in chunks or not", () => {
  const step = fc.record({ bytes: fc.nat(300), give: fc.boolean(), which: fc.nat() });
  fc.assert(fc.property(fc.array(step), fc.constantFrom(Infinity, 500), (steps, largest) => {
    const buffer = new DynamicBuffer(largest);
    const live: { address: number; bytes: number }[] = [];
    for (const { bytes, give, which } of steps) {
      if (give && live.length > 0) {
        const [gone] = live.splice(which % live.length, 1);
        if (gone !== undefined) buffer.give(gone.address, gone.bytes);
        continue;
      }
      const address = buffer.take(bytes);
      for (const other of live) {
        assert(
          bytes === 0 || other.bytes === 0 || address + bytes <= other.address ||
            other.address + other.bytes <= address,
        );
      }
      live.push({ address, bytes });
    }
    assert(buffer.bytes >= live.reduce((sum, { bytes }) => sum + bytes, 0));
  }));
});
