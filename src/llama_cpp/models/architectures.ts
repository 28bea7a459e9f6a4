import { BrainjarError } from "../../budget/error.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import type { ArchitectureLayout } from "../hyperparameters/architecture_layout.ts";
import { PLAIN_ARCHITECTURES } from "./plain.ts";
import { SPECIAL_ARCHITECTURES } from "./special.ts";
import { STATEFUL_ARCHITECTURES } from "./stateful.ts";
import { WINDOWED_ARCHITECTURES } from "./windowed.ts";
import { LLAMA_CPP_VERSION } from "../version.ts";

/**
 * Every architecture that llama.cpp can load, by `general.architecture` (llama-arch.cpp's
 * names; `gptj` has a name there and no loader). The kind of memory is from `create_memory` in
 * llama-model.cpp, the rest from each row's source.
 */
export const ARCHITECTURES: ReadonlyMap<string, ArchitectureLayout> = new Map([
  ...PLAIN_ARCHITECTURES,
  ...WINDOWED_ARCHITECTURES,
  ...STATEFUL_ARCHITECTURES,
  ...SPECIAL_ARCHITECTURES,
]);

/**
 * The safe side for an architecture that isn't in the table: every layer caches keys and values
 * of the whole context, and every state or indexer that the header names is on every layer.
 */
export const UNKNOWN_ARCHITECTURE: ArchitectureLayout = {
  purpose: "unknown",
  memory: "hybrid",
  source: "nowhere",
  recurrentLayers: "every",
  state: "any",
  cachedLayers: "every",
  indexerLayers: "text",
};

/**
 * Whether llama.cpp can load models of this architecture at all.
 *
 * @example
 * ```ts
 * import { isKnownArchitecture } from "./architectures.ts";
 * if (!isKnownArchitecture("llama") || isKnownArchitecture("llama9")) throw new Error();
 * ```
 */
export function isKnownArchitecture(name: string): boolean {
  return ARCHITECTURES.has(name);
}

/**
 * Whether models of this architecture make text token by token. Encoders, diffusion models,
 * speech and drafts don't, an encoder-decoder can't here nor can one that needs the logits of every
 * batch, and neither does an architecture that isn't known.
 *
 * @example
 * ```ts
 * import { generatesText } from "./architectures.ts";
 * if (!generatesText("llama") || generatesText("bert")) throw new Error();
 * ```
 */
export function generatesText(name: string): boolean {
  const layout = ARCHITECTURES.get(name);
  return layout?.purpose === "text" && !layout.breaksWithoutLogits;
}

/** Whether llama.cpp can run this model with flash attention at all. */
export function canHaveFlashAttention(header: GgufHeader): boolean {
  const name = header.metadata.get("general.architecture");
  return ARCHITECTURES.get(String(name))?.breaksWithFlashAttention !== true;
}

/**
 * Throws a BrainjarError of code `unsupported-architecture` for a model that doesn't make text
 * with llama.cpp: what can be estimated and not run.
 */
export function checkGenerates(header: GgufHeader): void {
  const name = header.metadata.get("general.architecture");
  const architecture = typeof name === "string" ? name : "";
  if (generatesText(architecture)) return;
  if (architecture === "") {
    throw new BrainjarError(
      "unsupported-architecture",
      "The header names no architecture: general.architecture is missing",
      { hint: "The file is damaged or was written wrongly: download it again" },
    );
  }
  const [sentence, hint] = whyNot(architecture);
  throw new BrainjarError("unsupported-architecture", sentence, { hint });
}

/** Why models of an architecture can't be run, and what to do. */
function whyNot(architecture: string): [sentence: string, hint: string] {
  const layout = ARCHITECTURES.get(architecture);
  switch (layout?.purpose) {
    case undefined:
      return [
        `Architecture "${architecture}" isn't one of llama.cpp ${LLAMA_CPP_VERSION}'s`,
        "It may need a newer llama.cpp; estimate still answers, on the safe side",
      ];
    case "encoder-decoder":
      return [
        `Models of architecture "${architecture}" need their encoder, which node-llama-cpp never runs`,
        "Use a model without one; estimate still answers for this one",
      ];
    case "text":
      return [
        `Models of architecture "${architecture}" need the logits of all of a prompt, which only its end has`,
        `Use another model: llama.cpp ${LLAMA_CPP_VERSION} ends the process with this one; estimate still answers`,
      ];
    default:
      return [
        `Models of architecture "${architecture}" don't make text`,
        "Use a model that generates text; estimate still answers for this one",
      ];
  }
}
