import { BrainjarError } from "../../budget/error.ts";
import { cacheType, type KvCacheType } from "../ggml/types.ts";
import { contextSizes, usesFlashAttention } from "../memory/context_sizes.ts";
import type { ReadModel } from "./families.ts";
import type { FootprintOptions } from "../options.ts";
import { LLAMA_CPP_VERSION } from "../version.ts";

/** llama.cpp's LLAMA_MAX_SEQ. */
const LARGEST_SEQUENCE_COUNT = 256;

function refuse(message: string, hint: string): never {
  throw new BrainjarError("unsupported-kv-cache-type", message, { hint });
}

function checkHeads(
  kind: "key" | "value",
  type: KvCacheType,
  lengths: readonly number[],
  layers: number,
): void {
  const block = cacheType(type).blockElements;
  const odd = lengths.slice(0, layers).find((length) => length % block !== 0);
  if (odd === undefined) return;
  refuse(
    `KV cache type ${type} comes in blocks of ${block}, which don't divide ${kind} heads of ${odd}`,
    "Use --kv-cache-type f16 for this model",
  );
}

/** Refuses flash attention where llama.cpp ends the process with it. */
function checkFlashAttention({ architecture, shape }: ReadModel): void {
  const breaks = architecture?.breaksWithFlashAttention;
  const why = breaks === true
    ? `Architecture "${shape.architecture}" can't run with flash attention`
    : breaks?.(shape);
  if (why === undefined) return;
  throw new BrainjarError("unsupported-flash-attention", why, {
    hint: `Use --flash-attention off: llama.cpp ${LLAMA_CPP_VERSION} ends the process with it on`,
  });
}

/** Refuses a batch that sequences can't share evenly, where llama.cpp ends the process with it. */
function checkBatch({ architecture, shape }: ReadModel, options: FootprintOptions): void {
  if (architecture?.needsEvenBatches?.(shape) !== true) return;
  const { batch, streams } = contextSizes(shape, options);
  const odd = batch % streams;
  if (odd === 0) return;
  const asked = Math.max(options.batchSize, streams);
  const even = asked - odd < streams ? asked - odd + streams : asked - odd;
  const another = even <= options.contextSize ? `--batch-size ${even} or ` : "";
  throw new BrainjarError(
    "unsupported-batch-size",
    `Architecture "${shape.architecture}" can't share a batch of ${batch} tokens between ${streams} sequences`,
    {
      hint:
        `Use ${another}one sequence: llama.cpp ${LLAMA_CPP_VERSION} ends the process where a batch isn't as many tokens for each`,
    },
  );
}

/**
 * Checks what llama.cpp checks before it makes a context (llama-context.cpp,
 * `llama_init_from_model`): it refuses a quantized value cache without flash attention, heads
 * that a quantized type's blocks don't divide, different types where keys alone are cached, and
 * too many sequences. And what it doesn't check, where it then ends the process: more than one
 * sequence for an encoder-decoder, flash attention where an architecture can't have it, a batch that
 * sequences can't share evenly where they must.
 *
 * Throws a BrainjarError of code `unsupported-kv-cache-type`, `too-many-sequences`,
 * `unsupported-batch-size` or `unsupported-flash-attention`.
 */
export function checkContextOptions(model: ReadModel, options: FootprintOptions): void {
  const { architecture, shape } = model;
  const { kvCacheKeyType: key, kvCacheValueType: value } = options;
  if (options.sequences > LARGEST_SEQUENCE_COUNT) {
    throw new BrainjarError(
      "too-many-sequences",
      `A context of ${options.sequences} sequences is more than llama.cpp's ${LARGEST_SEQUENCE_COUNT}`,
      { hint: `Use at most ${LARGEST_SEQUENCE_COUNT} sequences` },
    );
  }
  if (shape.rules.purpose === "encoder-decoder" && options.sequences > 1) {
    throw new BrainjarError(
      "too-many-sequences",
      `Architecture "${shape.architecture}" takes one sequence at a time, not ${options.sequences}`,
      { hint: "Use one sequence: llama.cpp ends the process where an encoder has more" },
    );
  }
  checkBatch(model, options);
  if (options.flashAttention) checkFlashAttention(model);
  const keysAlone = shape.usesLatentAttention || shape.rules.memory === "compressed";
  if (keysAlone && key !== value) {
    refuse(
      `Architecture "${shape.architecture}" can't cache keys as ${key} and values as ${value}`,
      `Use ${key} for both`,
    );
  }
  const flashAttention = usesFlashAttention(shape, options);
  if (cacheType(value).blockElements > 1 && !flashAttention) {
    refuse(
      `KV cache type ${value} for values needs flash attention`,
      shape.rules.noFlashAttention
        ? "Use --kv-cache-type f16: llama.cpp turns flash attention off for this architecture"
        : architecture?.breaksWithFlashAttention === true
        ? "Use --kv-cache-type f16: llama.cpp can't run this architecture with flash attention"
        : "Use --flash-attention on, or --kv-cache-type f16",
    );
  }
  if (!flashAttention) return;
  checkHeads("key", key, shape.keyLengths, shape.layerCount);
  checkHeads("value", value, shape.valueLengths, shape.layerCount);
}
