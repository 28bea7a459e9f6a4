import { assert, assertEquals } from "@std/assert";
import { NativeLog } from "../../src/engine/native_log.ts";
import { TextStream } from "../../src/engine/text_stream.ts";
import { thinkingThreads } from "../../src/engine/threads.ts";
import { engineFailure } from "../../src/engine/failure.ts";
import { BrainjarError } from "../../src/budget/error.ts";

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

Deno.test("text comes in whole characters, broken ones too in the end", () => {
  const decode = (tokens: number[]) => new TextDecoder().decode(Uint8Array.from(tokens));
  const stream = new TextStream<number>(decode);
  const smile = [...new TextEncoder().encode("a😀é")];
  assertEquals(smile.map((token) => stream.push(token)), ["a", "", "", "", "😀", "", "é"]);
  assertEquals(stream.push(0xf0) + stream.end(), "\ufffd");
  // Four bytes that never become a character are let go.
  assertEquals([0x80, 0x80, 0x80, 0x80].map((token) => stream.push(token)).at(-1)?.length, 4);
});

Deno.test("small models think with one thread, large ones with what there is", () => {
  assertEquals(thinkingThreads(600_000, [8, 8]), 1);
  assertEquals(thinkingThreads(1e9, [8, 4]), 4);
  assertEquals(thinkingThreads(1e9, [0, 0]), 1);
});

Deno.test("an error of brainjar's own passes unchanged", () => {
  const own = new BrainjarError("think-failed", "Nothing");
  assertEquals(engineFailure("think-failed", "a.gguf", own, []), own);
});
