import { assertEquals } from "@std/assert";
import { formatOf } from "../../src/gguf/other_files/formats.ts";
import { OTHER_FILES } from "./other_files.ts";

for (const [name, start, what] of OTHER_FILES) {
  Deno.test(`a file that isn't GGUF is told by its first bytes: ${name}`, () => {
    assertEquals(formatOf(Uint8Array.from(start, (byte) => byte.charCodeAt(0)))?.what, what);
  });
}

Deno.test("bytes that tell nothing are called nothing", () => {
  for (
    const start of [
      "x",
      "\x07\x1b[31mnonsense and more of it",
      "\xff\xfe\x00\x01\x02\x03\x04\x05\x06\x07",
    ]
  ) {
    assertEquals(formatOf(Uint8Array.from(start, (byte) => byte.charCodeAt(0))), undefined);
  }
});

Deno.test("a text that is cut within a character is one", () => {
  const text = new TextEncoder().encode("ä".repeat(5000));
  assertEquals(
    formatOf(text.subarray(0, 4095))?.what,
    `a text that begins with "${"ä".repeat(60)}…"`,
  );
});
