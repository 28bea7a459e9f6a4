import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  placeJars,
  type Placement,
  type PlacementInput,
} from "../../../src/budget/placement/place.ts";
import {
  demandOf,
  type JarGroup,
  type MachineKind,
} from "../../../src/budget/placement/problem.ts";
import { DEFAULT_POLICY, type Policy } from "../../../src/budget/policy.ts";
import { GB } from "../../../src/budget/size.ts";
import { sum } from "../../../src/budget/sum.ts";
import { validateMemoryBudget } from "../../../src/budget/validate.ts";
import { gb } from "../cases.ts";
import { each, jars, kind, numbers, onDevice } from "./cases.ts";

// Every answer is held against layer 1 itself: what is on each machine, and what is on none.

function place(
  groups: readonly JarGroup[],
  machines: readonly MachineKind[],
  policy: Partial<Policy> = {},
) {
  return placeJars({ groups, machines, policy: { ...DEFAULT_POLICY, ...policy } });
}

/** Layer 1 of one machine's jars. */
function passes(instances: ReturnType<typeof demandOf>[], { memory }: MachineKind, policy: Policy) {
  return validateMemoryBudget({
    mode: "jars",
    instances,
    memory,
    policy: { ...policy, shareWeights: false },
  }).ok;
}

/** Whatever was asked for: each jar once, no machine too many, each machine's jars pass there. */
function checkWhole({ groups, machines, policy }: PlacementInput, placement: Placement): void {
  const placed = placement.shares.flatMap(({ machines }) =>
    machines.flat().flatMap(({ ids }) => ids)
  );
  const left = placement.unplaced.flatMap(({ ids }) => ids);
  assertEquals([...placed, ...left].toSorted(), groups.flatMap(({ ids }) => ids).toSorted());
  assertEquals(placement.placedCount, placed.length);
  for (const { kind, used } of placement.kinds) {
    const here = placement.shares.filter((share) => share.kind === kind);
    assertEquals(sum(here.map(({ machines }) => machines.length)), used);
    assert(used <= kind.count);
  }
  for (const { kind, machines } of placement.shares) {
    for (const held of machines) {
      const demands = held.flatMap(({ group, way, ids }) =>
        ids.map((id) => demandOf(id, group, way))
      );
      assert(demands.length > 0);
      assert(passes(demands, kind, policy));
    }
  }
  const isEmptyLeft = (one: MachineKind) =>
    placement.kinds.some(({ kind, used }) => kind === one && used < kind.count);
  for (const { group, ids: [id = ""] } of placement.unplaced) {
    for (const [at, one] of machines.entries()) {
      if (!isEmptyLeft(one)) continue;
      for (const way of group.ways[at] ?? []) {
        assert(
          !passes([demandOf(id, group, way)], one, policy),
          `${id} fits on an empty ${one.name}`,
        );
      }
    }
  }
  assert(placement.leastBytes <= placement.usedBytes);
}

const sizes = fc.integer({ min: 1, max: 160 }).map((tenths) => gb(tenths / 10));

