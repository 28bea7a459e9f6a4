/**
 * The engine computes with no fewer threads than this where its own count of cores is lower
 * (node-llama-cpp, `defaultCPUMinThreadSplitterThreads`).
 */
const MINIMUM_THREADS = 4;

/** The threads that the engine computes with on so many cores. */
export function engineThreads(cores: number): number {
  return Math.max(MINIMUM_THREADS, cores);
}
