import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { WINDOW_BYTES } from "../../src/gguf/limits.ts";
import { walkLengths } from "../../src/gguf/walk_lengths.ts";
import { WALK_MODULE } from "../../src/gguf/walk_module.ts";
import { returnWindow, takeWindow, type Window } from "../../src/gguf/window.ts";

const SEED = 7_001;

async function withWindow(test: (window: Window) => void): Promise<void> {
  const window = await takeWindow();
  try {
    test(window);
  } finally {
    window.bytes.fill(0);
    returnWindow(window);
  }
}

Deno.test("the module is valid, and it is what windows walk with", async () => {
  assert(WebAssembly.validate(WALK_MODULE));
  await withWindow((window) => {
    assert(window.accelerated);
    assertEquals(window.bytes.length, WINDOW_BYTES);
  });
});

Deno.test(`the module walks as the TypeScript does (seed ${SEED})`, async () => {
  const length = fc.oneof(
    { weight: 20, arbitrary: fc.bigInt({ min: 0n, max: 30n }) },
    { weight: 2, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 18n }) },
    fc.bigInt({ min: 2n ** 30n - 2n, max: 2n ** 30n + 2n }),
    fc.bigInt({ min: 2n ** 31n - 2n, max: 2n ** 33n }),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  );
  await withWindow(({ bytes, view, walkLittle }) =>
    fc.assert(
      fc.property(
        fc.array(length, { maxLength: 200 }),
        fc.nat(100),
        fc.nat(250),
        fc.nat(5000),
        (lengths, start, count, end) => {
          bytes.fill(0, 0, 8192);
          let at = start;
          for (const length of lengths) {
            if (at > 8000) break;
            view.setBigUint64(at, length, true);
            at += 8 + Number(length);
          }
          assertEquals(
            [...walkLittle(view, start, end, count)],
            walkLengths(view, start, end, count, true),
          );
        },
      ),
      { seed: SEED, numRuns: 2000 },
    )
  );
});

Deno.test("the last length field of a window is walked, one past it isn't", async () => {
  await withWindow(({ bytes, view, walkLittle }) => {
    bytes.fill(0);
    const last = WINDOW_BYTES - 8;
    assertEquals([...walkLittle(view, last, last, 5)], [WINDOW_BYTES, 4]);
    assertEquals([...walkLittle(view, last + 1, last, 5)], [last + 1, 5]);
    assertEquals([...walkLittle(view, 0, last, 0)], [0, 0]);
  });
});
