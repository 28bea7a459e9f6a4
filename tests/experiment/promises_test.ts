import { assert, assertEquals } from "@std/assert";
import { GB } from "../../src/budget/size.ts";
import type { PromiseBook } from "../../src/experiment/promises.ts";
import { CONTEXT_BYTES, MODEL_BYTES, named, play } from "./stage.ts";

interface Book extends PromiseBook {
  readonly written: number[];
}

function bookOf(availableBytes: number, keep: () => Promise<void> = () => Promise.resolve()): Book {
  const written: number[] = [];
  const memory = {
    totalBytes: 16 * GB,
    availableBytes,
    promisedBytes: 0,
    sources: [],
    warnings: [],
  };
  return {
    written,
    admit: (decide) => {
      const { value, promisedBytes } = decide(memory);
      written.push(promisedBytes);
      return Promise.resolve(value);
    },
    readMemory: () => Promise.resolve(memory),
    keep: (bytes) => {
      written.push(bytes);
      return keep();
    },
  };
}

Deno.test("promises: the book knows what is held at every step, and nothing at the end", async () => {
  const promises = bookOf(15 * GB);
  const { result, events } = await play({ promises, contextSize: 500, turns: 8 });
  const subject = MODEL_BYTES + CONTEXT_BYTES;
  assertEquals(promises.written.slice(0, 3), [
    subject,
    subject + CONTEXT_BYTES,
    subject + 2 * CONTEXT_BYTES,
  ]);
  assert(named(events, "death").length > 0);
  assertEquals([promises.written.at(-1), result.reservedBytes], [0, 0]);
});

Deno.test("promises: what the book says is available decides", async () => {
  const { result, events } = await play({ promises: bookOf(GB) });
  assertEquals([result.reason, result.exitCode], ["refused", 1]);
  assertEquals(named(events, "warning")[0]?.allocation?.reason, "insufficient-available");
});

Deno.test("promises: a book that breaks is a warning, one that hangs delays no stop", async () => {
  const broken = await play({
    promises: bookOf(15 * GB, () => Promise.reject(new Error("Disk full"))),
  });
  assertEquals([broken.result.reason, broken.result.reservedBytes], ["turns", 0]);
  assert(named(broken.events, "warning").some(({ code }) => code === "promise-unwritten"));

  const { result, clock } = await play({
    promises: bookOf(15 * GB, () => new Promise(() => {})),
    turns: undefined,
    engine: { milliseconds: { think: 100 } },
    stopAfter: 1000,
  });
  assertEquals([result.reason, result.reservedBytes], ["stopped", 0]);
  assert(clock.now() <= 4000, `${clock.now() - 1000} ms after the stop`);
});

Deno.test("promises: layer 3 counts what others were promised, as layer 2 does", async () => {
  // Layer 2 sees room; another process is promised nearly all of it before the load.
  const book: PromiseBook = {
    ...bookOf(15 * GB),
    readMemory: () =>
      Promise.resolve({
        totalBytes: 16 * GB,
        availableBytes: GB,
        promisedBytes: 14 * GB,
        sources: [],
        warnings: [],
      }),
  };
  const run = await play({ mode: "single", turns: 1, promises: book });
  const refusal = named(run.events, "warning").find((event) => event.code === "load-refused");
  assertEquals(refusal?.preflight?.availableBytes, GB);
});
