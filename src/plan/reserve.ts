import { BrainjarError } from "../budget/error.ts";
import { type PoolBytes, RAM } from "../budget/pools/pools.ts";
import type { Validation } from "../budget/validation.ts";
import { deviceReservations } from "../ledger/reservation.ts";
import { withDevices } from "./devices/devices.ts";
import type { Host } from "./host.ts";
import { readMemoryOf } from "./machine_memory.ts";
import { type Plan, validatePlanned } from "./planned_jars.ts";

/** Memory that is kept for a job's next step. */
export interface Reservation {
  /** What gives it back. */
  readonly token: string;
  /** Of RAM. */
  readonly bytes: number;
  /** Of each pool, RAM first. */
  readonly pools: readonly PoolBytes[];
  /** Until it ends by itself. */
  readonly seconds: number;
}

/** A plan, and what is reserved for it. */
export interface ReservedPlan {
  readonly plan: Plan;
  /** Absent where none was asked for, or nothing fits. */
  readonly reservation?: Reservation;
}

/**
 * Judges the plan once more while no other process can reserve memory, and reserves what it
 * requires. Answers the plan with that verdict, and the reservation where it fits.
 *
 * @throws BrainjarError `conflicting-flags` for a machine that isn't this one, and what the ledger
 * throws where it can't be kept.
 */
export async function reserveOn(host: Host, plan: Plan, seconds: number): Promise<ReservedPlan> {
  const ledger = await host.openLedger();
  if (ledger === undefined) {
    throw new BrainjarError("conflicting-flags", "--reserve holds memory of this machine only", {
      hint: "Leave out --total-memory, --available-memory and --runner",
    });
  }
  const { value: validation, token } = await ledger.admit(
    async () => withDevices(await readMemoryOf(undefined), await host.findDevices()),
    (memory) => {
      const validation = validatePlanned(plan.jars, plan.settings, memory);
      if (!validation.ok) return { value: validation };
      const devices = deviceReservations(memory.devices, requiredOf(validation));
      const durationMilliseconds = seconds * 1000;
      const token = { bytes: validation.requiredBytes, durationMilliseconds, devices };
      return { value: validation, token };
    },
  );
  const judged = { ...plan, memory: validation.memory, validation };
  if (token === undefined) return { plan: judged };
  const pools = requiredOf(validation);
  return { plan: judged, reservation: { token, bytes: validation.requiredBytes, pools, seconds } };
}

/** What the jars need of each pool that they need something of, RAM first. */
function requiredOf({ pools }: Validation): readonly PoolBytes[] {
  return pools.filter(({ id, requiredBytes }) => id === RAM || requiredBytes > 0)
    .map(({ id, requiredBytes: bytes }) => ({ id, bytes }));
}
