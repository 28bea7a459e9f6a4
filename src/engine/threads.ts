// Below this one core thinks more than 50 tokens a second, faster than anybody reads, and threads
// may lose more than they win: they wait for each other after each of a token's hundreds of steps.
// With other work on two cores a model of 60 MB thought 12 tokens a second with two threads.
const SMALL_WEIGHTS = 128 * 1024 * 1024;

/**
 * The threads to think with: one for a small model, else one for each core that this process may
 * use. The engine's own default is at least four, and its threads spin while they wait: on two
 * cores with other work a token then takes a thousand times as long.
 *
 * @param weightBytes the model's size in bytes
 * @param cores what may be used, from the engine and from the operating system; the fewest count
 */
export function thinkingThreads(weightBytes: number, cores: readonly number[]): number {
  return weightBytes < SMALL_WEIGHTS ? 1 : Math.max(1, Math.min(...cores));
}
