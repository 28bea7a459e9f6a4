import { BrainjarError } from "../budget/error.ts";
import { validateMemoryBudget } from "../budget/validate.ts";
import type { Reservation } from "../report/validation_report.ts";
import { readMemoryOf } from "./machine_memory.ts";
import type { Plan } from "./plan.ts";
import type { World } from "./host.ts";

/** A plan, and what is held for it. */
export interface Reserved {
  readonly plan: Plan;
  readonly reservation?: Reservation;
}

/**
 * Judges the plan once more while no other process can be promised memory, and holds what it
 * requires. Answers the plan with that verdict, and the reservation where it fits.
 *
 * @throws BrainjarError `conflicting-flags` for a machine that isn't this one, and what the ledger
 * throws where it can't be kept.
 */
export async function reserve(
  plan: Plan,
  seconds: number,
  world: World,
): Promise<Reserved> {
  if (world.ledger === undefined) {
    throw new BrainjarError("conflicting-flags", "--reserve holds memory of this machine only", {
      hint: "Leave out --total-memory, --available-memory and --runner",
    });
  }
  const { settings, jars } = plan;
  const { value: validation, token } = await world.ledger.admit(
    () => readMemoryOf(undefined),
    (memory) => {
      const validation = validateMemoryBudget({
        mode: settings.mode,
        instances: jars.map((jar) => jar.demand),
        memory,
        policy: settings.policy,
      });
      if (!validation.ok) return { value: validation };
      const hold = { bytes: validation.requiredBytes, durationMilliseconds: seconds * 1000 };
      return { value: validation, hold };
    },
  );
  const judged = { ...plan, memory: validation.memory, validation };
  if (token === undefined) return { plan: judged };
  return { plan: judged, reservation: { token, bytes: validation.requiredBytes, seconds } };
}
