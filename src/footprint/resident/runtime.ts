/** Anonymous memory of Deno with node-llama-cpp loaded and no model, in bytes (measured). */
export const RUNTIME_BYTES = 45 * 1024 ** 2;
