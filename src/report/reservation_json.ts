import { defined } from "../budget/defined.ts";
import type { MachineMemory } from "../budget/memory.ts";
import { poolsOf, RAM } from "../budget/pools/pools.ts";
import type { ReservationSum } from "../ledger/sums.ts";

/** What is reserved as JSON has it: under `promisedBytes`, the key that others read. */
type ReservationJson<Value> = {
  [Key in keyof Value as Key extends "reservedBytes" ? "promisedBytes" : Key]: Value[Key];
};

/**
 * A figure of the ledger, or a machine's memory, as `--json` prints it.
 *
 * @example
 * ```ts
 * import { reservationJson } from "./reservation_json.ts";
 * const { promisedBytes } = reservationJson({ totalBytes: 8, reservedBytes: 2 });
 * if (promisedBytes !== 2) throw new Error("The key that others read");
 * ```
 */
export function reservationJson<Value extends { readonly reservedBytes: number }>(
  value: Value,
): ReservationJson<Value> {
  const entries = Object.entries(value).map((
    [key, one],
  ) => [key === "reservedBytes" ? "promisedBytes" : key, one]);
  // The keys in their order, one of them under its other name: that is the type.
  return Object.fromEntries(entries) as ReservationJson<Value>;
}

/**
 * A machine's memory as `--json` prints it: RAM's figures, and `pools` with those of each, RAM first.
 *
 * @example
 * ```ts
 * import { machineJson } from "./reservation_json.ts";
 * const figures = { totalBytes: 8, availableBytes: 6, reservedBytes: 2 };
 * const { promisedBytes, pools } = machineJson({ ...figures, sources: [], warnings: [] });
 * if (promisedBytes !== 2 || pools[0]?.id !== "ram") throw new Error("RAM is the first pool");
 * ```
 */
export function machineJson(memory: MachineMemory) {
  const { devices = [], warnings, pressure, swap, leftOut, ...ram } = memory;
  return {
    ...reservationJson(ram),
    pools: poolsOf(memory).map(({ id, kind, totalBytes, availableBytes, reservedBytes }) => {
      const device = devices.find((device) => device.id === id);
      const holders = device?.holders?.map(({ processId, name, bytes }) => ({
        processId,
        ...defined({ name, bytes }),
      }));
      return {
        ...{ id, kind },
        ...defined({ name: device?.name, identity: device?.identity }),
        ...{ totalBytes, availableBytes, promisedBytes: reservedBytes },
        sources: (device ?? ram).sources,
        ...defined({ holders }),
      };
    }),
    ...defined({ pressure, swap, leftOut }),
    warnings,
  };
}

/** What an owner has reserved as `memory --json` prints it: RAM's figures, and `pools`, RAM first. */
export function reservationSumJson({ devices = [], ...ram }: ReservationSum) {
  const { reservedBytes, residentBytes, unfilledBytes } = ram;
  return {
    ...reservationJson(ram),
    pools: [
      reservationJson({ id: RAM, reservedBytes, residentBytes, unfilledBytes }),
      ...devices.map(({ device: _, ...one }) => reservationJson(one)),
    ],
  };
}