const anyInput: fc.Arbitrary<PlacementInput> = fc.record({
  machines: fc.uniqueArray(
    fc.record({
      count: fc.integer({ min: 1, max: 6 }),
      ram: fc.constantFrom(8, 16, 24, 64),
      devices: fc.constantFrom<number[]>([], [], [8], [24], [24, 24]),
    }).map(({ count, ram, devices }) => kind(count, ram, ...devices)),
    { minLength: 1, maxLength: 3, selector: ({ name }) => name },
  ),
  kinds: fc.array(
    fc.record({
      count: fc.integer({ min: 1, max: 12 }),
      size: sizes,
      device: fc.option(fc.integer({ min: 1, max: 26 }), { nil: undefined }),
      doesWithout: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  policy: fc.record({
    safetyMarginPercent: fc.constantFrom(0, 15, 50),
    headroom: fc.constantFrom(0, 2 * GB),
    criterion: fc.constantFrom("working-set" as const, "floor" as const),
  }),
}).map(({ machines, kinds, policy: { headroom, ...policy } }) => ({
  machines,
  groups: kinds.map(({ count, size, device, doesWithout }, index) =>
    device === undefined ? jars(`g${index}`, count, size, machines) : onDevice(
      `g${index}`,
      count,
      {
        ramGb: 0.5,
        deviceGb: device,
        ...doesWithout ? { withoutGb: device } : {},
      },
      machines,
    )
  ),
  policy: {
    ...DEFAULT_POLICY,
    ...policy,
    allocationHeadroomBytes: headroom,
    loadHeadroomBytes: headroom,
  },
}));

Deno.test("placement: each jar once, each machine passes layer 1, nothing is left that an empty machine holds", () => {
  fc.assert(
    fc.property(anyInput, (input) => checkWhole(input, placeJars(input))),
    { numRuns: 150, seed: 1 },
  );
});

Deno.test("placement: the same question has the same answer", () => {
  fc.assert(
    fc.property(anyInput, (input) => assertEquals(placeJars(input), placeJars(input))),
    { numRuns: 20, seed: 2 },
  );
});

/** The fewest machines of one kind for jars of these sizes, by trying all ways. */
function fewest(sizes: readonly number[], room: number): number {
  let best = sizes.length;
  const filled: number[] = [];
  const next = (at: number) => {
    if (filled.length >= best) return;
    const size = sizes[at];
    if (size === undefined) {
      best = filled.length;
      return;
    }
    for (let machine = 0; machine < filled.length; machine++) {
      const before = filled[machine] ?? 0;
      if (before + size > room) continue;
      filled[machine] = before + size;
      next(at + 1);
      filled[machine] = before;
    }
    filled.push(size);
    next(at + 1);
    filled.pop();
  };
  next(0);
  return best;
}

Deno.test("placement: of few jars the bound is never over the best there is, and the answer hardly ever", () => {
  const machines = [kind(20, 16)];
  const room = Math.floor(gb(16) * 0.85);
  let runs = 0;
  let missed = 0;
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 5, max: 135 }).map((tenths) => gb(tenths / 10)), {
        minLength: 1,
        maxLength: 9,
      }),
      (sizes) => {
        const groups = sizes.map((bytes, index) => jars(`j${index}`, 1, bytes, machines));
        const { usedBytes, leastBytes, ok } = place(groups, machines);
        const best = fewest(sizes.toSorted((a, b) => b - a), room) * gb(16);
        assert(ok);
        assert(leastBytes <= best, `${leastBytes} of ${best}`);
        assert(usedBytes <= best + gb(16), `${usedBytes} of ${best}`);
        runs++;
        if (usedBytes > best) missed++;
      },
    ),
    { numRuns: 300, seed: 3 },
  );
  assert(missed * 100 <= runs, `${missed} of ${runs} on more machines than needed`);
});

const ROOM = 13.6;
const one = [kind(2000, 16)];
const two = [kind(300, 16), kind(60, 64)];
const mixed = [kind(200, 16), kind(150, 24, 24)];
const cards = [kind(100, 16), kind(60, 64, 24, 24), kind(30, 128, 80)];

function cardJars(count: number, machines: readonly MachineKind[], withoutGb?: number) {
  const random = numbers();
  return Array.from({ length: count }, (_, at) =>
    onDevice(`c${at}`, 1, {
      ramGb: 0.5 + random(),
      deviceGb: 1 + random() * 9,
      ...withoutGb === undefined ? {} : { withoutGb: withoutGb + random() * 6 },
    }, machines));
}

const FAMILIES: Readonly<Record<string, readonly [JarGroup[], MachineKind[]]>> = {
  "equal jars": [[jars("a", 3000, gb(1.2), one)], one],
  "just over a half": [[jars("a", 900, gb(ROOM / 2 + 0.001), one)], one],
  "just over a third": [[jars("a", 1500, gb(ROOM / 3 + 0.001), one)], one],
  "exactly a third": [[jars("a", 1500, Math.floor(Math.floor(gb(16) * 0.85) / 3), one)], one],
  "over a half, over a third, under a sixth": [
    [
      jars("a", 500, gb(ROOM / 2 + 0.001), one),
      jars("b", 500, gb(ROOM / 3 + 0.001), one),
      jars("c", 500, gb(ROOM / 6 - 0.01), one),
    ],
    one,
  ],
  "first-fit decreasing's worst": [
    [
      jars("a", 300, gb(ROOM / 2 + 0.05), one),
      jars("b", 300, gb(ROOM / 4 + 0.1), one),
      jars("c", 300, gb(ROOM / 4 + 0.05), one),
      jars("d", 600, gb(ROOM / 4 - 0.1), one),
    ],
    one,
  ],
  "sums that leave much over": [
    [
      jars("a", 500, gb(0.45 * ROOM), one),
      jars("b", 500, gb(0.35 * ROOM), one),
      jars("c", 500, gb(0.21 * ROOM), one),
    ],
    one,
  ],
  "2000 sizes, small": [each(2000, one, (random) => 0.2 + random() * 2.3), one],
  "1500 sizes, small to all": [each(1500, one, (random) => 0.1 + random() * 13.4), one],
  "1200 sizes over a half and small": [
    each(1200, one, (random) => random() < 0.2 ? ROOM / 2 + 0.01 + random() : 0.3 + random()),
    one,
  ],
  "two kinds of machine": [each(1500, two, (random) => 0.2 + random() * 5), two],
  "two kinds, few kinds of jars": [
    [
      jars("a", 200, gb(5.2), two),
      jars("b", 150, gb(4.1), two),
      jars("c", 40, gb(23), two),
      jars("d", 100, gb(2.6), two),
      jars("e", 90, gb(7.7), two),
    ],
    two,
  ],
  "jars on devices and others": [
    [...cardJars(400, mixed), ...each(800, mixed, (random) => 0.3 + random() * 4)],
    mixed,
  ],
  "jars that may be on devices": [
    [...cardJars(400, mixed, 2), ...each(200, mixed, (random) => 0.3 + random() * 4)],
    mixed,
  ],
  "two devices each": [
    [...cardJars(400, cards), ...each(800, cards, (random) => 0.3 + random() * 4)],
    cards,
  ],
};

