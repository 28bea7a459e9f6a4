import type { Role } from "./demand.ts";

/** A size with the text that is typed for it. */
export interface Size {
  /** Whole bytes; `parseSize(text)`. */
  readonly bytes: number;
  /** As people write it: `9.1` for GB, `512MB` for less than one. */
  readonly text: string;
}

/** A RAM limit for the jars of a role, or for one of them. */
export interface RamLimit extends Size {
  /** Whose limit it is. */
  readonly role: Role;
  /** The one jar that it is for; absent where it is for all of the role. */
  readonly id?: string;
}

/**
 * The limit that is for a jar, if one is.
 *
 * @example
 * ```ts
 * import { limitFor } from "./changes.ts";
 * const limit = { bytes: 1, text: "1B" };
 * const limits = [{ role: "subject", ...limit }, { role: "god", id: "zeus", ...limit }] as const;
 * if (limitFor({ id: "ada", role: "subject" }, limits) !== limits[0]) throw new Error("Her role's");
 * if (limitFor({ id: "odin", role: "god" }, limits) !== undefined) throw new Error("Another's");
 * ```
 */
export function limitFor(
  jar: { readonly id: string; readonly role: Role },
  limits: readonly RamLimit[],
): RamLimit | undefined {
  return limits.find(({ role, id = jar.id }) => role === jar.role && id === jar.id);
}

/** What is to differ from what was asked for. */
export interface Changes {
  /** For each role that is named. */
  readonly ramLimits?: readonly RamLimit[];
  /** Tokens. */
  readonly contextSize?: number;
  /** As llama.cpp names it: `Q8_0`. */
  readonly kvCacheType?: string;
  /** Layers on devices, of every jar for which more were asked for. */
  readonly gpuLayers?: number;
  /** Leave devices alone. */
  readonly gpu?: "off";
  /** Copy weights instead of mapping them. */
  readonly mmap?: false;
  /** Kept free beside a jar when it is allocated. */
  readonly allocationHeadroom?: Size;
  /** Kept free beside a model when it is loaded. */
  readonly loadHeadroom?: Size;
  /** The subject alone. */
  readonly mode?: "single";
  /** Accept that weights are read from disk. */
  readonly criterion?: "floor";
  /** Load a model once for all its jars, where that was forbidden. */
  readonly shareWeights?: true;
}
