import type { Builder } from "../builder.ts";
import { F32, I32, type Shape, type Tensor } from "../../ggml/tensor.ts";
import { activate, type Activation } from "./feed_forward.ts";

type Gating = "softmax" | "sigmoid" | "softmax-weight" | "sqrt-softplus";

/** `expert_gating_func` by number (llama-hparams.h), from 1 on. */
const GATINGS: readonly Gating[] = ["softmax", "sigmoid", "softmax-weight", "sqrt-softplus"];

/** What rows say of a mixture; a softmax with its weights divided by their sum unless said. */
export interface Routing {
  /** Which gating function the router has: one of llama.cpp's, or the one that the header names. */
  readonly gating?: Gating | "header" | undefined;
  /** The one of a header that names none; a softmax unless said. */
  readonly defaultGating?: Gating | undefined;
  /**
   * The router's weights are divided by their sum: always unless said. Where the header says it, it
   * also says what they are scaled by.
   */
  readonly weightsNorm?: boolean | "header" | undefined;
  /** The header says the second alone. */
  readonly weightsScale?: "header" | undefined;
  /** Llama 4 weighs the tokens before the experts. */
  readonly weighsFirst?: boolean | undefined;
  /** Router takes the sigmoid of the logits to select (grovemoe) or the logits themselves (llama4). */
  readonly selectsBy?: "probabilities" | "logits" | "sigmoid" | undefined;
}

interface ExpertOptions extends Routing {
  readonly activation?: Activation;
  /** Router's result, where the caller has computed it. */
  readonly logits?: Tensor;
  readonly selected?: Tensor | undefined;
  readonly count?: number;
  readonly used?: number;
  readonly names?: ExpertNames;
  /** Experts share chunks of weights: indices are divided (grovemoe). */
  readonly chunked?: boolean;
}

interface ExpertNames {
  readonly up: string;
  readonly gate: string;
  readonly down: string;
  readonly gateUp?: string;
}

const NAMES: ExpertNames = {
  up: "ffn_up_exps",
  gate: "ffn_gate_exps",
  down: "ffn_down_exps",
  gateUp: "ffn_gate_up_exps",
};

/** `build_lora_mm_id`, with the scale of each expert where the architecture uses the file's. */
function multiplyById(b: Builder, name: string, x: Tensor, ids: Tensor): Tensor {
  const { graph } = b;
  let y = graph.multiplyMatrixById(b.need(name), x, ids);
  const scale = b.hyperparameters.rules.scalesExperts ? b.model.findScale(name) : undefined;
  if (scale !== undefined) {
    const rows = graph.repeat(graph.reshape(scale, 1, scale.n0, 1), 1, scale.n0, x.n2);
    y = graph.multiply(y, graph.getRows(rows, ids));
  }
  const bias = b.model.findBias(name);
  return bias === undefined ? y : graph.like("ADD_ID", y, bias, ids);
}

/** What the router's logits become. */
function probabilitiesOf({ graph }: Builder, gating: Gating, logits: Tensor): Tensor {
  switch (gating) {
    case "softmax":
      return graph.softMax(logits);
    case "sigmoid":
      return graph.unary("SIGMOID", logits);
    case "softmax-weight":
      return logits;
    case "sqrt-softplus":
      return graph.squareRoot(graph.unary("SOFTPLUS", logits));
  }
}

function selectGroups(b: Builder, probabilities: Tensor, count: number): Tensor {
  const { graph, tokens } = b;
  const { groupCount, groupUsedCount } = b.hyperparameters.experts;
  const perGroup = count / groupCount;
  const groups = graph.reshape(probabilities, perGroup, groupCount, tokens);
  let scores = graph.argsortTop(groups, 2);
  scores = graph.getRows(graph.reshape(groups, 1, perGroup, groupCount, tokens), scores);
  scores = graph.sumRows(graph.reshape(scores, scores.n1, scores.n2, scores.n3));
  scores = graph.reshape(scores, scores.n1, scores.n2);
  const best = graph.argsortTop(scores, groupUsedCount);
  const kept = graph.getRows(groups, best);
  const masked = graph.setRows(graph.fill(groups), kept, best);
  return graph.reshape(masked, count, tokens);
}

