import type { Mode, Role } from "../../budget/demand.ts";
import type { Policy } from "../../budget/policy.ts";
import { JARS_OF_MODE } from "../../experiment/roles.ts";
import type { KvCacheType } from "../../llama_cpp/ggml/types.ts";

/** How a jar's context is made, as far as it was said; flags are put over it. */
export interface ContextWishes {
  readonly contextSize?: number;
  readonly batchSize?: number;
  readonly kvCacheType?: KvCacheType;
  readonly flashAttention?: "on" | "off" | "auto";
  readonly mmap?: boolean;
}

/** A jar as a mode or a jar file has it, before flags and environment. */
export interface NamedJar {
  readonly id: string;
  readonly role: Role;
  /** A path as the file's folder makes it, or a URL. */
  readonly model?: string;
  /** Where the model is named, for people: `brainjar.jsonc:7:14`. */
  readonly modelPlace?: string;
  readonly ramLimitBytes?: number;
  readonly context: ContextWishes;
  /** Replaces the role's introduction in its prompts. */
  readonly introduction?: string;
}

/** Which jars there are, and what is reserved for them: a mode and a jar file are both of this shape. */
export interface JarSet {
  readonly mode: Mode;
  /** The jar file's path as it was given; absent for a mode. */
  readonly file?: string;
  readonly jars: readonly NamedJar[];
  readonly policy: Partial<Policy>;
}

/**
 * The jars of a mode.
 *
 * @example
 * ```ts
 * import { presetJars } from "./jar_set.ts";
 * const ids = presetJars("matrix").jars.map((jar) => jar.id);
 * if (ids.join() !== "subject,observer,god") throw new Error(ids.join());
 * ```
 */
export function presetJars(mode: keyof typeof JARS_OF_MODE): JarSet {
  return { mode, jars: JARS_OF_MODE[mode].map((jar) => ({ ...jar, context: {} })), policy: {} };
}