for (const [name, [groups, machines]] of Object.entries(FAMILIES)) {
  Deno.test(`placement: within 2 % of the bound: ${name}`, () => {
    const placement = place(groups, machines);
    checkWhole({ groups, machines, policy: DEFAULT_POLICY }, placement);
    assert(placement.ok);
    assert(
      placement.usedBytes <= placement.leastBytes * 1.02,
      `${placement.usedBytes / GB} of ${placement.leastBytes / GB} GB`,
    );
  });
}

Deno.test("placement: machines with devices stay for jars that need one", () => {
  const machines = [kind(4, 24, 24), kind(4, 16)];
  const groups = [
    jars("plain", 8, gb(6), machines),
    onDevice("card", 4, { ramGb: 1, deviceGb: 18 }, machines),
  ];
  const placement = place(groups, machines);
  assert(placement.ok);
  const withCards = placement.shares.filter(({ kind }) => kind.memory.devices !== undefined);
  for (const held of withCards.flatMap(({ machines }) => machines)) {
    assert(held.some(({ group }) => group.model === "card.gguf"));
  }
});

Deno.test("placement: what owns a machine's devices has them alone", () => {
  const machines = [kind(2, 64, 24, 24)];
  const devices = ["cuda:0", "cuda:1"].map((id) => ({
    id,
    bytes: gb(15),
    sharedBytes: 0,
    processBytes: 0,
  }));
  const shared = { floorBytes: 0, workingSetBytes: 0 };
  const footprint = { floorBytes: gb(1), workingSetBytes: gb(2), shared, devices };
  const large: JarGroup = {
    ids: ["large"],
    role: "subject",
    model: "large.gguf",
    ways: [[{ footprint, ownsDevices: true }]],
  };
  const placement = place(
    [large, onDevice("small", 4, { ramGb: 1, deviceGb: 5 }, machines)],
    machines,
  );
  assert(placement.ok);
  const held = placement.shares.flatMap(({ machines }) => machines);
  const beside = held.find((jars) => jars.some(({ group }) => group === large));
  assertEquals(beside?.length, 1);
});

Deno.test("placement: what has no place is told with its reason, and what would hold it", () => {
  const machines = [kind(1, 16), kind(1, 24, 24)];
  const limited = { ...jars("limited", 1, gb(4), machines), ramLimitBytes: gb(2) };
  const { ok, unplaced, more } = place([
    jars("huge", 2, gb(30), machines),
    onDevice("wide", 1, { ramGb: 1, deviceGb: 40 }, machines),
    jars("many", 5, gb(12), machines),
    limited,
  ], machines);
  assert(!ok);
  const told = new Map(unplaced.map((one) => [one.group.model, one]));
  assertEquals(told.get("huge.gguf")?.reason, "too-large");
  assertEquals(told.get("huge.gguf")?.nearest?.kind.name, "24GB+cuda:24GB");
  assertEquals(told.get("huge.gguf")?.machine?.totalBytes, gb(35.3));
  assertEquals(told.get("wide.gguf")?.reason, "too-large");
  assertEquals(told.get("wide.gguf")?.machine?.devices.map(({ totalBytes }) => totalBytes), [
    gb(47.1),
  ]);
  assertEquals(told.get("many.gguf")?.reason, "full");
  assertEquals(told.get("many.gguf")?.ids.length, 3);
  assertEquals(told.get("limited.gguf")?.reason, "over-limit");
  assertEquals(more.map(({ kind, count }) => [kind.name, count]), [["16GB", 3]]);
  const cardless = [kind(1, 16)];
  const [alone] = place([onDevice("c", 1, { ramGb: 1, deviceGb: 2 }, cardless)], cardless).unplaced;
  assertEquals(alone?.reason, "no-device");
});
