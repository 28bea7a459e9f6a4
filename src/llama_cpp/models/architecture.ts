import type { GraphBuilder } from "../graph/builder.ts";
import type { ArchitectureRules, MemoryKind } from "../hyperparameters/architecture_rules.ts";
import type { Loads } from "../loading/blocks.ts";
import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";

/** Everything that is special about one architecture. */
export interface Architecture extends ArchitectureRules {
  /** What builds its graph; absent for models that make no text and were not followed. */
  readonly graph?: GraphBuilder;
  /** What it asks a header for when it is loaded; absent for models that make no text. */
  readonly loads?: Loads;
  /** Why models of it can't be run although they make text, and what to do. */
  readonly cannotRun?: { readonly why: string; readonly hint: string };
  /**
   * llama.cpp ends the process with flash attention: for each model, or for those of which the
   * function says why.
   */
  readonly breaksWithFlashAttention?:
    | true
    | ((hyperparameters: Hyperparameters) => string | undefined);
  /** Whether llama.cpp ends the process where a batch isn't as many tokens for each sequence. */
  readonly needsEvenBatches?: (hyperparameters: Hyperparameters) => boolean;
}

/** Architectures that are built alike, by `general.architecture`. */
export type Family = ReadonlyMap<string, Architecture>;

/** The rows of a family. */
export function family(rows: Readonly<Record<string, Architecture>>): Family {
  return new Map(Object.entries(rows));
}

type Extra = Partial<Omit<Architecture, "memory" | "source">>;

/** Rows of one kind; `source` is the file below llama.cpp's src/ that the rest is from. */
function rowsWith(memory: MemoryKind) {
  return (source: string, extra: Extra = {}): Architecture => ({
    purpose: "text",
    ...extra,
    memory,
    source,
  });
}

/** A row of keys and values. */
export const attentionCache = rowsWith("attention");
/** A row of a state alone. */
export const recurrentState = rowsWith("recurrent");
/** A row of keys and values beside a state. */
export const attentionAndState = rowsWith("hybrid");
/** A row of a window of raw keys and compressed keys behind it. */
export const compressedCache = rowsWith("compressed");
/** A row of a model that keeps nothing between batches. */
export const noMemory = rowsWith("none");

/**
 * `predictionLayersSkipped` of those whose experts may have gates and what goes up in one matrix,
 * which is loaded even where the rest of a layer isn't (`create_tensor_gate_up_exps`).
 */
export const ALL_BUT_FUSED_EXPERTS = /^(?!.*\.ffn_gate_up_exps\.)/;
