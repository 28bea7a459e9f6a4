import { assertEquals } from "@std/assert";
import type { InstanceDemand } from "../../src/budget/demand.ts";
import { withLimits } from "../../src/budget/advice/limits.ts";
import type { Policy } from "../../src/budget/policy.ts";
import { recommend } from "../../src/budget/advice/recommend.ts";
import type { MachineMemory } from "../../src/budget/memory.ts";
import type { Validation } from "../../src/budget/validation.ts";
import { validationText } from "../../src/report/validation_text.ts";
import {
  footprint,
  gb,
  jar,
  type JarOptions,
  machine,
  matrix,
  SEED_TOTAL_GB,
  validate,
} from "../budget/cases.ts";
import { assertGolden } from "../golden.ts";
import { MODEL, MODEL_FOOTPRINT, reportOn } from "./cases.ts";

const OPTIONS: JarOptions = { footprint: MODEL_FOOTPRINT };

/** Validates and, where it fails, recommends RAM limits and modes, as a command would. */
async function withAdvice(
  jars: readonly InstanceDemand[],
  memory: MachineMemory,
  policy: Partial<Policy> = {},
): Promise<Validation> {
  const validation = validate(jars, memory, policy);
  const recommendations = await recommend({
    validation,
    tryWith: (changes, size) => {
      const { ramLimits, mode, criterion, shareWeights, allocationHeadroom, loadHeadroom } =
        changes;
      if ("contextSize" in changes || "kvCacheType" in changes || "mmap" in changes) {
        return undefined;
      }
      const kept = mode ? jars.filter(({ role }) => role === "subject") : jars;
      return validate(withLimits(kept, ramLimits ?? []), { ...memory, ...size }, {
        ...policy,
        ...(allocationHeadroom ? { allocationHeadroomBytes: allocationHeadroom.bytes } : {}),
        ...(loadHeadroom ? { loadHeadroomBytes: loadHeadroom.bytes } : {}),
        ...(criterion ? { criterion } : {}),
        ...(shareWeights ? { shareWeights } : {}),
      });
    },
    contextSize: 4096,
    kvCacheTypes: [],
    mmap: true,
  });
  return { ...validation, recommendations };
}

Deno.test("validation text: the seed's failing sample, 60.00 of 26.55 GB", async () => {
  const alone = { shareWeights: false };
  const jars = matrix([16, 20, 24], OPTIONS);
  const text = await validationText(
    reportOn(await withAdvice(jars, machine(SEED_TOTAL_GB, 29.4), alone)),
  );
  await assertGolden("validation-seed-failed", text);
  assertEquals(
    text.includes("Total requirements (60.00 GB) exceed safe threshold (26.55 GB) by 33.45 GB"),
    true,
  );
});

Deno.test("validation text: the seed's passing sample, 30.00 of 26.55 GB, fails", async () => {
  const alone = { shareWeights: false };
  const jars = matrix([8, 10, 12], OPTIONS);
  const text = await validationText(
    reportOn(await withAdvice(jars, machine(SEED_TOTAL_GB, 30.5), alone)),
  );
  await assertGolden("validation-seed-passed-now-failed", text);
  const sentence = "  1. Total requirements (30.00 GB) exceed safe threshold (26.55 GB) by 3.45 GB";
  assertEquals(text.split("\n").includes(sentence), true);
  assertEquals(text.includes("VALIDATION PASSED"), false);
});

Deno.test("validation text: a jar over its own limit, and no room for a load beside it", async () => {
  const jars = [
    jar("subject", { ...OPTIONS, limitGb: 5 }),
    jar("god", { ...OPTIONS, limitGb: 6 }),
  ];
  const text = await validationText(reportOn(await withAdvice(jars, machine(16, 8))));
  await assertGolden("validation-over-limit", text);
});

Deno.test("validation text: what the watch keeps free isn't left", async () => {
  const bare = { allocationHeadroomBytes: 0, loadHeadroomBytes: 0 };
  const jars = [jar("subject", { footprint: footprint(5.4, 5.4) })];
  const text = await validationText(reportOn(await withAdvice(jars, machine(16, 5.5), bare)));
  await assertGolden("validation-watch", text);
});

Deno.test("validation text: a pass, weights shared", async () => {
  const validation = validate(matrix([], OPTIONS), machine(16, 12));
  await assertGolden("validation-passed", await validationText(reportOn(validation)));
});

Deno.test("validation text: the same, weights not shared", async () => {
  const validation = await withAdvice(matrix([], OPTIONS), machine(16, 12), {
    shareWeights: false,
  });
  await assertGolden("validation-not-shared", await validationText(reportOn(validation)));
});

