import type { AllocationResult, DeallocationResult } from "../budget/allocation.ts";
import type { ModelDemand } from "../budget/manager.ts";
import type { MachineMemory } from "../budget/memory.ts";
import { freedInTime } from "./freed_memory.ts";
import { sentenceOf } from "./sentence.ts";
import type { World } from "./world.ts";

/**
 * Where processes write what each has reserved, so that no two reserve the same memory. One figure
 * stands for all jars of this process.
 */
export interface ReservationLedger {
  /**
   * Decides on the machine's memory, less what other processes have reserved and not filled, while
   * no other process can decide; then writes what this process has reserved in all.
   */
  admit<Value>(
    decide: (memory: MachineMemory) => { readonly value: Value; readonly reservedBytes: number },
  ): Promise<Value>;
  /** The machine's memory, less what other processes have reserved and not filled. */
  readMemory(): Promise<MachineMemory>;
  /** Writes what this process has reserved after something was given back. */
  keep(reservedBytes: number): Promise<void>;
}

/** No other process is asked: the machine's memory as it is read. */
export function withoutLedger(readMemory: () => Promise<MachineMemory>): ReservationLedger {
  return {
    admit: async (decide) => decide(await readMemory()).value,
    readMemory,
    keep: () => Promise.resolve(),
  };
}

/** Layer 2 for one jar, while no other process can reserve the same memory. */
export async function allocate(
  { manager, memory, ledger }: World,
  id: string,
  ramLimitBytes: number | undefined,
  model: ModelDemand,
): Promise<AllocationResult> {
  try {
    return await ledger.admit((current) => {
      memory.take(current);
      const value = manager.allocate(id, ramLimitBytes, model);
      return { value, reservedBytes: manager.reservedBytes };
    });
  } catch (error) {
    // What couldn't be written down isn't reserved.
    manager.deallocate(id);
    throw error;
  }
}

/** Gives a jar's reservation back, here and in the ledger. Never throws. */
export async function deallocate(world: World, id: string): Promise<DeallocationResult> {
  const result = world.manager.deallocate(id);
  await writeDown(world);
  return result;
}

/** Gives all that is left back at once, so that a slow ledger can't keep any of it. */
export async function deallocateAll(world: World, ids: readonly string[]): Promise<void> {
  for (const id of ids) world.manager.deallocate(id);
  await writeDown(world);
}

/** Waits for the ledger as long as for anything that is freed, and no longer after a stop. */
async function writeDown(world: World): Promise<void> {
  const { manager, ledger, emit, turn } = world;
  const written = ledger.keep(manager.reservedBytes).catch((error) =>
    emit({
      event: "warning",
      turn,
      code: "promise-unwritten",
      message: `What was given back can't be written down: ${sentenceOf(error)}`,
    })
  );
  await freedInTime(written, world);
}
