/**
 * Bytes read from a file at once. Measured on a header of 16 MB: half of it costs a fifth more time
 * in calls, twice of it a third more in cache misses.
 */
export const WINDOW_BYTES = 128 * 1024;

/** Headers that are read at once; more wait, so that a thousand models take no more memory. */
export const MAX_WINDOWS = 4;

/** First range asked of a server: the whole header of a model with a small vocabulary. */
export const FIRST_RANGE_BYTES = 256 * 1024;

/**
 * Largest range asked of a server. Ranges double up to it, so at most about as much is fetched in
 * vain as the header is long.
 */
export const LARGEST_RANGE_BYTES = 4 * 1024 * 1024;

/** A server that hasn't sent a range in so long has stalled. */
export const REQUEST_TIMEOUT_MILLISECONDS = 30_000;

/**
 * A model on a server is given up after so long in all, every range, redirect and part of it. The
 * largest header that is known, with what is fetched in vain, comes in this time at 3 Mbit/s; over
 * anything slower a model of that size takes hours, and its file is better asked where it lies.
 */
export const MODEL_TIMEOUT_MILLISECONDS = 60_000;

/**
 * Models on servers that are read at once; more wait, and their time with them. Fewer than
 * `MAX_WINDOWS`, so that files don't wait for servers.
 */
export const MAX_SERVER_MODELS = 3;

/** GGUF versions that llama.cpp reads; version 1 had 32-bit lengths and was given up in 2023. */
export const OLDEST_VERSION = 2;
export const NEWEST_VERSION = 3;

/** `general.alignment` where the file doesn't have it (the GGUF specification). */
export const DEFAULT_ALIGNMENT = 32;

/** The GGUF specification's limit for a key. */
export const MAX_KEY_BYTES = 65_535;

/** Real headers have up to a hundred keys. */
export const MAX_KEYS = 65_536;

/**
 * Real models have up to a few thousand tensors, some seventy thousand where each expert has its
 * own. Each costs about 200 bytes of memory here. Of a split model it is for all parts together.
 */
export const MAX_TENSORS = 131_072;

/** ggml's GGML_MAX_NAME, with its closing zero: longer names are refused by llama.cpp. */
export const MAX_TENSOR_NAME_BYTES = 63;

/** ggml's GGML_MAX_DIMS. */
export const MAX_DIMENSIONS = 4;

/** llama.cpp's own limits for one string and one array. */
export const MAX_STRING_BYTES = 1024 ** 3;
export const MAX_ARRAY_ELEMENTS = 1024 ** 3;

/**
 * Texts of one array. The largest vocabulary has 262,144 tokens, the longest list of merges about
 * twice that; each of a billion empty ones would still be walked over.
 */
export const MAX_ARRAY_STRINGS = 4 * 1024 * 1024;

/**
 * A text that is longer (a whole tokenizer.json may be embedded) is kept up to here. Chat
 * templates, the longest texts that anyone reads, have less than half of it. With its length field
 * it must fit the window.
 */
export const MAX_TEXT_BYTES = 64 * 1024;

/** Values by layer or by expert are kept (512 layers, llama.cpp's limit, with 8 values each). */
export const MAX_KEPT_NUMBERS = 4096;

/** Lists of tags, languages and names are kept; a vocabulary isn't. */
export const MAX_KEPT_STRINGS = 64;

/** All that is kept of one file's metadata; the largest known header keeps some 100 KB. */
export const MAX_KEPT_BYTES = 8 * 1024 * 1024;

/** Arrays in arrays: the specification allows them, llama.cpp refuses them, no model has them. */
export const MAX_ARRAY_DEPTH = 4;
export const MAX_NESTED_ARRAYS = 256;

/**
 * Bytes of header that are read at most, and of a file on a server fetched at most. The largest known
 * vocabularies take 16 MB; a file that goes on for longer is nonsense and would only cost time.
 */
export const MAX_HEADER_BYTES = 64 * 1024 * 1024;

/** `split.count` is a 16-bit number for llama.cpp. */
export const MAX_PARTS = 65_535;

/** Linux follows no more links for one path (path_resolution(7)). */
export const MAX_LINKS = 40;

/** Characters of a value that an error quotes. */
export const MAX_QUOTED_CHARACTERS = 80;

/** How a header is read. */
export interface ReadOptions {
  /** Numeric arrays up to this length keep their values (`MAX_KEPT_NUMBERS`). */
  readonly keepNumbers?: number;
  /** String arrays up to this length keep their values (`MAX_KEPT_STRINGS`). */
  readonly keepStrings?: number;
  /** Keeps every value, whatever it costs: for tests that compare whole headers. */
  readonly keepAll?: boolean;
  /** Sent with each HTTP request, for instance an `Authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How long one HTTP request may take (`REQUEST_TIMEOUT_MILLISECONDS`). */
  readonly timeoutMilliseconds?: number;
  /** How long a model on a server may take in all (`MODEL_TIMEOUT_MILLISECONDS`). */
  readonly modelTimeoutMilliseconds?: number;
  /** Ends HTTP requests early. */
  readonly signal?: AbortSignal;
}
