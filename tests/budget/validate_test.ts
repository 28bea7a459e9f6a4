import { assertEquals, assertThrows } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { DEFAULT_POLICY, type Policy, usableBytes } from "../../src/budget/policy.ts";
import { GB, MB } from "../../src/budget/size.ts";
import type { Issue } from "../../src/budget/validation.ts";
import { BARE, footprint, gb, jar, machine, matrix, SEED_TOTAL_GB, validate } from "./cases.ts";

const excessOf = (issue: Issue) => "limit" in issue && [issue.limit, issue.excessBytes];

Deno.test("validate: usable is total × (1 − margin / 100), in whole bytes", () => {
  const table: readonly (readonly [number, number, number])[] = [
    [100, 15, 85],
    [99, 15, 84],
    [100, 0, 100],
    [1000, 12.5, 875],
    [100, 99, 1],
    [gb(SEED_TOTAL_GB), 15, 28512140394],
  ];
  for (const [total, safetyMarginPercent, usable] of table) {
    assertEquals(usableBytes(total, { safetyMarginPercent }), usable);
  }
});

Deno.test("validate: required = max(RAM limit, footprint), the footprint without a limit", () => {
  const table: readonly (readonly [number | undefined, number])[] = [
    [undefined, 3],
    [2, 3],
    [3, 3],
    [8, 8],
  ];
  for (const [limitGb, requiredGb] of table) {
    const options = { footprint: footprint(1, 3), ...(limitGb === undefined ? {} : { limitGb }) };
    const { instances, requiredBytes } = validate([jar("subject", options)], machine(32));
    assertEquals(requiredBytes, gb(requiredGb));
    assertEquals(instances[0]?.requiredBytes, gb(requiredGb));
    assertEquals(instances[0]?.footprintBytes, gb(3));
  }
});

Deno.test("validate: exactly equal passes, one byte more fails (rule 1)", () => {
  const memory = machine(20);
  const usable = usableBytes(memory.totalBytes, DEFAULT_POLICY);
  const at = (ramLimitBytes: number) => validate([{ ...jar("subject"), ramLimitBytes }], memory);
  assertEquals(at(usable).ok, true);
  assertEquals(at(usable).marginBytes, 0);
  const over = at(usable + 1);
  assertEquals(over.verdict, "fail");
  assertEquals(over.issues.map(excessOf), [["usable", 1]]);
});

Deno.test("validate: exactly equal passes, one byte more fails (rule 2)", () => {
  const at = (ramLimitBytes: number) =>
    validate([{ ...jar("subject"), ramLimitBytes }], machine(20, 10), BARE);
  assertEquals(at(10 * GB).ok, true);
  const over = at(10 * GB + 1);
  assertEquals(over.ok, false);
  assertEquals(over.issues.map(excessOf), [["available", 1]]);
});

Deno.test("validate: both limits are named, the safe threshold first", () => {
  const { issues } = validate(matrix([16, 20, 24]), machine(SEED_TOTAL_GB, 29));
  assertEquals(issues.map((issue) => "limit" in issue && [issue.limit, issue.limitBytes]), [
    ["usable", 28512140394],
    ["available", gb(29)],
  ]);
});

Deno.test("validate: the cause is the least that doesn't fit", () => {
  // usable is 10 GB on this machine without a margin.
  const table: readonly (readonly [number, number, number | undefined, string[], string[]])[] = [
    // floor, working set, limit → codes by working set, codes by floor
    [11, 12, undefined, ["would-be-killed"], ["would-be-killed"]],
    [11, 12, 20, ["would-be-killed"], ["would-be-killed"]],
    [10, 12, undefined, ["would-thrash"], []],
    [9, 12, undefined, ["would-thrash"], []],
    [9, 12, 20, ["would-thrash"], ["over-reserved"]],
    [9, 10, 11, ["over-reserved"], ["over-reserved"]],
    [9, 10, 10, [], []],
    [9, 10, undefined, [], []],
  ];
  for (const [floorGb, workingSetGb, limitGb, byWorkingSet, byFloor] of table) {
    const options = {
      footprint: footprint(floorGb, workingSetGb),
      ...(limitGb === undefined ? {} : { limitGb }),
    };
    for (const [criterion, codes] of [["working-set", byWorkingSet], ["floor", byFloor]] as const) {
      const result = validate([jar("subject", options)], machine(10, 99), {
        safetyMarginPercent: 0,
        criterion,
      });
      assertEquals(result.issues.map(({ code }) => code), codes, `${criterion} ${options}`);
      assertEquals(result.ok, codes.length === 0);
    }
  }
});

Deno.test("validate: one limit may be passed by the floor and the other not", () => {
  const { issues } = validate([jar("subject", { footprint: footprint(5, 9) })], machine(10, 4));
  assertEquals(issues.map((issue) => ["limit" in issue && issue.limit, issue.code]), [
    ["usable", "would-thrash"],
    ["available", "would-be-killed"],
  ]);
});

