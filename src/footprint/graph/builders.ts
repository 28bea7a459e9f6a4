import type { Builder } from "./builder.ts";
import { DELTA_ATTENTION_BUILDERS } from "./families/delta_attention.ts";
import { DELTA_NET_BUILDERS } from "./families/delta_net.ts";
import { buildGemma4 } from "./families/gemma.ts";
import { buildGemma3n } from "./families/gemma3n.ts";
import { INDEXED_BUILDERS } from "./families/indexed.ts";
import { LATENT_BUILDERS } from "./families/latent.ts";
import { buildMiniMax01 } from "./families/minimax.ts";
import { buildMiniMaxM3 } from "./families/minimax_m3.ts";
import { PARALLEL_BUILDERS } from "./families/parallel.ts";
import { buildQwen4Exp } from "./families/qwen4exp.ts";
import { RWKV_BUILDERS } from "./families/rwkv.ts";
import { STATE_SPACE_BUILDERS } from "./families/state_space.ts";
import { TRANSFORMER_BUILDERS } from "./families/transformer_rows.ts";
import { UNUSUAL_BUILDERS } from "./families/unusual.ts";

/** What builds the graph of each architecture that llama.cpp v0.4.0 generates text with. */
export const BUILDERS: ReadonlyMap<string, (b: Builder) => void> = new Map<
  string,
  (b: Builder) => void
>([
  ...TRANSFORMER_BUILDERS,
  ...PARALLEL_BUILDERS,
  ...STATE_SPACE_BUILDERS,
  ...UNUSUAL_BUILDERS,
  ...LATENT_BUILDERS,
  ...DELTA_NET_BUILDERS,
  ...DELTA_ATTENTION_BUILDERS,
  ...INDEXED_BUILDERS,
  ...RWKV_BUILDERS,
  ["minimax-01", buildMiniMax01],
  ["minimax-m3", buildMiniMaxM3],
  ["gemma3n", buildGemma3n],
  ["qwen4exp", buildQwen4Exp],
  ["gemma4", buildGemma4],
]);
