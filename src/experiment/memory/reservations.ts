import { lineOf } from "../../budget/error.ts";
import type { AllocationResult, DeallocationResult } from "../../budget/allocation.ts";
import type { ModelDemand } from "../../budget/manager.ts";
import { settlesBefore } from "../clock.ts";
import { freedInTime } from "../freed_in_time.ts";
import type { RunState } from "../run_state.ts";

/**
 * Layer 2 for one jar, while no other process can reserve the same memory. Rejects when the run is
 * stopped: who has the ledger may keep it for long.
 */
export async function allocate(
  { manager, memory, ledger, stop }: RunState,
  id: string,
  ramLimitBytes: number | undefined,
  model: ModelDemand,
): Promise<AllocationResult> {
  try {
    const admitted = ledger.admit((current) => {
      // Whoever waited for this has gone.
      stop.throwIfAborted();
      memory.current = current;
      const value = manager.allocate(id, ramLimitBytes, model);
      return { value, reservedBytes: manager.reservedBytes };
    });
    if (!await settlesBefore(admitted, stop)) throw stop.reason;
    return await admitted;
  } catch (error) {
    // What couldn't be written down isn't reserved.
    manager.deallocate(id);
    throw error;
  }
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
  const { manager, ledger, emit, turn } = run;
  const written = ledger.keep(manager.reservedBytes).catch((error) =>
    emit({
      event: "warning",
      turn,
      code: "promise-unwritten",
      message: `What was given back can't be written down: ${lineOf(error)}`,
    })
  );
  await freedInTime(written, run);
}
