import { type GgufHeader, textOf } from "../../gguf/header.ts";
import { LLAMA_CPP_VERSION } from "../version.ts";
import { type HeaderKeys, unloadable } from "./header_keys.ts";

/** Tokenizers that llama.cpp has (`tokenizer.ggml.model`); true where they need merges. */
const TOKENIZERS: ReadonlyMap<string, boolean> = new Map([
  ["llama", false],
  ["bert", false],
  ["gpt2", true],
  ["hybriddna", true],
  ["whitespace", true],
  ["gemma4", true],
  ["t5", false],
  ["rwkv", false],
  ["plamo2", false],
]);

/** A model may say that it has no tokenizer. */
const NO_TOKENIZER = ["none", "no_vocab"];

/** The one pre-tokenizer that does without merges. */
const WITHOUT_MERGES = "kimi-k2";

/** The one tokenizer that has a pre-tokenizer of its own, whatever the header says. */
const OWN_PRE_TOKENIZER = "gemma4";

/**
 * Ways of cutting text into words before merges (`tokenizer.ggml.pre`) that llama.cpp has, for
 * tokenizers with merges (llama-vocab.cpp, `load`). An empty one is read as `default`.
 */
const PRE_TOKENIZERS = new Set(
  (" a.x-4.0 afmoe bailingmoe bailingmoe2 bloom chameleon chatglm-bpe codeshell cohere2moe " +
    "command-r dbrx deepseek-coder deepseek-llm deepseek-r1-qwen deepseek-v3 default exaone " +
    "exaone-moe exaone4 f2llmv2 falcon falcon-h1 falcon3 gemma4 gigachat glm4 gpt-2 gpt-4o " +
    "gpt3-finnish granite-docling granite-embed-multi-311m granite-embed-multi-97m grok-2 " +
    "hunyuan hunyuan-dense jais jais-2 jina-de jina-es jina-v1-en jina-v2-code jina-v2-de " +
    "jina-v2-es jina-v5-nano joyai-llm kanana2 kimi-k2 kormo laguna lfm2 llada-moe llama-bpe " +
    "llama-v3 llama3 llama4 megrez mellum mellum2 midm-2.0 minerva-7b minicpm5 minimax-m2 " +
    "modern-bert mpt olmo phi-2 pixtral poro-chat qwen2 qwen35 refact roberta-bpe sarvam-moe " +
    "seed-coder smaug-bpe smollm solar-open stablelm2 starcoder superbpe talkie tekken tiny_aya " +
    "trillion viking whitespace youtu").split(" "),
);

/** Numbers of special tokens that a header may have. */
const SPECIAL_TOKENS = [
  "bos",
  "eos",
  "eot",
  "eom",
  "unknown",
  "seperator",
  "padding",
  "mask",
  "fim_pre",
  "fim_suf",
  "fim_mid",
  "fim_pad",
  "fim_rep",
  "fim_sep",
  "prefix",
  "suffix",
  "middle",
];

const FLAGS = ["add_bos_token", "add_eos_token", "add_sep_token"];

const HINT = "Convert the model again with its tokenizer, or use another file of it";

/**
 * Whether a model says that it has no tokenizer: llama.cpp loads it, and ends the process where text
 * is to be made with it.
 */
export function isWithoutTokenizer(header: Pick<GgufHeader, "metadata">): boolean {
  return NO_TOKENIZER.includes(textOf(header, "tokenizer.ggml.model") ?? "");
}

/** What the header has under a key of the tokenizer, wherever an array is wanted. */
function arrayType(l: HeaderKeys, key: string): { readonly type: string; readonly length: number } {
  const value = l.header.metadata.get(key);
  if (typeof value === "object") return { type: value.elementType, length: value.length };
  return { type: "no array", length: 0 };
}

/** An array of the tokenizer with one of some types; answers its length, or nothing if missing. */
function array(l: HeaderKeys, key: string, types: readonly string[]): number | undefined {
  if (!l.header.metadata.has(key)) return undefined;
  const { type, length } = arrayType(l, key);
  if (types.includes(type)) return length;
  const wanted = `an array of ${types.join(" or ")}`;
  throw unloadable(`metadata key "${key}" is ${type} where ${wanted} belongs`, HINT);
}

function needed(l: HeaderKeys, key: string, types: readonly string[]): number {
  const length = array(l, key, types);
  if (length === undefined) throw unloadable(`its tokenizer lacks "${key}"`, HINT);
  return length;
}

/**
 * The keys of the tokenizer (llama-vocab.cpp, `load`): a tokenizer and a pre-tokenizer that
 * llama.cpp has, its tokens, and a score and a type for each where there are any. The tokens
 * themselves aren't looked at.
 *
 * @throws {BrainjarError} `model-unloadable`
 */
export function loadTokenizer(l: HeaderKeys): void {
  const text = (key: string) => textOf(l.header, key) ?? "";
  if (!l.typed("tokenizer.ggml.model", "string")) {
    throw unloadable('it has no tokenizer: "tokenizer.ggml.model" is missing', HINT);
  }
  l.typed("tokenizer.ggml.pre", "string");
  l.typed("tokenizer.ggml.token_type_count", "uint32");
  const name = text("tokenizer.ggml.model");
  if (NO_TOKENIZER.includes(name)) {
    l.mayKey("vocab_size");
    return;
  }
  const needsMerges = TOKENIZERS.get(name);
  if (needsMerges === undefined) {
    throw unloadable(
      `its tokenizer is ${JSON.stringify(name)}, which llama.cpp ${LLAMA_CPP_VERSION} doesn't have`,
      "The model is newer than the engine, or was written by another program: use another model",
    );
  }
  if (needsMerges) {
    const pre = text("tokenizer.ggml.pre");
    const merges = "tokenizer.ggml.merges";
    if (pre !== WITHOUT_MERGES || name === OWN_PRE_TOKENIZER) needed(l, merges, ["string"]);
    else array(l, merges, ["string"]);
    if (pre !== "" && name !== OWN_PRE_TOKENIZER && !PRE_TOKENIZERS.has(pre)) {
      throw unloadable(
        `its pre-tokenizer is ${
          JSON.stringify(pre)
        }, which llama.cpp ${LLAMA_CPP_VERSION} doesn't have`,
        "The model is newer than the engine: use another model, or an older conversion of this one",
      );
    }
  }
  if (name === "t5") array(l, "tokenizer.ggml.precompiled_charsmap", ["int8", "uint8"]);
  l.typed("tokenizer.ggml.add_space_prefix", "bool");
  l.typed("tokenizer.ggml.remove_extra_whitespaces", "bool");
  const tokens = needed(l, "tokenizer.ggml.tokens", ["string"]);
  for (
    const [key, types] of [
      ["tokenizer.ggml.scores", ["int32", "float32"]],
      ["tokenizer.ggml.token_type", ["int32"]],
    ] as const
  ) {
    const length = array(l, key, types);
    if (length === undefined || length >= tokens) continue;
    throw unloadable(`"${key}" has ${length} entries for ${tokens} tokens`, HINT);
  }
  for (const token of SPECIAL_TOKENS) l.typed(`tokenizer.ggml.${token}_token_id`, "uint32");
  for (const flag of FLAGS) l.typed(`tokenizer.ggml.${flag}`, "bool");
  l.typed("tokenizer.ggml.normalizer.lowercase", "bool");
  l.typed("tokenizer.ggml.normalizer.strip_accents", "bool");
  array(l, "tokenizer.ggml.suppress_tokens", ["int32"]);
}
