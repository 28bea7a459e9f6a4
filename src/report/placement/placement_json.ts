import { defined } from "../../budget/defined.ts";
import type { PlacedMachines } from "../../budget/placement/place.ts";
import type { Unplaced } from "../../budget/placement/unplaced.ts";
import type { PlannedPlacement } from "../../plan/placement.ts";
import { issueMessage } from "../message.ts";
import { pick } from "../pick.ts";
import type { PLACEMENT_JSON_SCHEMA } from "../schema/placement.ts";
import type { Shape } from "../schema/shape.ts";

/** What `plan --machines --json` prints (src/report/README.md, "Output"). All bytes whole. */
type PlacementJson = Shape<typeof PLACEMENT_JSON_SCHEMA>;

/** A placement as `plan --machines --json` prints it. */
export function placementJson({ settings, placement }: PlannedPlacement): PlacementJson {
  const { policy, estimator } = settings;
  return {
    schema: "brainjar.placement/1",
    verdict: placement.ok ? "pass" : "fail",
    criterion: policy.criterion,
    estimator,
    safetyMarginPercent: policy.safetyMarginPercent,
    ...pick(placement, ["jarCount", "placedCount", "usedBytes", "leastBytes"]),
    kinds: placement.kinds.map(({ kind, used }) => ({
      machine: kind.name,
      count: kind.count,
      used,
      totalBytes: kind.memory.totalBytes,
      devices: (kind.memory.devices ?? []).map((device) => pick(device, ["id", "totalBytes"])),
    })),
    machines: machinesOf(placement.shares),
    unplaced: placement.unplaced.map(unplacedJson),
    more: placement.more.map(({ kind, count }) => ({ machine: kind.name, count })),
  };
}

/** Every machine that holds something, those of a kind numbered from 1. */
function machinesOf(shares: readonly PlacedMachines[]): PlacementJson["machines"] {
  const last = new Map<string, number>();
  return shares.flatMap(({ kind, machines, validation }) => {
    const pools = validation.pools.map((pool) =>
      pick(pool, ["id", "usableBytes", "requiredBytes"])
    );
    const needs = validation.instances.map((instance) => ({
      pools: instance.pools.map((pool) => pick(pool, ["id", "requiredBytes"])),
      ...defined({ gpuLayers: instance.gpuLayers }),
    }));
    return machines.map((held) => {
      const number = (last.get(kind.name) ?? 0) + 1;
      last.set(kind.name, number);
      // In the order in which the first of equal machines was validated.
      const jars = held.flatMap(({ group, ids }) => ids.map((id) => ({ id, model: group.model })));
      return {
        machine: kind.name,
        number,
        pools,
        jars: jars.map((jar, at) => ({ ...jar, pools: [], ...needs[at] })),
      };
    });
  });
}

function unplacedJson({ group, ids, reason, nearest, machine }: Unplaced) {
  return {
    ids: [...ids],
    model: group.model,
    reason,
    ...nearest && {
      nearest: {
        machine: nearest.kind.name,
        issues: nearest.issues.map((issue) => ({ code: issue.code, message: issueMessage(issue) })),
      },
    },
    ...machine && {
      holding: {
        totalBytes: machine.totalBytes,
        devices: machine.devices.map(({ id, totalBytes }) => ({ id, totalBytes })),
      },
    },
  };
}
