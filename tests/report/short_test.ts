import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import stringWidth from "string-width";
import type { Validation } from "../../src/budget/validation.ts";
import { checkShort } from "../../src/report/short/check_short.ts";
import { estimateShort } from "../../src/report/short/estimate_short.ts";
import { memoryShort } from "../../src/report/short/memory_short.ts";
import { fitParagraphs, type Paragraph } from "../../src/report/short/paragraph.ts";
import { gb, jar, machine, matrix, validate } from "../budget/cases.ts";
import { assertGolden } from "../golden.ts";
import { options } from "../llama_cpp/sample_header.ts";
import { MODEL, MODEL_BYTES, MODEL_FOOTPRINT, MODEL_PARTS, reportOn } from "./cases.ts";
import { FAILED, HOSTILE, PASSED } from "./ci_cases.ts";

/** As it is at two widths, and in colour. */
function shown(paragraphs: readonly Paragraph[]): string {
  const fit = (columns: number, color: boolean) => fitParagraphs(paragraphs, { columns, color });
  return [
    ...[80, 40].map((columns) => `${columns} columns\n${fit(columns, false)}`),
    `In colour\n${fit(80, true).replaceAll("\u001b", "^[")}`,
  ].join("\n");
}

const VERDICTS: Readonly<Record<string, Validation>> = {
  passed: PASSED,
  failed: FAILED,
  hostile: HOSTILE,
  shared: validate(matrix([8, 8, 8], { footprint: MODEL_FOOTPRINT }), machine(64)),
  "over-limit": validate([jar("subject", { footprint: MODEL_FOOTPRINT, limitGb: 3 })], machine(64)),
};

for (const [name, validation] of Object.entries(VERDICTS)) {
  Deno.test(`short: a verdict, ${name}`, async () => {
    await assertGolden(`short-check-${name}`, shown(checkShort(reportOn(validation))));
  });
}

Deno.test("short: an estimate and a machine's memory", async () => {
  const estimated = {
    model: MODEL,
    options: options({ contextSize: 4096 }),
    footprint: {
      estimator: "header",
      confidence: "exact",
      notes: [],
      bytes: MODEL_BYTES,
      resident: MODEL_PARTS,
    },
  } as const;
  await assertGolden("short-estimate", shown(estimateShort(estimated)));
  await assertGolden(
    "short-memory",
    shown(memoryShort({ ...machine(32, 24), reservedBytes: gb(2) })),
  );
});

Deno.test("short: no line is wider than its terminal, and without colour there is no escape", () => {
  const paragraphs = Object.values(VERDICTS).flatMap((one) => checkShort(reportOn(one)));
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 100 }), (columns) => {
      const text = fitParagraphs(paragraphs, { columns, color: false });
      assert(!text.includes("\u001b"));
      for (const line of text.split("\n")) assert(stringWidth(line) <= columns, line);
      const painted = fitParagraphs(paragraphs, { columns, color: true });
      // deno-lint-ignore no-control-regex
      assertEquals(painted.replaceAll(/\u001b\[\d+m/g, ""), text);
    }),
    { numRuns: 40 },
  );
});
