import { assertEquals } from "@std/assert";
import { TextPieces } from "../../src/jar_process/inside/text_pieces.ts";
import { FakeClock } from "../experiment/fake_clock.ts";

Deno.test("text: the first of it comes at once, then pieces of some tokens, the last with the end", async () => {
  const clock = new FakeClock();
  const sent: (readonly [at: number, text: string])[] = [];
  const pieces = new TextPieces(clock, (text) => sent.push([clock.now(), text]));
  for (const word of "a b c d e f g h".split(" ")) {
    pieces.add(word);
    await clock.sleep(10);
  }
  pieces.add("i");
  pieces.flush();
  pieces.flush();
  assertEquals(sent, [[0, "a"], [25, "bc"], [50, "de"], [75, "fgh"], [80, "i"]]);
});

Deno.test("text: of a slow model each token comes at once", async () => {
  const clock = new FakeClock();
  const sent: string[] = [];
  const pieces = new TextPieces(clock, (text) => sent.push(text));
  for (const word of ["a", "b", "c"]) {
    pieces.add(word);
    await clock.sleep(40);
  }
  assertEquals(sent, ["a", "b", "c"]);
});
