import { assert, assertEquals } from "@std/assert";
import { MemoryBudgetManager } from "../../../src/budget/manager.ts";
import { DEFAULT_POLICY } from "../../../src/budget/policy.ts";
import type { Validation } from "../../../src/budget/validation.ts";
import { withProcesses } from "../../../src/experiment/jar/seen_process.ts";
import { allocationReportText } from "../../../src/report/allocation_text.ts";
import { checkJson } from "../../../src/report/check_json.ts";
import { githubAnnotations } from "../../../src/report/ci/github.ts";
import { junitXml } from "../../../src/report/ci/junit.ts";
import { summaryMarkdown } from "../../../src/report/ci/summary.ts";
import { everyInstance } from "../../../src/report/places/places.ts";
import { processLines } from "../../../src/report/places/process_text.ts";
import { recommendationMessage } from "../../../src/report/recommendation.ts";
import { CHECK_SCHEMA } from "../../../src/report/schema/check.ts";
import { checkShort } from "../../../src/report/short/check_short.ts";
import { fitParagraphs } from "../../../src/report/short/paragraph.ts";
import { validationText } from "../../../src/report/validation_text.ts";
import { gb, machine } from "../../budget/cases.ts";
import { assertGolden } from "../../golden.ts";
import { ELSEWHERE, MIXED, NOT_OFFERED, placedReport, PROCESSES } from "./cases.ts";

const VERDICTS = { mixed: MIXED, elsewhere: ELSEWHERE, "not-offered": NOT_OFFERED };

for (const [name, validation] of Object.entries(VERDICTS)) {
  Deno.test(`places: a validation, ${name}`, async () => {
    const report = placedReport(validation);
    await assertGolden(`validation-${name}`, await validationText(report));
    const short = fitParagraphs(checkShort(report), { columns: 80, color: false });
    await assertGolden(`short-check-${name}`, short);
    await assertGolden(
      `check-ci-${name}`,
      [
        githubAnnotations(validation),
        summaryMarkdown(report),
        junitXml(validation, { at: new Date(0), seconds: 0 }),
      ].join("\n"),
    );
  });
}

Deno.test("places: every jar is told in the run's order, with the figures that it is asked for by", () => {
  for (const validation of Object.values(VERDICTS)) {
    const every = everyInstance(validation);
    assertEquals(every.map(({ id }) => id), ["subject", "observer", "god"]);
    for (const one of every) assertEquals(one.requiredBytes, one.workingSetBytes);
    assertEquals(every[0]?.pools.map(({ id }) => id), ["ram", "cuda:0"]);
  }
  // Nobody is told of places where all jars are in one process.
  const { places: _, ...plain } = MIXED;
  assertEquals(everyInstance(plain), plain.instances);
});

Deno.test("places: check --json says them, and leaves them out where there are none", () => {
  const { places: _, ...plain } = MIXED;
  for (const validation of [...Object.values(VERDICTS), plain]) {
    const json = JSON.parse(JSON.stringify(checkJson(validation, "header")));
    assert(CHECK_SCHEMA.safeParse(json).success);
    assertEquals("places" in json, "places" in validation);
  }
});

Deno.test("places: an allocation report counts what processes have reserved of this machine", async () => {
  const memory = machine(64, 60);
  const manager = new MemoryBudgetManager({ policy: DEFAULT_POLICY, readMemory: () => memory });
  const report = withProcesses(manager.getAllocationReport(), PROCESSES);
  assertEquals(report.allocatedBytes, gb(5.4));
  assertEquals(report.remainingBytes + report.allocatedBytes, report.usableBytes);
  assertEquals(report.pools[0]?.allocatedBytes, report.allocatedBytes);
  assertEquals(withProcesses(report, []), report);
  await assertGolden(
    "allocation-report-processes",
    allocationReportText(report, processLines(PROCESSES)),
  );
});

Deno.test("places: advice says what it would take of this machine, and nothing where that is none", () => {
  const one = { kind: "changes", changes: { contextSize: 512 }, requiredBytes: gb(1) } as const;
  const { places: _, ...plain } = MIXED;
  const told = (validation: Validation) => recommendationMessage(one, validation);
  assertEquals(told(plain), "Use a smaller context: --context-size 512 (1.00 GB required)");
  assertEquals(told(MIXED), "Use a smaller context: --context-size 512 (1.00 GB required here)");
  assertEquals(told(ELSEWHERE), "Use a smaller context: --context-size 512");
});
