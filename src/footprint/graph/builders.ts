import type { Builder } from "./builder.ts";
import { PARALLEL_BUILDERS } from "./families/parallel.ts";
import { STATE_SPACE_BUILDERS } from "./families/state_space.ts";
import { TRANSFORMER_BUILDERS } from "./families/transformer_rows.ts";
import { UNUSUAL_BUILDERS } from "./families/unusual.ts";

/** What builds the graph of each architecture that llama.cpp v0.4.0 generates text with. */
export const BUILDERS: ReadonlyMap<string, (b: Builder) => void> = new Map([
  ...TRANSFORMER_BUILDERS,
  ...PARALLEL_BUILDERS,
  ...STATE_SPACE_BUILDERS,
  ...UNUSUAL_BUILDERS,
]);
