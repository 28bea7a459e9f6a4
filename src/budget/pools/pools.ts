import type { DeviceMemory, MachineMemory } from "../memory.ts";

/** RAM's id among the pools; devices have their own (`cuda:0`). */
export const RAM = "ram";

/** What a pool is: the machine's RAM, a device's own memory, or a device's share of RAM. */
export type PoolKind = "ram" | DeviceMemory["kind"];

/** Some bytes of one pool. */
export interface PoolBytes {
  /** `ram`, or a device's id. */
  readonly id: string;
  /** Whole bytes. */
  readonly bytes: number;
}

/** A memory with a size, as far as it decides a verdict. All bytes whole. */
export interface Pool {
  /** `ram`, or a device's id. */
  readonly id: string;
  /** What it is. */
  readonly kind: PoolKind;
  /** All of it. */
  readonly totalBytes: number;
  /** Less what is reserved there. */
  readonly availableBytes: number;
  /** Reserved by others and not filled yet; already off `availableBytes`. */
  readonly reservedBytes: number;
}

/**
 * The pools of a machine: RAM first, then its devices in the engine's order.
 *
 * @example
 * ```ts
 * import { poolsOf } from "./pools.ts";
 * const [ram, none] = poolsOf({ totalBytes: 8, availableBytes: 6, reservedBytes: 0 });
 * if (ram?.id !== "ram" || ram.availableBytes !== 6 || none !== undefined) throw new Error("RAM");
 * ```
 */
export function poolsOf(
  { totalBytes, availableBytes, reservedBytes, devices = [] }: Pick<
    MachineMemory,
    "totalBytes" | "availableBytes" | "reservedBytes" | "devices"
  >,
): readonly [Pool, ...Pool[]] {
  return [{ id: RAM, kind: RAM, totalBytes, availableBytes, reservedBytes }, ...devices];
}

/**
 * The bytes of one pool among others, 0 where it isn't there.
 *
 * @example
 * ```ts
 * import { bytesIn } from "./pools.ts";
 * if (bytesIn("cuda:0", [{ id: "cuda:0", bytes: 7 }]) !== 7) throw new Error("Its own");
 * if (bytesIn("cuda:1", undefined) !== 0) throw new Error("None");
 * ```
 */
export function bytesIn(id: string, pools: readonly PoolBytes[] = []): number {
  return pools.find((pool) => pool.id === id)?.bytes ?? 0;
}

/**
 * RAM's figures, which stand first among those of all pools, without its id.
 *
 * @example
 * ```ts
 * import { figuresOfRam } from "./pools.ts";
 * const { bytes } = figuresOfRam([{ id: "ram", bytes: 8 }, { id: "cuda:0", bytes: 4 }]);
 * if (bytes !== 8) throw new Error("RAM first");
 * ```
 */
export function figuresOfRam<Figures extends { readonly id: string }>(
  pools: readonly Figures[],
): Omit<Figures, "id"> {
  const [ram] = pools;
  if (ram === undefined) throw new RangeError("RAM is always among the pools");
  const { id: _, ...figures } = ram;
  return figures;
}

/**
 * The name of a pool where one is told: what is about RAM names none.
 *
 * @example
 * ```ts
 * import { namedPool } from "./pools.ts";
 * if (namedPool("cuda:0").pool !== "cuda:0" || "pool" in namedPool("ram")) throw new Error("A device");
 * ```
 */
export function namedPool(id: string): { readonly pool?: string } {
  return id === RAM ? {} : { pool: id };
}
