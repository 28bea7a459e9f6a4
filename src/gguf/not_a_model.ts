import { type GgufHeader, textOf } from "./header.ts";

/** What a GGUF file is that is no language model. */
export interface OtherKind {
  /** With its article, as it goes on from "PATH is". */
  readonly what: string;
  /** What to do, a sentence without a full stop. */
  readonly hint: string;
}

/**
 * Architectures of other programs' GGUF files: diffusion models (stable-diffusion.cpp, ComfyUI-GGUF)
 * and speech recognition (whisper.cpp). llama.cpp has none of them.
 */
const IMAGE_ARCHITECTURES = new Set([
  ...["sd1", "sdxl", "sd3", "flux", "flux2", "aura", "auraflow", "hidream", "chroma"],
  ...["lumina2", "qwen_image", "z_image", "pig", "ltxv", "hyvid", "wan", "cosmos", "mochi"],
]);
const SPEECH_ARCHITECTURES = new Set(["whisper", "parakeet", "kokoro", "dia", "parler-tts"]);

const MODEL_HINT = "Give a language model's GGUF file";

/**
 * What a header is of, where it isn't a language model: by `general.type` as gguf-py writes it
 * (constants.py, `GGUFType`), by its architecture, or where neither says so, by what is in it.
 *
 * @example
 * ```ts
 * import { otherKind } from "./not_a_model.ts";
 * const metadata = new Map([["general.architecture", "llama"], ["general.type", "adapter"]]);
 * const kind = otherKind({ metadata, tensors: [] });
 * if (kind?.what !== "an adapter, not a model") throw new Error(kind?.what);
 * ```
 */
export function otherKind(
  header: Pick<GgufHeader, "metadata" | "tensors">,
): OtherKind | undefined {
  const type = textOf(header, "general.type");
  const architecture = textOf(header, "general.architecture");
  const first = header.tensors[0]?.name ?? "";
  if (type === "adapter" || /\.lora_?[ab]$/i.test(first)) return adapter(header);
  if (type === "mmproj" || header.metadata.keys().some((key) => key.startsWith("clip."))) {
    return projector(header);
  }
  if (type === "imatrix" || header.metadata.has("imatrix.datasets") || /\.in_sum2$/.test(first)) {
    return {
      what: "an importance matrix (imatrix), not a model",
      hint: "It is for llama-quantize --imatrix: give the model that was quantized",
    };
  }
  if (
    type === "controlvector" || architecture === "controlvector" || /^direction\.\d+$/.test(first)
  ) {
    const model = textOf(header, "controlvector.model_hint");
    return {
      what: "a control vector, not a model",
      hint: `Give the model that it steers${of(model)}: brainjar loads no control vectors`,
    };
  }
  if (IMAGE_ARCHITECTURES.has(architecture ?? "")) {
    return { what: `a model of images ("${architecture}"), not of language`, hint: MODEL_HINT };
  }
  if (SPEECH_ARCHITECTURES.has(architecture ?? "")) {
    return { what: `a model of speech ("${architecture}"), not of language`, hint: MODEL_HINT };
  }
  if (header.tensors.length > 0) return undefined;
  return header.metadata.has("tokenizer.ggml.tokens")
    ? {
      what: "a vocabulary alone, without weights, not a model",
      hint: "Give the model's own file: it has the vocabulary and the weights",
    }
    : { what: "a header alone, without weights, not a model", hint: MODEL_HINT };
}

function adapter(header: Pick<GgufHeader, "metadata">): OtherKind {
  const base = textOf(header, "general.base_model.0.name") ??
    textOf(header, "general.architecture");
  const kind = textOf(header, "adapter.type");
  return {
    what: kind === "lora" ? "a LoRA adapter, not a model" : "an adapter, not a model",
    hint: `Give the model that it adapts${of(base)}, or one with the adapter merged into it ` +
      "(llama-export-lora): brainjar loads no adapters",
  };
}

function projector({ metadata }: Pick<GgufHeader, "metadata">): OtherKind {
  const hears = metadata.get("clip.has_audio_encoder") === true;
  const sees = metadata.get("clip.has_vision_encoder") === true || !hears;
  const what = hears ? sees ? "vision and audio projector" : "audio projector" : "vision projector";
  return {
    what: `${hears && !sees ? "an" : "a"} ${what} (mmproj), not a model`,
    hint: "Give the language model that it belongs to: brainjar loads no projectors",
  };
}

function of(name: string | undefined): string {
  return name ? ` (${name})` : "";
}
