import type { PoolAllocation } from "../budget/allocation.ts";
import { defined } from "../budget/defined.ts";
import type { SampledJar, SampledProcess } from "../experiment/memory/memory_sample.ts";

/** What was seen last of a jar's process, or of the one before while it has none. */
export class LastSeen {
  #pools: SampledJar["pools"] = [];
  #process: SampledProcess | undefined;

  /** For samples of memory. */
  get sampled(): Omit<SampledJar, "id"> {
    return { pools: this.#pools, ...defined({ process: this.#process }) };
  }

  /** It has said where it is. */
  greeted(where: Pick<SampledProcess, "host" | "job" | "isHere">): void {
    const { mostHeldBytes } = this.#process ?? {};
    this.#process = { ...where, ...defined({ mostHeldBytes }) };
  }

  /** Its jar is let in. Until it says more: a run of a few seconds may end before. */
  admitted(pools: readonly PoolAllocation[] = []): void {
    this.#pools = pools.map(({ id, allocatedBytes }) => ({
      id,
      reservedBytes: allocatedBytes,
      residentBytes: 0,
    }));
  }

  /** It has said what it has, and what its process holds where that can be told. */
  measured(pools: SampledJar["pools"], heldBytes: number | undefined): void {
    this.#pools = pools;
    if (heldBytes === undefined || this.#process === undefined) return;
    const mostHeldBytes = Math.max(heldBytes, this.#process.mostHeldBytes ?? 0);
    this.#process = { ...this.#process, heldBytes, mostHeldBytes };
  }

  /** Nothing is reserved for its jar any more. */
  givenBack(): void {
    this.#pools = [];
  }

  /** It has ended, and holds nothing. */
  ended(): void {
    if (this.#process === undefined) return;
    const { heldBytes: _, ...process } = this.#process;
    this.#process = process;
  }
}
