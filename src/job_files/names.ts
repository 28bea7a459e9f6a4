import { BrainjarError } from "../budget/error.ts";
import type { Job, JobJar } from "./job.ts";

/**
 * What each jar is called where names are lower-case letters, digits and dashes.
 *
 * @throws {BrainjarError} kind `usage`: `job-name-taken`
 *
 * @example
 * ```ts
 * import { plainName } from "./names.ts";
 * if (plainName("peer_a") !== "peer-a") throw new Error(plainName("peer_a"));
 * ```
 */
export function plainNames({ jars }: Pick<Job, "jars">): string[] {
  return distinct(jars, plainName, "pod");
}

/** One of them. */
export function plainName(id: string): string {
  return id.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
}

/** Names of jars that are to be told apart as this makes them. */
export function distinct(
  jars: readonly JobJar[],
  name: (id: string) => string,
  noun: string,
): string[] {
  const taken = new Map<string, string>();
  return jars.map(({ demand: { id } }) => {
    const mine = name(id);
    const other = taken.get(mine);
    if (other !== undefined) {
      throw new BrainjarError(
        "job-name-taken",
        `Jars "${other}" and "${id}" would have one ${noun}: ${mine}`,
        { hint: "Give one of them another name" },
      );
    }
    taken.set(mine, id);
    return mine;
  });
}
