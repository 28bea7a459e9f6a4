import { assertEquals } from "@std/assert";
import { HeapGrowth } from "../../src/engine/collect_garbage.ts";

Deno.test("a heap that has grown by megabytes is collected once, and not for a little", () => {
  const heap = new HeapGrowth();
  heap.collectIfLarge();
  assertEquals(heap.collectIfLarge(), false);
  // 16 MiB of numbers, which stay.
  const kept = Array.from({ length: 2 }, () => new Array<number>(2 ** 20).fill(0.5));
  assertEquals(heap.collectIfLarge(), true);
  assertEquals(heap.collectIfLarge(), false, "What stays is no growth any more");
  assertEquals(kept.length, 2);
});