/** A mixture of experts (llama-graph.cpp, `build_moe_ffn`). */
export function mixtureOfExperts(
  b: Builder,
  layer: number,
  input: Tensor,
  options: ExpertOptions = {},
): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  const { experts } = b.hyperparameters;
  const { weightsNorm = true } = options;
  const isScaled = weightsNorm === "header" || options.weightsScale === "header";
  const gating = options.gating === "header"
    ? GATINGS[experts.gatingFunction - 1] ?? options.defaultGating ?? "softmax"
    : options.gating ?? "softmax";
  const names = options.names ?? NAMES;
  const width = input.n0;
  const tokens = input.n1;
  const count = options.count ?? experts.count;
  const used = options.used ?? experts.usedCounts[layer] ?? 1;

  const logits = options.logits ?? b.multiply(`${prefix}ffn_gate_inp`, input);
  let probabilities = probabilitiesOf(b, gating, logits);

  let selection = probabilities;
  const bias = b.model.findBias(`${prefix}exp_probs_b`) ?? b.weight(`${prefix}exp_probs_b`);
  if (bias !== undefined) selection = graph.add(probabilities, bias);
  if (options.selectsBy === "logits") selection = logits;
  if (options.selectsBy === "sigmoid") selection = graph.unary("SIGMOID", logits);
  if (experts.groupCount > 1) selection = selectGroups(b, selection, count);

  let selected = options.selected ?? graph.argsortTop(selection, used);
  if (options.chunked === true) {
    const divided = graph.scale(graph.cast(selected, F32));
    selected = graph.cast(divided, I32);
    probabilities = graph.reshape(probabilities, 1, experts.count, tokens);
  } else {
    probabilities = graph.reshape(probabilities, 1, count, tokens);
  }
  let weights = graph.getRows(probabilities, selected);
  if (gating === "softmax-weight") {
    weights = graph.softMax(graph.reshape(weights, used, tokens));
    weights = graph.reshape(weights, 1, used, tokens);
  }
  if (weightsNorm === "header" ? experts.weightsNorm : weightsNorm) {
    weights = graph.reshape(weights, used, tokens);
    const sum = graph.clamp(graph.sumRows(weights));
    weights = graph.reshape(graph.divide(weights, sum), 1, used, tokens);
  }
  if (isScaled && experts.weightsScale !== 0 && experts.weightsScale !== 1) {
    weights = graph.scale(weights);
  }
  graph.expand(weights);

  let x = graph.reshape(input, width, 1, tokens);
  if (options.weighsFirst === true) {
    x = graph.multiply(graph.repeat(x, width, used, tokens), weights);
  }
  const down = expertRows(b, layer, { x, selected }, options);
  let out = multiplyById(b, prefix + names.down, down, selected);
  if (options.weighsFirst !== true) out = graph.multiply(out, weights);
  graph.expand(out);
  return sumExperts(b, out, [width, tokens], experts.usedCounts[layer] ?? used);
}

function expertRows(
  b: Builder,
  layer: number,
  { x, selected }: { readonly x: Tensor; readonly selected: Tensor },
  { activation = "silu", names = NAMES }: ExpertOptions,
): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  if (names.gateUp !== undefined && b.has(prefix + names.gateUp)) {
    const both = multiplyById(b, prefix + names.gateUp, x, selected);
    const half = [both.n0 / 2, both.n1, both.n2];
    const gate = graph.view(both, half, both.s1, both.s2);
    return activate(b, activation, { gate, up: graph.view(both, half, both.s1, both.s2), layer });
  }
  const up = multiplyById(b, prefix + names.up, x, selected);
  const gate = b.has(prefix + names.gate)
    ? multiplyById(b, prefix + names.gate, x, selected)
    : undefined;
  return activate(b, activation, { gate, up, clampKey: "swiglu_clamp_exp", layer });
}

function sumExperts(b: Builder, out: Tensor, shape: Shape, used: number): Tensor {
  const { graph } = b;
  const parts: Tensor[] = [];
  for (let index = 0; index < used; index++) {
    parts.push(graph.expand(graph.view(out, shape, out.s2)));
  }
  let sum = parts[0] ?? out;
  for (const part of parts.slice(1)) sum = graph.expand(graph.add(sum, part));
  return used === 1 ? graph.contiguous(sum) : sum;
}
