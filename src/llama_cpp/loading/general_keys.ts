import type { Loader } from "./loader.ts";

/**
 * The keys that llama.cpp reads for every architecture (llama-model.cpp, `load_hparams`). Where it
 * ends the process instead of refusing, the header is refused here.
 */
export function loadGeneralKeys(l: Loader): void {
  l.typed("general.name", "string");
  l.key("context_length");
  l.key("embedding_length");
  l.mayKey("embedding_length_out");
  l.mayKey("attention.causal");
  l.mayKey("pooling_type");
  l.key("block_count");
  l.mayKey("nextn_predict_layers");
  l.mayKey("expert_count");
  l.mayLayerKey("expert_used_count");
  l.mayKey("expert_group_count");
  l.mayKey("expert_group_used_count");
  checkExperts(l);
  l.mayLayerKey("feed_forward_length");
  l.mayLayerKey("attention.head_count");
  l.mayLayerKey("attention.head_count_kv");
  l.mayKey("rope.scaling.finetuned");
  l.mayKey("rope.scaling.original_context_length");
  l.mayKey("rope.freq_base");
  l.mayKey("rope.scaling.type");
  const scaling = l.value("rope.scaling.type");
  l.demand(
    scaling === undefined || ["none", "linear", "yarn", "longrope"].includes(String(scaling)),
    `it scales rope by ${JSON.stringify(String(scaling))}, which llama.cpp doesn't know`,
  );
  if (!l.mayKey("rope.scaling.factor")) l.mayKey("rope.scale_linear");
  l.mayKey("rope.scaling.attn_factor");
  l.mayKey("rope.scaling.alpha");
  if (l.heads() > 0) {
    l.mayKey("attention.key_length");
    l.mayKey("attention.value_length");
    l.mayKey("rope.dimension_count");
  }
  l.mayKey("attention.key_length_swa");
  l.mayKey("attention.value_length_swa");
  l.mayKey("rope.dimension_count_swa");
  l.mayArray("classifier.output_labels", "string");
}

/** The most experts that a layer uses, by the header alone. */
function mostUsed(l: Loader): number {
  const value = l.value("expert_used_count");
  if (typeof value !== "object") return Number(value ?? 0);
  return Math.max(0, ...(value.values ?? []).map(Number));
}

function checkExperts(l: Loader): void {
  const { rules, experts: { count, groupCount, groupUsedCount } } = l.hyperparameters;
  const used = count === 0 && rules.singleExpertIsDense ? 0 : mostUsed(l);
  l.demand(used <= count, `it uses ${used} of ${count} experts`);
  if (count === 0) return l.demand(groupCount === 0, "it has groups of experts and no expert");
  l.demand(used > 0, "it uses none of its experts");
  l.demand(groupCount < count, `it has ${groupCount} groups of ${count} experts`);
  if (groupCount <= 1) return;
  l.demand(
    count % groupCount === 0 && count >= 2 * groupCount,
    `its ${count} experts aren't ${groupCount} equal groups of two or more`,
  );
  l.demand(
    groupUsedCount > 0 && groupUsedCount < groupCount,
    `it uses ${groupUsedCount} of ${groupCount} groups of experts`,
  );
}
