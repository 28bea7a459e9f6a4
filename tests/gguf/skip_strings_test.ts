import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { WINDOW_BYTES } from "../../src/gguf/limits.ts";
import { stringSkipper } from "../../src/gguf/skip_strings.ts";
import { SKIP_STRINGS_WASM } from "../../src/gguf/skip_strings_wasm.ts";
import { returnWindow, takeWindow, type Window } from "../../src/gguf/window.ts";

const SEED = 7_001;
const inTypeScript = stringSkipper(true);

async function withWindow(test: (window: Window) => void): Promise<void> {
  const window = await takeWindow();
  try {
    test(window);
  } finally {
    window.bytes.fill(0);
    returnWindow(window);
  }
}

Deno.test("the module is valid, and it is what windows skip with", async () => {
  assert(WebAssembly.validate(SKIP_STRINGS_WASM));
  await withWindow((window) => {
    assert(window.accelerated);
    assertEquals(window.bytes.length, WINDOW_BYTES);
  });
});

Deno.test(`the module skips as the TypeScript does (seed ${SEED})`, async () => {
  const length = fc.oneof(
    { weight: 20, arbitrary: fc.bigInt({ min: 0n, max: 30n }) },
    { weight: 2, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 18n }) },
    fc.bigInt({ min: 2n ** 30n - 2n, max: 2n ** 30n + 2n }),
    fc.bigInt({ min: 2n ** 31n - 2n, max: 2n ** 33n }),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  );
  await withWindow(({ bytes, view, skipStrings }) =>
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
            [...skipStrings(view, start, end, count)],
            inTypeScript(view, start, end, count),
          );
        },
      ),
      { seed: SEED, numRuns: 2000 },
    )
  );
});

Deno.test("the last length field of a window is read, one past it isn't", async () => {
  await withWindow(({ bytes, view, skipStrings }) => {
    bytes.fill(0);
    const last = WINDOW_BYTES - 8;
    assertEquals([...skipStrings(view, last, last, 5)], [WINDOW_BYTES, 4]);
    assertEquals([...skipStrings(view, last + 1, last, 5)], [last + 1, 5]);
    assertEquals([...skipStrings(view, 0, last, 0)], [0, 0]);
  });
});
