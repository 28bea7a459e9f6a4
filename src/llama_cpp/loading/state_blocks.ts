import type { LayerLoader, Loader } from "./loader.ts";
import { NEEDED, type Presence } from "./loader.ts";

/** Sizes of a state (`ssm.*`), with the number of its groups where the architecture reads it. */
export function stateKeys(l: Loader, groups: "with-groups" | "without-groups" = "with-groups") {
  l.key("ssm.conv_kernel");
  l.key("ssm.inner_size");
  l.key("ssm.state_size");
  l.key("ssm.time_step_rank");
  if (groups === "with-groups") l.key("ssm.group_count");
}

/** Mamba's inner size is always twice the embedding's. */
export function demandDoubled(l: Loader): void {
  const { innerSize } = l.hyperparameters.stateSpace;
  l.demand(
    innerSize === 2 * l.embedding,
    `its inner size of ${innerSize} isn't twice its embedding length of ${l.embedding}`,
  );
}

/** `whole` must be `parts` equal parts, or llama.cpp ends the process. */
function demandParts(l: Loader, whole: number, parts: number, what: string): void {
  const divides = parts > 0 && whole % parts === 0;
  l.demand(divides, `its inner size of ${whole} isn't ${parts} equal ${what}`);
}

/** One layer's Mamba state (`build_mamba_layer`), with norms where the architecture has them. */
export function mamba(layer: LayerLoader, norms: "norms" | "no-norms" = "no-norms"): void {
  const { embedding: width, hyperparameters: { stateSpace } } = layer.model;
  const { convolutionKernel, innerSize: inner, stateSize: state, timeStepRank } = stateSpace;
  layer.need("ssm_in.weight", width, 2 * inner);
  layer.need("ssm_conv1d.weight", convolutionKernel, inner);
  layer.need("ssm_conv1d.bias", inner);
  layer.need("ssm_x.weight", inner, timeStepRank + 2 * state);
  layer.need("ssm_dt.weight", timeStepRank, inner);
  layer.need("ssm_dt.bias", inner);
  layer.need("ssm_a", state, inner);
  layer.need("ssm_d", inner);
  layer.need("ssm_out.weight", inner, width);
  if (norms === "no-norms") return;
  layer.need("ssm_dt_norm.weight", timeStepRank);
  layer.need("ssm_b_norm.weight", state);
  layer.need("ssm_c_norm.weight", state);
}

/**
 * One layer's Mamba-2 state (`build_mamba2_layer`). Where llama.cpp loads one without the bias of
 * its convolution, it ends the process at the first graph.
 */
export function mamba2(layer: LayerLoader, norm: Presence = NEEDED): void {
  const { model } = layer;
  const { embedding: width, hyperparameters: { stateSpace } } = model;
  const { convolutionKernel, innerSize: inner, stateSize, groupCount: groups } = stateSpace;
  const heads = stateSpace.timeStepRank;
  demandParts(model, inner, heads, "heads");
  demandParts(model, inner, groups, "groups");
  const convolved = inner + 2 * groups * stateSize;
  layer.need("ssm_in.weight", width, inner + convolved + heads);
  layer.need("ssm_conv1d.weight", convolutionKernel, convolved);
  layer.need("ssm_conv1d.bias", convolved);
  layer.need("ssm_dt.bias", heads);
  layer.need("ssm_a", 1, heads);
  layer.need("ssm_d", 1, heads);
  layer.take(norm, "ssm_norm.weight", inner / groups, groups);
  layer.need("ssm_out.weight", inner, width);
}

/** One layer's state of PLaMo-2 (`build_plamo2_mamba_layer`). */
export function plamo2Mamba(layer: LayerLoader): void {
  const { model } = layer;
  const { embedding: width, hyperparameters: { stateSpace } } = model;
  const { convolutionKernel, innerSize: inner, stateSize: state, timeStepRank } = stateSpace;
  const narrow = Math.max(64, Math.floor(width / 16));
  demandParts(model, inner, timeStepRank, "heads");
  model.demand(
    stateSpace.groupCount === 0,
    "its state has groups, and this architecture's has none",
  );
  layer.need("ssm_in.weight", width, 2 * inner);
  layer.need("ssm_conv1d.weight", convolutionKernel, inner);
  layer.need("ssm_x.weight", inner, narrow + 2 * state);
  layer.need("ssm_dt.weight", narrow, timeStepRank);
  layer.need("ssm_dt.bias", timeStepRank);
  layer.need("ssm_a", timeStepRank);
  layer.need("ssm_d", timeStepRank);
  layer.need("ssm_out.weight", inner, width);
  layer.need("ssm_dt_norm", narrow);
  layer.need("ssm_b_norm", state);
  layer.need("ssm_c_norm", state);
}
