import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { mostThatPass } from "../../../src/budget/advice/most_that_pass.ts";

const isRefused = (passes: boolean) => !passes;

Deno.test("gpu layers: the most that pass, where each layer more takes more", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 130 }), fc.nat(130), async (greatest, limit) => {
      const tried: number[] = [];
      const { count, refused } = await mostThatPass(
        (count) => {
          tried.push(count);
          return Promise.resolve(count <= limit);
        },
        isRefused,
        { least: 0, greatest },
      );
      assertEquals(count, Math.min(greatest, limit));
      assertEquals(refused, greatest <= limit ? undefined : false);
      // All, the halving, and a few beyond.
      assertEquals(tried.length <= 1 + Math.ceil(Math.log2(greatest + 2)) + 2, true, `${tried}`);
    }),
  );
});

Deno.test("gpu layers: a count beyond one that fails is found", async () => {
  // 12 is refused, 13 and 14 pass: a graph may need less with one layer more.
  const passes = (count: number) => count <= 11 || count === 13 || count === 14;
  const { count, refused } = await mostThatPass(
    (count) => Promise.resolve({ count, passes: passes(count) }),
    ({ passes }) => !passes,
    { least: 0, greatest: 33 },
  );
  assertEquals(count, 14);
  assertEquals(refused, { count: 15, passes: false });
});

Deno.test("gpu layers: where nothing passes it is the least, and what was found with one more", async () => {
  const { count, refused } = await mostThatPass(
    (count) => Promise.resolve(count),
    () => true,
    { least: 0, greatest: 33 },
  );
  assertEquals([count, refused], [0, 1]);
});
