import type { Mode, Role } from "../budget/demand.ts";

/** A jar's name and the part it plays. */
interface ModeJar {
  readonly id: string;
  readonly role: Role;
}

/** A mode that says who is in it; of a jar file's jars, the file does. */
export type PresetMode = Exclude<Mode, "jars">;

/** Who is in each mode, in the order in which they are admitted and think (src/budget/README.md, "Words"). */
export const JARS_OF_MODE: Readonly<Record<PresetMode, readonly ModeJar[]>> = {
  single: [{ id: "subject", role: "subject" }],
  matrix: [
    { id: "subject", role: "subject" },
    { id: "observer", role: "observer" },
    { id: "god", role: "god" },
  ],
  peer: [{ id: "peer_a", role: "subject" }, { id: "peer_b", role: "subject" }],
};

/** Who is asked to die first when memory runs short: the highest number. */
const EXPENDABILITY: Readonly<Record<Role, number>> = { subject: 0, observer: 1, god: 2 };

/**
 * The jars, least important first: god, observer, subject; of two subjects the later one.
 *
 * @example
 * ```ts
 * import { JARS_OF_MODE, leastImportantFirst } from "./roles.ts";
 * const order = leastImportantFirst(JARS_OF_MODE.matrix).map((jar) => jar.id);
 * if (order.join() !== "god,observer,subject") throw new Error(order.join());
 * ```
 */
export function leastImportantFirst<Jar extends { readonly role: Role }>(
  jars: readonly Jar[],
): Jar[] {
  return jars.toReversed().toSorted((a, b) => EXPENDABILITY[b.role] - EXPENDABILITY[a.role]);
}

/** Whether the run can go on without a jar of this role (`--allow-partial`). */
export function isExpendable(role: Role): boolean {
  return role !== "subject";
}
