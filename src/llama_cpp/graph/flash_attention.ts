import type { PlacedMemory } from "../memory/placed_memory.ts";
import type { FootprintOptions } from "../options.ts";
import { MissingWeight } from "./builder.ts";
import { EVERY_LAYER } from "./layers.ts";
import { Model } from "./model.ts";
import { buildGraph, type GraphSource } from "./planned_graph.ts";
import { planBatch } from "./planned_batch.ts";

/**
 * Whether flash attention is computed on the devices that the layers are on, as llama.cpp asks where
 * it decides for itself (llama-context.cpp, `resolve_fused_ops`): with one token a sequence, and all
 * layers or none.
 */
export function devicesHaveFlashAttention(
  { shape, header, build }: GraphSource,
  options: FootprintOptions,
  { backends, placement }: Pick<PlacedMemory, "backends" | "placement">,
): boolean {
  const used = backends.filter((_, device) => placement.layers.includes(device));
  if (build === undefined || used.length === 0) return true;
  const plan = planBatch(shape, { ...options, flashAttention: true });
  const { sequences } = plan;
  const graph = buildGraph(
    build,
    new Model(shape, header),
    { ...plan, tokens: sequences, outputs: sequences },
    { attempt: EVERY_LAYER },
  );
  if (graph instanceof MissingWeight) return true;
  return graph.nodes.every((node) =>
    node.op !== "FLASH_ATTN_EXT" || used.every((backend) => backend.supports(node))
  );
}
