/** Seeds stay below this: the engine reads 2³² − 1 as "pick one at random". */
const SEED_LIMIT = 2 ** 31;

/**
 * The seed of one thought: FNV-1a over `SEED/JAR/TURN`, stirred by MurmurHash3's finalizer, its
 * highest bit dropped (see {@link SEED_LIMIT}). It depends on nothing else, so that a jar's thought
 * is sampled alike whatever happened to the other jars, and a run can be repeated from its seed.
 *
 * @example
 * ```ts
 * import { thoughtSeed } from "./thought_seed.ts";
 * if (thoughtSeed(1, "god", 2) !== thoughtSeed(1, "god", 2)) throw new Error("Not repeatable");
 * if (thoughtSeed(1, "god", 2) === thoughtSeed(1, "god", 3)) throw new Error("Not stirred");
 * ```
 */
export function thoughtSeed(seed: number, jar: string, turn: number): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(`${seed}/${jar}/${turn}`)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % SEED_LIMIT;
}
