import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { counted as countedByTheProgram } from "../../src/budget/counted.ts";
import { formatAmount, MB } from "../../src/budget/size.ts";
import { amount, clock, counted, startedWords } from "../../src/page/assets/format.js";
import { startedWords as startedByTheProgram } from "../../src/report/places/process_text.ts";
import { clockText } from "../../src/view/clock_text.ts";

// A browser can't load the program's own functions: what it has instead must say the same.

Deno.test("page: amounts and counts are the reports'", () => {
  fc.assert(fc.property(
    fc.oneof(fc.nat(2000), fc.nat(200 * MB), fc.maxSafeNat()),
    (bytes) => assertEquals(amount(bytes), formatAmount(bytes)),
  ));
  for (const count of [0, 1, 2]) {
    assertEquals(counted(count, "death"), countedByTheProgram(count, "death"));
  }
});

Deno.test("page: a clock is the screen's: minutes and seconds, and hours once there are any", () => {
  const shown = [0, 59_999, 60_000, 3_599_000, 3_600_000, 36_061_000].map(clockText);
  assertEquals(shown, ["0:00", "0:59", "1:00", "59:59", "1:00:00", "10:01:01"]);
  fc.assert(fc.property(
    fc.nat(),
    (milliseconds) => assertEquals(clock(milliseconds), clockText(milliseconds)),
  ));
});

Deno.test("page: where a jar's process is, is said as the reports say it", () => {
  const places = [{}, { launcher: "process" }, { launcher: "ssh lab", host: "lab" }];
  for (const place of [...places, { launcher: "slurm", host: "node1", job: "slurm:151" }]) {
    assertEquals(startedWords(place), startedByTheProgram(place));
  }
});
