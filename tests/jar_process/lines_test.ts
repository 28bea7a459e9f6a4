import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BrainjarError } from "../../src/budget/error.ts";
import {
  boundedLines,
  MAX_LINE_CHARACTERS,
  parseAnswer,
  parseRequest,
} from "../../src/jar_process/lines.ts";

function streamOf(pieces: readonly Uint8Array<ArrayBuffer>[]) {
  return ReadableStream.from(pieces);
}

async function collect(pieces: readonly Uint8Array<ArrayBuffer>[]): Promise<string[]> {
  return await Array.fromAsync(boundedLines(streamOf(pieces)));
}

Deno.test("lines: whole ones come out as they went in, however they were cut into pieces", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.string({ unit: "grapheme" }).map((line) => line.replaceAll("\n", " "))),
    fc.integer({ min: 1, max: 9 }),
    async (lines, size) => {
      const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join("") + "cut");
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.slice(at, at + size));
      // A byte order mark at the beginning is none of the text.
      if (lines[0]?.startsWith("\ufeff")) return;
      assertEquals(await collect(pieces), lines);
    },
  ));
});

Deno.test("lines: one that has no end is refused before it fills memory", async () => {
  const piece = new TextEncoder().encode("x".repeat(1024 ** 2));
  let pieces = 0;
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => {
      pieces++;
      controller.enqueue(piece);
    },
  });
  const error = await assertRejects(() => Array.fromAsync(boundedLines(endless)), BrainjarError);
  assertEquals(error.code, "jar-protocol");
  assertEquals(pieces <= MAX_LINE_CHARACTERS / piece.length + 4, true);
});

Deno.test("lines: what is no request is told as it stands", () => {
  const wrong: readonly [line: string, said: RegExp][] = [
    ["Welcome to node1!", /isn't JSON: "Welcome to node1!"/],
    ['{"ask":"load"', /isn't JSON/],
    ["7", /no such "ask"/],
    ['{"ask":"thinky"}', /no such "ask"/],
    ['{"ask":"think","prompt":{"message":7}}', /no such "prompt\.message"/],
    [`{"ask":"${"x".repeat(500)}"}`, /…"$/],
  ];
  for (const [line, said] of wrong) {
    const error = assertThrows(() => parseRequest(line), BrainjarError, undefined, line);
    assertEquals([error.code, said.test(error.message)], ["jar-protocol", true], error.message);
  }
  assertThrows(() => parseAnswer('{"answer":"thought","text":"half"}'), BrainjarError);
  assertEquals(parseAnswer('{"answer":"text","text":"whole"}'), { answer: "text", text: "whole" });
});
