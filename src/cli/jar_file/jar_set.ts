import type { Mode, Role } from "../../budget/demand.ts";
import { JARS_OF_MODE, type PresetMode } from "../../experiment/roles.ts";
import type { JarRequest, PlanRequest } from "../../plan/settings.ts";

/** A jar as a mode or a jar file has it, before flags and environment. */
export interface NamedJar extends JarRequest {
  readonly role: Role;
  /** Where the model is named, for people: `brainjar.jsonc:7:14`. */
  readonly modelPlace?: string;
}

/** Which jars there are: a mode and a jar file are both of this shape. */
export interface JarSet extends PlanRequest {
  readonly mode: Mode;
  readonly jars: readonly NamedJar[];
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
export function presetJars(mode: PresetMode): JarSet {
  return { mode, jars: JARS_OF_MODE[mode] };
}
