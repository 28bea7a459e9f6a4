import { assertEquals } from "@std/assert";
import { type JarGroup, type MachineKind } from "../../../src/budget/placement/problem.ts";
import { placeJars } from "../../../src/budget/placement/place.ts";
import { DEFAULT_POLICY } from "../../../src/budget/policy.ts";
import { completeSettings } from "../../../src/plan/settings.ts";
import { placementJson } from "../../../src/report/placement/placement_json.ts";
import { placementText } from "../../../src/report/placement/placement_text.ts";
import { PLACEMENT_JSON_SCHEMA } from "../../../src/report/schema/placement.ts";
import { gb } from "../../budget/cases.ts";
import { jars, kind, onDevice } from "../../budget/placement/cases.ts";
import { assertGolden } from "../../golden.ts";

const machines = [kind(40, 16), kind(4, 24, 24)];

const CASES: Readonly<Record<string, readonly [JarGroup[], MachineKind[]]>> = {
  "placement-few": [
    [jars("mind", 3, gb(5), machines), onDevice("seer", 2, { ramGb: 1, deviceGb: 9 }, machines)],
    machines,
  ],
  "placement-many": [
    [jars("mind", 120, gb(4.4), machines), jars("small", 90, gb(1.2), machines)],
    machines,
  ],
  "placement-refused": [
    [
      jars("huge", 2, gb(40), machines),
      jars("mind", 60, gb(12), machines),
      onDevice("wide", 1, { ramGb: 1, deviceGb: 40 }, machines),
      { ...jars("limited", 1, gb(4), machines), ramLimitBytes: gb(2) },
      { ...jars("\u001b[31m::error::", 1, gb(41), machines) },
    ],
    machines,
  ],
  "placement-no-device": [
    [onDevice("seer", 2, { ramGb: 1, deviceGb: 9 }, [kind(2, 16)])],
    [kind(2, 16)],
  ],
};

for (const [name, [groups, machines]] of Object.entries(CASES)) {
  const placement = placeJars({ groups, machines, policy: DEFAULT_POLICY });

  Deno.test(`placement text: ${name}`, async () => {
    await assertGolden(name, placementText(placement));
  });

  Deno.test(`placement JSON: ${name} is what its schema says, each jar once`, () => {
    const json = placementJson({ settings: completeSettings({ jars: [] }), placement });
    assertEquals(PLACEMENT_JSON_SCHEMA.parse(json), json);
    const named = [
      ...json.machines.flatMap(({ jars }) => jars.map(({ id }) => id)),
      ...json.unplaced.flatMap(({ ids }) => ids),
    ];
    assertEquals(named.toSorted(), groups.flatMap(({ ids }) => ids).toSorted());
    for (const { pools, jars } of json.machines) {
      for (const { id, requiredBytes } of pools) {
        const needed = jars.flatMap((jar) => jar.pools.filter((pool) => pool.id === id));
        assertEquals(needed.reduce((sum, pool) => sum + pool.requiredBytes, 0), requiredBytes);
      }
    }
  });
}
