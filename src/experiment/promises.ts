import type { AllocationResult, DeallocationResult } from "../budget/allocation.ts";
import type { ModelDemand } from "../budget/manager.ts";
import type { MachineMemory } from "../budget/memory.ts";
import { freedInTime } from "./freed_memory.ts";
import { sentenceOf } from "./sentence.ts";
import type { World } from "./world.ts";

/**
 * Where processes write what each was promised, so that no two are promised the same memory. One
 * figure stands for all jars of this process.
 */
export interface PromiseBook {
  /**
   * Decides on the machine's memory, less what other processes were promised and haven't filled,
   * while no other process can decide; then writes what this process is promised in all.
   */
  admit<Value>(
    decide: (memory: MachineMemory) => { readonly value: Value; readonly promisedBytes: number },
  ): Promise<Value>;
  /** The machine's memory, less what other processes were promised and haven't filled. */
  readMemory(): Promise<MachineMemory>;
  /** Writes what this process is promised after something was given back. */
  keep(promisedBytes: number): Promise<void>;
}

/** No other process is asked: the machine's memory as it is read. */
export function promisesOfOne(readMemory: () => Promise<MachineMemory>): PromiseBook {
  return {
    admit: async (decide) => decide(await readMemory()).value,
    readMemory,
    keep: () => Promise.resolve(),
  };
}

/** Layer 2 for one jar, while no other process can be promised the same memory. */
export async function allocate(
  { manager, memory, promises }: World,
  id: string,
  ramLimitBytes: number | undefined,
  model: ModelDemand,
): Promise<AllocationResult> {
  try {
    return await promises.admit((current) => {
      memory.take(current);
      const value = manager.allocate(id, ramLimitBytes, model);
      return { value, promisedBytes: manager.reservedBytes };
    });
  } catch (error) {
    // What couldn't be written down isn't promised.
    manager.deallocate(id);
    throw error;
  }
}

/** Gives a jar's reservation back, here and in the book. Never throws. */
export async function deallocate(world: World, id: string): Promise<DeallocationResult> {
  const result = world.manager.deallocate(id);
  await writeDown(world);
  return result;
}

/** Gives all that is left back at once, so that a book that is slow can't keep any of it. */
export async function deallocateAll(world: World, ids: readonly string[]): Promise<void> {
  for (const id of ids) world.manager.deallocate(id);
  await writeDown(world);
}

/** Waits for the book as long as for anything that is freed, and no longer after a stop. */
async function writeDown(world: World): Promise<void> {
  const { manager, promises, emit, turn } = world;
  const written = promises.keep(manager.reservedBytes).catch((error) =>
    emit({
      event: "warning",
      turn,
      code: "promise-unwritten",
      message: `What was given back can't be written down: ${sentenceOf(error)}`,
    })
  );
  await freedInTime(written, world);
}
