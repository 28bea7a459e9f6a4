/**
 * Tokens of a prompt that pass the graph at once; the engine thinks in steps of this many
 * (engine/mind.ts), however large the batch is that was planned for.
 *
 * A fixed number: with one that depended on the clock the same seed would not give the same
 * thought, since llama.cpp's sums differ with the size of a batch.
 */
export const PROMPT_STEP = 64;

/**
 * Bytes of a sampler for each token of the vocabulary. node-llama-cpp makes a sampler for each step
 * and each thought (AddonSampler.cpp, `tokenCandidates`), of which V8 knows nothing and which it
 * therefore doesn't hurry to free: 3 MB each with 262 thousand tokens.
 */
export const CANDIDATE_BYTES = 12;

/**
 * Samplers after which the engine has V8 collect. A collection takes as long as a few tokens: after
 * every thought it would cost a fifth of a small model's speed.
 */
export const SAMPLERS_BETWEEN_COLLECTIONS = 8;

/** Bytes of samplers that aren't worth a collection, however many they are. */
export const SAMPLER_BYTES_LEFT_ALONE = 1024 ** 2;
