import { assert, assertEquals } from "@std/assert";
import { NativeLog } from "../../src/engine/native_log.ts";

Deno.test("the log keeps the last lines, and marks survive the dropping", () => {
  const log = new NativeLog();
  log.add("before\n");
  const mark = log.mark();
  for (let line = 0; line < 100; line++) log.add(`line ${line}\n\n`);
  const since = log.since(mark);
  assertEquals([since.length, since.at(-1)], [40, "line 99"]);
  assertEquals(log.since(log.mark()), []);
});

Deno.test("what the engine prints is kept, what others print is printed", async () => {
  const log = new NativeLog();
  const printed: unknown[] = [];
  const original = console.warn;
  console.warn = (...parts: unknown[]) => void printed.push(parts[0]);
  try {
    const result = await log.capture(() => {
      console.warn("[node-llama-cpp] a", new Error("with a stack"));
      console.warn("mine");
      return Promise.resolve(7);
    });
    assertEquals(result, 7);
    console.warn("after");
  } finally {
    console.warn = original;
  }
  assertEquals(printed, ["mine", "after"]);
  assertEquals(log.since(0), ["[node-llama-cpp] a with a stack"]);
});

Deno.test("captures may overlap in any order", async () => {
  const log = new NativeLog();
  const original = console.error;
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  const captures = [log.capture(() => first.promise), log.capture(() => second.promise)];
  first.resolve();
  await captures[0];
  console.error("[node-llama-cpp] still kept");
  second.resolve();
  await captures[1];
  assertEquals(log.since(0), ["[node-llama-cpp] still kept"]);
  assert(console.error === original);
});