Deno.test("validate: --criterion floor accepts reading from disk, and warns of it", () => {
  const jars = [jar("subject", { footprint: footprint(5, 12) })];
  const result = validate(jars, machine(10), { criterion: "floor", safetyMarginPercent: 0 });
  assertEquals(result.ok, true);
  assertEquals(result.requiredBytes, gb(5));
  assertEquals(result.workingSetBytes, gb(12));
  assertEquals(result.warnings.map(({ code }) => code), ["reads-from-disk"]);
});

Deno.test("validate: warns of a jar over half of usable, strictly (rule 5)", () => {
  const memory = machine(20);
  const half = usableBytes(memory.totalBytes, DEFAULT_POLICY) / 2;
  const codes = (ramLimitBytes: number) =>
    validate([{ ...jar("god"), ramLimitBytes }], memory).warnings.map(({ code }) => code);
  assertEquals(codes(half), []);
  assertEquals(codes(half + 1), ["large-instance"]);
  const failing = validate(matrix([16, 20, 24]), machine(SEED_TOTAL_GB));
  assertEquals(failing.warnings.map((warning) => "id" in warning && warning.id), [
    "subject",
    "observer",
    "god",
  ]);
});

Deno.test("validate: a footprint over its own RAM limit fails, strictly (rule 3)", () => {
  const issues = (limitGb: number) =>
    validate([jar("subject", { limitGb, footprint: footprint(1, 3) })], machine(32)).issues;
  assertEquals(issues(3), []);
  assertEquals(issues(2.5), [{
    code: "over-limit",
    id: "subject",
    footprintBytes: gb(3),
    ramLimitBytes: gb(2.5),
    excessBytes: gb(0.5),
  }]);
  const byFloor = validate(
    [jar("subject", { limitGb: 2, footprint: footprint(1, 3) })],
    machine(32),
    { criterion: "floor" },
  );
  assertEquals(byFloor.issues, []);
});

Deno.test("validate: the headrooms of layers 2 and 3, jar after jar, strictly (rule 4)", () => {
  const codes = (availableGb: number, allocationGb: number, loadGb: number) =>
    validate(matrix([2, 2, 2], { footprint: footprint(1, 2, 0.5) }), machine(32, availableGb), {
      allocationHeadroomBytes: gb(allocationGb),
      loadHeadroomBytes: gb(loadGb),
    }).issues.map((issue) => ["id" in issue && issue.id, issue.code]);
  // 2, 1.5 and 1.5 GB: half a GB is shared.
  assertEquals(codes(7, 1, 2), []);
  assertEquals(codes(7 - 1 / GB, 1, 2), [["god", "load-refused"]]);
  assertEquals(codes(6, 1, 0), []);
  assertEquals(codes(6 - 1 / GB, 1, 0), [["god", "allocation-refused"]]);
  assertEquals(codes(5.4, 1, 2), [["observer", "load-refused"]]);
  assertEquals(codes(5, 4, 0), [["subject", "allocation-refused"]]);
  // Where the sum doesn't fit, that is the reason.
  assertEquals(codes(4.9, 1, 2), [[false, "would-thrash"]]);
});

Deno.test("validate: what the watch keeps free, 500 MB or 5 %, whichever is less (rule 4)", () => {
  const codes = (totalBytes: number, availableBytes: number, footprintBytes: number) =>
    validate(
      [{
        ...jar("subject"),
        footprint: {
          floorBytes: footprintBytes,
          workingSetBytes: footprintBytes,
          shared: { floorBytes: 0, workingSetBytes: 0 },
        },
      }],
      { ...machine(1), totalBytes, availableBytes },
      { ...BARE, safetyMarginPercent: 0 },
    ).issues.map(({ code }) => code);
  assertEquals(codes(400 * MB, 400 * MB, 380 * MB), []);
  assertEquals(codes(400 * MB, 400 * MB, 380 * MB + 1), ["available-memory"]);
  assertEquals(codes(64 * GB, 40 * GB, 40 * GB - 500 * MB), []);
  assertEquals(codes(64 * GB, 40 * GB, 40 * GB - 500 * MB + 1), ["available-memory"]);
});

Deno.test("validate: mapped weights and what only loading needs are no matter of the watch", () => {
  const footprint = {
    floorBytes: 99,
    workingSetBytes: 99,
    shared: { floorBytes: 0, workingSetBytes: 0 },
    loading: { bytes: 99, lastingBytes: 90, processBytes: 0 },
  };
  const at = (totalBytes: number) =>
    validate([jar("subject", { footprint })], {
      ...machine(1),
      totalBytes,
      availableBytes: 99,
    }, BARE).issues.map(({ code }) => code);
  assertEquals(at(180), []);
  assertEquals(at(200), ["available-memory"]);
});

