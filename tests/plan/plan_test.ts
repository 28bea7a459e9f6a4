import { assert, assertEquals } from "@std/assert";
import { DEFAULT_POLICY } from "../../src/budget/policy.ts";
import { GB, MB } from "../../src/budget/size.ts";
import { advise } from "../../src/plan/advise.ts";
import { applyChanges } from "../../src/plan/changes.ts";
import { openHost } from "../../src/plan/host.ts";
import { recommendLimitsOn } from "../../src/plan/limits.ts";
import { planJars } from "../../src/plan/plan.ts";
import { completeSettings, DEFAULT_CONTEXT } from "../../src/plan/settings.ts";

const SMALL = { name: "a small machine", totalBytes: 512 * MB };

Deno.test("settings: what nobody said is the default, what was said stays", () => {
  const { jars, policy, mode, estimator } = completeSettings({
    jars: [{ id: "a" }, { id: "b", role: "god", context: { batchSize: 8 } }],
    policy: { safetyMarginPercent: 5 },
  });
  assertEquals(jars.map(({ role }) => role), ["subject", "god"]);
  assertEquals(jars.map(({ context }) => context), [
    DEFAULT_CONTEXT,
    { ...DEFAULT_CONTEXT, batchSize: 8 },
  ]);
  assertEquals(policy, { ...DEFAULT_POLICY, safetyMarginPercent: 5 });
  assertEquals([mode, estimator], ["jars", "header"]);
});

Deno.test("plan: from a jar's id alone to a verdict, on a machine that isn't this one", async () => {
  const plan = await planJars({
    jars: [{ id: "a" }, { id: "b" }],
    machine: SMALL,
    policy: { allocationHeadroomBytes: 64 * MB, loadHeadroomBytes: 128 * MB },
  });
  assertEquals(plan.validation.ok, true);
  assertEquals(plan.memory.totalBytes, 512 * MB);
  assertEquals(plan.jars.map(({ demand }) => demand.id), ["a", "b"]);
  // Both are on the demo brain, and share it.
  assert(plan.validation.sharedWeightBytes > 0);
  assertEquals(await advise(plan), plan);
});

Deno.test("plan: every advice passes when it is followed, and names the jar file", async () => {
  const failed = await planJars({
    jars: [{ id: "a", ramLimitBytes: 8 * GB }, { id: "b", role: "god", ramLimitBytes: GB }],
    policy: { shareWeights: false },
    jarFile: "jars.jsonc",
    machine: SMALL,
  });
  assertEquals(failed.validation.ok, false);
  assertEquals(failed.validation.recommendations, []);
  const { settings, validation: { recommendations } } = await advise(failed);
  assert(recommendations.length > 0);
  for (const one of recommendations) {
    if (one.kind !== "changes") continue;
    assertEquals(one.jarFile, "jars.jsonc");
    const { validation } = await planJars(applyChanges(settings, one.changes));
    assertEquals([validation.ok, validation.requiredBytes], [true, one.requiredBytes]);
  }
});

Deno.test("limits: what is recommended is planned, with each jar's context", async () => {
  const machine = { name: "16 GB", totalBytes: 16 * GB };
  const settings = completeSettings({ jars: [{ id: "a" }], machine });
  await using host = openHost(settings);
  const { result, contexts } = await recommendLimitsOn(host, settings);
  // What the demo brain needs for all that it was trained on, whatever there is.
  const { jars: [whole] } = await planJars({ jars: [{ id: "a", ramLimitBytes: GB }], machine });
  const most = Math.ceil((whole?.footprint.bytes.workingSet ?? 0) / MB);
  assertEquals(result.ok && result.limits.map(({ role, text }) => [role, text]), [
    ["subject", `${most}MB`],
  ]);
  assertEquals(contexts, [{ id: "a", contextSize: 1024 }]);
});