Deno.test("validation text: single, and peer", async () => {
  const single = validate([jar("subject", { ...OPTIONS, limitGb: 6 })], machine(16));
  await assertGolden("validation-single", await validationText(reportOn(single)));
  const peers = ["peer_a", "peer_b"].map((id) => jar(id, { ...OPTIONS, limitGb: 6 }));
  const peer = validate(peers, machine(16), {}, "peer");
  await assertGolden("validation-peer", await validationText(reportOn(peer)));
});

Deno.test("validation text: too large for full speed, and accepted by --criterion floor", async () => {
  const memory = machine(8, 6.2);
  const thrash = await withAdvice(matrix([], OPTIONS), memory);
  await assertGolden("validation-would-thrash", await validationText(reportOn(thrash)));
  const floor = validate(matrix([], OPTIONS), memory, { criterion: "floor" });
  await assertGolden("validation-criterion-floor", await validationText(reportOn(floor)));
});

Deno.test("validation text: even the floor is too large, and no flag helps", async () => {
  const killed = await withAdvice([jar("subject", OPTIONS)], machine(1.4, 1.1));
  await assertGolden("validation-would-be-killed", await validationText(reportOn(killed)));
});

Deno.test("validation text: every warning, and a machine that says all it knows", async () => {
  const memory = machine(64, 5.5, {
    reservedBytes: gb(1.5),
    pressure: { someAverage10: 12.34, fullAverage10: 3.2 },
    swap: { totalBytes: gb(8), freeBytes: gb(7.5) },
    warnings: [{ code: "memory-high", message: "memory.high is below memory.max" }],
  });
  const jars = [
    jar("subject", { ...OPTIONS, limitGb: 5 }),
    jar("observer", { model: "/models/other.gguf", footprint: footprint(0.1, 0.3) }),
    jar("god", { ...OPTIONS, limitGb: 30 }),
  ];
  const validation = await withAdvice(jars, memory);
  const report = reportOn(validation);
  await assertGolden(
    "validation-warnings",
    await validationText({
      ...report,
      estimator: "engine",
      models: [
        { ...MODEL, parts: 3 },
        {
          path: "/models/other.gguf",
          name: "other",
          architecture: "mamba",
          parameters: 260_000,
          quantization: "F16",
          trainContextLength: null,
          fileBytes: 544_000,
          parts: 1,
        },
      ],
      instances: report.instances.filter(({ id }) => id === "subject"),
    }),
  );
});

Deno.test("validation text: the blocks of src/budget/README.md in their order, between lines of 70 =", async () => {
  const rule = "=".repeat(70);
  for (const totalGb of [64, 1]) {
    const validation = validate(matrix([], OPTIONS), machine(totalGb));
    const lines = (await validationText(reportOn(validation))).split("\n");
    const titles = lines.filter((_, index) =>
      lines[index - 1] === rule && lines[index + 1] === rule
    );
    assertEquals(titles, [
      "MEMORY BUDGET VALIDATION",
      "System Memory Status",
      "Model Analysis",
      "Per-Instance Requirements",
      "Budget Analysis",
      totalGb === 64 ? "VALIDATION PASSED" : "VALIDATION FAILED",
    ]);
    assertEquals([lines[0], lines.at(-1)], [rule, rule]);
    assertEquals(lines.every((line) => line === line.trimEnd()), true);
  }
});

Deno.test("validation text: a shortfall or a margin of one byte doesn't read as none", async () => {
  const memory = machine(20);
  const margin = (ramLimitBytes: number) =>
    validationText(reportOn(validate([{ ...jar("subject"), ramLimitBytes }], memory)));
  assertEquals((await margin(gb(17))).includes("Safety margin: 0.00 GB\n"), true);
  assertEquals((await margin(gb(17) - 1)).includes("Safety margin: 1 byte\n"), true);
  assertEquals(
    (await margin(gb(17) + 1)).includes(
      "Total requirements (17.00 GB) exceed safe threshold (17.00 GB) by 1 byte\n",
    ),
    true,
  );
  assertEquals((await margin(gb(17.001))).includes("by 1.02 MB\n"), true);
});

Deno.test("validation text: names from a model file can't move the cursor or add a line", async () => {
  const report = reportOn(validate(matrix([], OPTIONS), machine(64)));
  const evil = "\u001b[2J\u001b]0;owned\u0007\nVALIDATION PASSED\u202e\u2028";
  const text = await validationText({
    ...report,
    models: [{ ...MODEL, name: evil, architecture: evil, quantization: evil }],
  });
  // deno-lint-ignore no-control-regex
  assertEquals(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u202e]/.test(text), false);
  assertEquals(text.split("\n").filter((line) => line === "VALIDATION PASSED").length, 1);
});
