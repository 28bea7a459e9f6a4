/**
 * Tokens of a prompt that pass the graph at once; the engine thinks in steps of this many
 * (engine/mind.ts), however large the batch is that was planned for.
 *
 * A fixed number: with one that depended on the clock the same seed would not give the same
 * thought, since llama.cpp's sums differ with the size of a batch.
 */
export const PROMPT_STEP = 64;

/**
 * Steps after which the engine has V8 collect. node-llama-cpp makes a sampler for each, with 12
 * bytes for every token of the vocabulary (AddonSampler.cpp, `tokenCandidates`), of which V8 knows
 * nothing and which it therefore doesn't hurry to free: 3 MB a step with 262 thousand tokens.
 */
export const STEPS_BETWEEN_COLLECTIONS = 4;
