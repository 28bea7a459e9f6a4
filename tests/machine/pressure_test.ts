import { assertEquals } from "@std/assert";
import { parsePressure, worsePressure } from "../../src/machine/pressure.ts";

const psi = (some: string, full: string) =>
  `some avg10=${some} avg60=1.00 avg300=2.00 total=9\nfull avg10=${full} avg60=0 avg300=0 total=3\n`;

Deno.test("pressure: percent of the last ten seconds", () => {
  assertEquals(parsePressure(psi("12.50", "3.25")), { someAverage10: 12.5, fullAverage10: 3.25 });
});

Deno.test("pressure: what isn't a percentage is nothing, never a zero", () => {
  const texts = ["", "some avg10=1.00 \n", psi("x", "0"), psi("101", "0"), psi("-1", "0")];
  for (const text of texts) assertEquals(parsePressure(text), undefined);
});

Deno.test("pressure: the worse of two, figure by figure", () => {
  const left = { someAverage10: 5, fullAverage10: 1 };
  const right = { someAverage10: 2, fullAverage10: 3 };
  assertEquals(worsePressure(left, right), { someAverage10: 5, fullAverage10: 3 });
  assertEquals(worsePressure(undefined, right), right);
});
