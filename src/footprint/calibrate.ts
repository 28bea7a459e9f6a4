import type { Footprint } from "./footprint.ts";

/** Ratios beyond these don't come from memory but from a damaged file. */
const LARGEST_RATIO = 4;

/**
 * An estimate with what was once measured of this model on this machine in it. It only ever rises:
 * a measured run is one run, and the promise must hold for all.
 *
 * @param ratio Measured floor / estimated floor.
 *
 * @example
 * ```ts
 * import { calibrate } from "./calibrate.ts";
 * import { estimateFromFileSize } from "./estimate.ts";
 * const { bytes, notes } = calibrate(estimateFromFileSize(1000), 1.5);
 * if (bytes.floor !== 2250 || notes.length !== 2) throw new Error("Half as much again");
 * if (calibrate(estimateFromFileSize(1000), 0.9).bytes.floor !== 1500) throw new Error("Never less");
 * ```
 */
export function calibrate(footprint: Footprint, ratio: number): Footprint {
  if (!(ratio > 0 && ratio <= LARGEST_RATIO)) return footprint;
  const { bytes, jar } = footprint;
  const more = Math.ceil(bytes.floor * Math.max(0, ratio - 1));
  const notes = [
    ...footprint.notes,
    `Calibrated: this model measured ${ratio.toFixed(3)} times its estimated floor on this machine`,
  ];
  if (more === 0) return { ...footprint, notes };
  return {
    ...footprint,
    notes,
    bytes: {
      ...bytes,
      floor: bytes.floor + more,
      workingSet: bytes.workingSet + more,
      peak: bytes.peak + more,
    },
    resident: [...footprint.resident, { part: "measured", floor: more, workingSet: more }],
    jar: {
      ...jar,
      floorBytes: jar.floorBytes + more,
      workingSetBytes: jar.workingSetBytes + more,
      ...(jar.loading === undefined ? {} : {
        loading: {
          ...jar.loading,
          bytes: jar.loading.bytes + more,
          lastingBytes: jar.loading.lastingBytes + more,
        },
      }),
    },
  };
}
