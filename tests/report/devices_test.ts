import { assertEquals } from "@std/assert";
import type { InstanceDemand } from "../../src/budget/demand.ts";
import { MemoryBudgetManager } from "../../src/budget/manager.ts";
import { DEFAULT_POLICY } from "../../src/budget/policy.ts";
import { checkAvailableMemoryBeforeLoad } from "../../src/budget/preflight.ts";
import type { Validation } from "../../src/budget/validation.ts";
import { allocationReportText, allocationText } from "../../src/report/allocation_text.ts";
import { checkJson } from "../../src/report/check_json.ts";
import { githubAnnotations } from "../../src/report/ci/github.ts";
import { junitXml } from "../../src/report/ci/junit.ts";
import { summaryMarkdown } from "../../src/report/ci/summary.ts";
import { estimateHeading, estimateRow } from "../../src/report/estimate/estimate_text.ts";
import { eventJson } from "../../src/report/event_json.ts";
import { preflightText } from "../../src/report/preflight_text.ts";
import { CHECK_JSON_SCHEMA } from "../../src/report/schema/check.ts";
import { RUN_SCHEMA } from "../../src/report/schema/event.ts";
import { validationText } from "../../src/report/validation_text.ts";
import { device, gb, jar, machine, matrix, validate } from "../budget/cases.ts";
import { assertGolden } from "../golden.ts";
import { options } from "../llama_cpp/sample_header.ts";
import { MODEL, OFFLOADED, reportOn } from "./cases.ts";

const DEVICES = [
  device("cuda:0", 24, 20, {
    reservedBytes: gb(1),
    holders: [{ processId: 77, name: "other", bytes: gb(3) }],
  }),
  device("vulkan:1", 8, 8, { kind: "unified", name: "An integrated one" }),
];

const MACHINE = machine(64, 50, { devices: DEVICES });

function withLayers(demand: InstanceDemand): InstanceDemand {
  return { ...demand, gpuLayers: { count: 21, of: 33, isFound: true, heldBy: "cuda:0" } };
}

const JARS = matrix([], { footprint: OFFLOADED }).map(withLayers);

const PASSED: Validation = validate(JARS, MACHINE);

const FAILED: Validation = validate(
  [...JARS, jar("guest", { footprint: { ...OFFLOADED, devices: [lost()] }, model: "b" })],
  machine(64, 50, { devices: [device("cuda:0", 4.5, 3)] }),
);

function lost() {
  return { id: "cuda:1", bytes: gb(2), sharedBytes: gb(1), processBytes: 0 };
}

Deno.test("devices in reports: a validation that passes, and one that fails", async () => {
  await assertGolden("devices-passed", await validationText(reportOn(PASSED)));
  await assertGolden("devices-failed", await validationText(reportOn(FAILED)));
});

Deno.test("devices in reports: for CI", async () => {
  const timing = { at: new Date(0), seconds: 0 };
  await assertGolden("devices-github", githubAnnotations(FAILED));
  await assertGolden("devices-github-passed", githubAnnotations(PASSED));
  await assertGolden("devices-junit", junitXml(FAILED, timing));
  await assertGolden("devices-summary", summaryMarkdown(reportOn(FAILED)));
});

Deno.test("devices in reports: layers 2 and 3, and what is allocated", async () => {
  const policy = { ...DEFAULT_POLICY, loadHeadroomBytes: 0 };
  let memory = MACHINE;
  const budget = new MemoryBudgetManager({ policy, readMemory: () => memory });
  const model = (path: string) => ({ path, footprint: OFFLOADED });
  const approved = budget.allocate("subject", undefined, model("a"));
  memory = machine(64, 50, { devices: [device("cuda:0", 24, 5)] });
  const refused = budget.allocate("god", undefined, model("b"));
  memory = machine(64, 50, { devices: [device("cuda:0", 6)] });
  const over = budget.allocate("god", undefined, model("b"));
  memory = machine(64, 50);
  const gone = budget.allocate("god", undefined, model("b"));
  const load = (availableGb: number) =>
    checkAvailableMemoryBeforeLoad({
      footprint: OFFLOADED,
      memory: machine(64, 50, { devices: [device("cuda:0", 24, availableGb)] }),
      policy,
    });
  await assertGolden(
    "devices-layers",
    [
      ...[approved, refused, over, gone].map(allocationText),
      ...[load(20), load(4)].map(preflightText),
      allocationReportText(budget.getAllocationReport()),
    ].join("\n\n"),
  );
});

Deno.test("devices in reports: an estimate has a row for each device, whose columns sum", () => {
  const bytes = {
    ...{ id: "cuda:0", weights: gb(3), kvCache: gb(1), recurrentState: gb(0.5) },
    ...{ compute: gb(0.25), runtime: gb(0.5), thinking: gb(0.125) },
  };
  const [instance] = reportOn(PASSED).instances;
  if (instance === undefined) throw new Error("A jar");
  const offload = {
    devices: [{ id: "cuda:0", backend: "cuda" as const, freeBytes: 1, isUnified: false }],
    gpuLayers: 21,
  };
  const none = { ...bytes, id: "cuda:1", weights: 0, kvCache: 0, recurrentState: 0, compute: 0 };
  const row = estimateRow({
    model: MODEL,
    options: { ...options(), offload },
    footprint: {
      ...instance.footprint,
      estimator: "header",
      devices: [bytes, { ...none, runtime: 0, thinking: 0 }],
    },
  });
  const lines = row.trimEnd().split("\n");
  assertEquals(lines.length, 2);
  assertEquals(lines[1]?.trim().split(/ {2,}/), [
    "on cuda:0, --gpu-layers 21",
    ...["-", "3.00 GB", "1.50 GB", "0.25 GB", "-", "0.50 GB", "0.13 GB"],
    ...["5.38 GB", "5.38 GB", "5.38 GB"],
  ]);
  assertEquals(new Set([estimateHeading().trimEnd(), ...lines].map((line) => line.length)).size, 1);
});

Deno.test("devices in JSON: pools with RAM first, and the schemas know every key", () => {
  for (const validation of [PASSED, FAILED]) {
    const json = JSON.parse(JSON.stringify(checkJson(validation, "header")));
    assertEquals(CHECK_JSON_SCHEMA.parse(json), json);
    const event = { event: "validation", ok: true, mode: "matrix", seed: 1, validation } as const;
    const line = JSON.parse(JSON.stringify(eventJson(event)));
    assertEquals(RUN_SCHEMA.parse(line), line);
    assertEquals(line.validation.memory.pools[0].id, "ram");
    assertEquals("devices" in line.validation.memory, false);
  }
  const { pools, instances } = checkJson(PASSED, "header");
  assertEquals(pools.map(({ id, kind, name }) => [id, kind, name]), [
    ["ram", "ram", undefined],
    ["cuda:0", "device", "Card cuda:0"],
    ["vulkan:1", "unified", "An integrated one"],
  ]);
  for (const { id, requiredBytes, sharedBytes } of pools) {
    const all = instances.flatMap((instance) => instance.pools.filter((pool) => pool.id === id));
    const sum = all.reduce((total, pool) => total + pool.requiredBytes, 0);
    assertEquals(sum - sharedBytes, requiredBytes, id);
  }
  assertEquals(instances[0]?.gpuLayers, { count: 21, of: 33, isFound: true, heldBy: "cuda:0" });
});
