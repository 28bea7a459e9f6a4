import { lineOf } from "../../budget/error.ts";
import type { AllocationResult, DeallocationResult } from "../../budget/allocation.ts";
import type { ModelDemand } from "../../budget/manager.ts";
import { deviceReservations } from "../../ledger/reservation.ts";
import { seeMemory } from "./on_devices.ts";
import type { ReservedMemory } from "./reservation_ledger.ts";
import { settlesBefore } from "../clock.ts";
import { freedInTime } from "../freed_in_time.ts";
import type { RunState } from "../run_state.ts";

/**
 * Layer 2 for one jar, while no other process can reserve the same memory. Rejects when the run is
 * stopped: who has the ledger may keep it for long.
 */
export async function allocate(
  run: RunState,
  id: string,
  ramLimitBytes: number | undefined,
  model: ModelDemand,
): Promise<AllocationResult> {
  const { manager, ledger, stop } = run;
  try {
    const admitted = ledger.admit((current) => {
      // Whoever waited for this has gone.
      stop.throwIfAborted();
      seeMemory(run, current);
      const value = manager.allocate(id, ramLimitBytes, model);
      return { value, reserved: reservedMemory(run) };
    });
    if (!await settlesBefore(admitted, stop)) throw stop.reason;
    return await admitted;
  } catch (error) {
    // What couldn't be written down isn't reserved.
    manager.deallocate(id);
    throw error;
  }
}

/** What all jars have reserved, and what of that is filled on devices, as the ledger has it. */
export function reservedMemory({ manager, memory }: RunState): ReservedMemory {
  const { reserved, reservedBytes: bytes } = manager;
  const filled = reserved.map(({ id, bytes }) => ({
    id,
    bytes: bytes - manager.unfilledBytes(undefined, id),
  }));
  return { bytes, devices: deviceReservations(memory.current.devices, reserved, filled) };
}

/** Gives a jar's reservation back, here and in the ledger. Never throws. */
export async function deallocate(run: RunState, id: string): Promise<DeallocationResult> {
  const result = run.manager.deallocate(id);
  await writeDown(run);
  return result;
}

/** Gives all that is left back at once, so that a slow ledger can't keep any of it. */
export async function deallocateAll(run: RunState, ids: readonly string[]): Promise<void> {
  for (const id of ids) run.manager.deallocate(id);
  await writeDown(run);
}

/** Waits for the ledger as long as for anything that is freed, and no longer after a stop. */
async function writeDown(run: RunState): Promise<void> {
  const { ledger, emit, turn } = run;
  const written = ledger.keep(reservedMemory(run)).catch((error) =>
    emit({
      event: "warning",
      turn,
      code: "promise-unwritten",
      message: `What was given back can't be written down: ${lineOf(error)}`,
    })
  );
  await freedInTime(written, run);
}
