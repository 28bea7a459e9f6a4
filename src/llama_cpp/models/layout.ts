import type { ArchitectureLayout, MemoryKind } from "../hyperparameters/architecture_layout.ts";

type Extra = Partial<Omit<ArchitectureLayout, "memory" | "source">>;

function layout(memory: MemoryKind, source: string, extra: Extra): ArchitectureLayout {
  return { purpose: "text", ...extra, memory, source };
}

/** A row of keys and values; `source` is the file below llama.cpp's src/ that the rest is from. */
export function attention(source: string, extra: Extra = {}): ArchitectureLayout {
  return layout("attention", source, extra);
}

/** A row of a state alone. */
export function recurrent(source: string, extra: Extra = {}): ArchitectureLayout {
  return layout("recurrent", source, extra);
}

/** A row of keys and values beside a state. */
export function hybrid(source: string, extra: Extra = {}): ArchitectureLayout {
  return layout("hybrid", source, extra);
}

/** A row of a window of raw keys and compressed keys behind it. */
export function compressed(source: string, extra: Extra = {}): ArchitectureLayout {
  return layout("compressed", source, extra);
}

/** A row of a model that keeps nothing between batches. */
export function memoryless(source: string, extra: Extra = {}): ArchitectureLayout {
  return layout("none", source, extra);
}
