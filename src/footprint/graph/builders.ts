import type { Builder } from "./builder.ts";
import { PARALLEL_BUILDERS } from "./families/parallel.ts";
import { TRANSFORMER_BUILDERS } from "./families/transformer_rows.ts";

/** What builds the graph of each architecture that llama.cpp v0.4.0 generates text with. */
export const BUILDERS: ReadonlyMap<string, (b: Builder) => void> = new Map([
  ...TRANSFORMER_BUILDERS,
  ...PARALLEL_BUILDERS,
]);
