import type { JarFootprint } from "./demand.ts";

/**
 * What a jar needs that shares nothing with a jar of another process: all of its footprint, each
 * part for itself.
 *
 * @example
 * ```ts
 * import { aloneFootprint } from "./alone.ts";
 * const shared = { floorBytes: 1, workingSetBytes: 2 };
 * const { workingSetBytes, shared: left } = aloneFootprint({
 *   floorBytes: 10,
 *   workingSetBytes: 20,
 *   shared,
 * });
 * if (workingSetBytes !== 20 || left.workingSetBytes !== 0) throw new Error("All of it, alone");
 * ```
 */
export function aloneFootprint({ loading: _, ...footprint }: JarFootprint): JarFootprint {
  const { devices } = footprint;
  return {
    ...footprint,
    shared: { floorBytes: 0, workingSetBytes: 0 },
    ...devices && {
      devices: devices.map((one) => ({ ...one, sharedBytes: 0, processBytes: 0 })),
    },
  };
}