Deno.test("validate: warns of pressure and of little available memory, strictly (rule 6)", () => {
  const codes = (availableGb: number, someAverage10: number) =>
    validate(
      [jar("subject")],
      machine(100, availableGb, { pressure: { someAverage10, fullAverage10: 0 } }),
    ).warnings.map(({ code }) => code);
  assertEquals(codes(10, 0), []);
  assertEquals(codes(10, 10), []);
  assertEquals(codes(10, 10.01), ["memory-pressure"]);
  assertEquals(codes(9.99, 0), ["low-available"]);
});

Deno.test("validate: jars on one model share its weights, and both sums are there", () => {
  const model = { footprint: footprint(3, 4, 1, 2) };
  const shared = validate(matrix([], model), machine(32));
  assertEquals(shared.sumBytes, gb(12));
  assertEquals(shared.sharedWeightBytes, gb(4));
  assertEquals(shared.requiredBytes, gb(8));
  assertEquals(shared.floorBytes, gb(7));
  assertEquals(shared.instances.map(({ sharedBytes }) => sharedBytes), [0, gb(2), gb(2)]);

  const byFloor = validate(matrix([], model), machine(32), { criterion: "floor" });
  assertEquals([byFloor.sumBytes, byFloor.sharedWeightBytes], [gb(9), gb(2)]);

  const alone = validate(matrix([], model), machine(32), { shareWeights: false });
  assertEquals([alone.sharedWeightBytes, alone.requiredBytes], [0, gb(12)]);
  assertEquals(alone.floorBytes, gb(9));

  const others = ["a", "b", "c"].map((id) => jar(id, { ...model, model: `/${id}.gguf` }));
  assertEquals(validate(others, machine(32)).sharedWeightBytes, 0);
});

Deno.test("validate: of unequal shared parts the largest is counted once", () => {
  const model = "/models/brain.gguf";
  for (const parts of [[5, 1, 5], [1, 5, 5], [5, 5, 1]]) {
    const jars = parts.map((part, index) =>
      jar(`jar${index}`, { model, footprint: footprint(part, part, part) })
    );
    assertEquals(validate(jars, machine(32)).requiredBytes, gb(5), `${parts}`);
  }
});

Deno.test("validate: a jar whose RAM limit is larger shares the same amount", () => {
  const result = validate(matrix([8, 8, 8], { footprint: footprint(3, 4, 1, 2) }), machine(32));
  assertEquals(result.sumBytes, gb(24));
  assertEquals(result.requiredBytes, gb(20));
});

Deno.test("validate: peer is two jars on one role", () => {
  const peers = ["peer_a", "peer_b"].map((id) => jar(id, { limitGb: 5 }));
  const result = validate(peers, machine(16), {}, "peer");
  assertEquals(result.mode, "peer");
  assertEquals(result.instances.map(({ id, role }) => [id, role]), [
    ["peer_a", "subject"],
    ["peer_b", "subject"],
  ]);
});

Deno.test("validate: what isn't a budget is an error, never a pass", () => {
  const subject = jar("subject");
  const policy = (more: Partial<Policy>) => () => validate([subject], machine(32), more);
  const table: readonly (readonly [string, () => unknown])[] = [
    ...[0, -1, NaN, Infinity, -Infinity].map((ramLimitBytes) =>
      [
        "invalid-ram-limit",
        () => validate([{ ...subject, ramLimitBytes }], machine(32)),
      ] as const
    ),
    ["duplicate-instance", () => validate([subject, subject], machine(32))],
    ...[
      footprint(NaN, 2),
      footprint(1, NaN),
      footprint(1, Infinity),
      footprint(3, 2),
      footprint(-1, 2),
      footprint(1, 2, 3, 1),
      footprint(1, 2, 1, 3),
      footprint(1, 2, -1, 0),
    ].map((wrong) =>
      [
        "invalid-footprint",
        () => validate([jar("subject", { footprint: wrong })], machine(32)),
      ] as const
    ),
    ...[machine(0), machine(NaN), machine(32, NaN), machine(Infinity)].map((memory) =>
      ["invalid-memory", () => validate([subject], memory)] as const
    ),
    ...[-1, 100, NaN, Infinity].map((safetyMarginPercent) =>
      ["invalid-safety-margin", policy({ safetyMarginPercent })] as const
    ),
    ["invalid-headroom", policy({ loadHeadroomBytes: -1 })],
    ["invalid-headroom", policy({ allocationHeadroomBytes: NaN })],
  ];
  for (const [code, call] of table) {
    const error = assertThrows(call, BrainjarError) as BrainjarError;
    assertEquals([error.code, error.kind], [code, "usage"], error.message);
  }
});

Deno.test("validate: nothing available, or less than nothing, fails", () => {
  assertEquals(validate([jar("subject")], machine(32, 0)).ok, false);
  assertEquals(validate([jar("subject")], machine(32, -1)).ok, false);
});
