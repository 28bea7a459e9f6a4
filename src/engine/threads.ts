// Below this a token takes one core a few milliseconds, less than threads lose waiting for each
// other after each of its hundreds of steps, above all on a machine that has other work.
const SMALL_WEIGHTS = 32 * 1024 * 1024;

/**
 * The threads to think with: one for a small model, else one for each core that this process may
 * use. The engine's own default is at least four, and its threads spin while they wait: on two
 * cores with other work a token then takes a thousand times as long.
 *
 * @param weightBytes the model's size in bytes
 * @param cores what may be used, from the engine and from the operating system; the fewest count
 *
 * @example
 * ```ts
 * import { thinkingThreads } from "./threads.ts";
 * if (thinkingThreads(8e9, [4, 2]) !== 2) throw new Error("more threads than cores");
 * if (thinkingThreads(1e6, [4, 2]) !== 1) throw new Error("threads for nothing");
 * ```
 */
export function thinkingThreads(weightBytes: number, cores: readonly number[]): number {
  return weightBytes < SMALL_WEIGHTS ? 1 : Math.max(1, Math.min(...cores));
}
