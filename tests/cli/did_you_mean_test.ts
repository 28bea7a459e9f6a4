import { assertEquals } from "@std/assert";
// @ts-types="./levenshtein_distance.d.ts"
import { levenshteinDistance as byStandardLibrary } from "@std/text/levenshtein-distance";
import fc from "fast-check";
import { levenshteinDistance } from "../../src/cli/flags/did_you_mean.ts";

Deno.test("distance of words: letters put in, taken out and changed", () => {
  assertEquals(levenshteinDistance("", ""), 0);
  assertEquals(levenshteinDistance("", "json"), 4);
  assertEquals(levenshteinDistance("json", ""), 4);
  assertEquals(levenshteinDistance("matrx", "matrix"), 1);
  assertEquals(levenshteinDistance("kitten", "sitting"), 3);
});

Deno.test("distance of words: what deno-std says, of any words", () => {
  const word = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "b", "-", "é", "🧠"), maxLength: 12 }),
    fc.string({ unit: "grapheme", maxLength: 40 }),
  );
  fc.assert(fc.property(word, word, (one, other) => {
    assertEquals(levenshteinDistance(one, other), byStandardLibrary(one, other));
  }));
});
