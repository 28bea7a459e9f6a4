import { assertEquals } from "@std/assert";
import { TextStream } from "../../src/engine/text_stream.ts";

Deno.test("text comes in whole characters, broken ones too in the end", () => {
  const decode = (tokens: number[]) => new TextDecoder().decode(Uint8Array.from(tokens));
  const stream = new TextStream<number>(decode);
  const smile = [...new TextEncoder().encode("a😀é")];
  assertEquals(smile.map((token) => stream.push(token)), ["a", "", "", "", "😀", "", "é"]);
  assertEquals(stream.push(0xf0) + stream.end(), "\ufffd");
  // Four bytes that never become a character are let go.
  assertEquals([0x80, 0x80, 0x80, 0x80].map((token) => stream.push(token)).at(-1)?.length, 4);
});
