import { assertEquals } from "@std/assert";
import { summaryMarkdown } from "../../src/report/ci/summary.ts";
import { assertGolden } from "../golden.ts";
import { reportOn } from "./cases.ts";
import { FAILED, HOSTILE, PASSED } from "./ci_cases.ts";

for (const [name, validation] of Object.entries({ FAILED, HOSTILE, PASSED })) {
  Deno.test(`summary: ${name}`, async () => {
    await assertGolden(
      `check-summary-${name.toLowerCase()}`,
      summaryMarkdown(reportOn(validation)),
    );
  });
}

Deno.test("summary: every row of the table has the heading's cells", () => {
  const rows = summaryMarkdown(reportOn(HOSTILE)).split("\n").filter((line) =>
    line.startsWith("|")
  );
  const cells = rows.map((row) => row.match(/(?<!\\)\|/g)?.length);
  assertEquals(new Set(cells), new Set([9]));
  assertEquals(rows.length, 2 + HOSTILE.instances.length + 1);
});
