import { BrainjarError } from "../../budget/error.ts";
import { formatAmount } from "../../budget/size.ts";
import { cpuBackend } from "../ggml/backends/cpu.ts";
import type { Home } from "../ggml/home.ts";
import type { Graph } from "../ggml/graph.ts";
import { schedule, type Scheduled } from "../ggml/scheduler/schedule.ts";
import type { Tensor } from "../ggml/tensor.ts";
import type { BytesByPlace, PlacedMemory } from "../memory/placed_memory.ts";
import type { FootprintOptions, Offload } from "../options.ts";
import { upperBound } from "./bound.ts";
import { type GraphBuilder, MissingWeight } from "./builder.ts";
import { type Confidence, unknownGraph } from "./compute.ts";
import { EVERY_LAYER } from "./layers.ts";
import { Model } from "./model.ts";
import { buildGraph, type GraphSource, type PlannedGraph } from "./planned_graph.ts";
import {
  FUSED_OPERATIONS,
  type FusedOperation,
  planBatch,
  type PlannedBatch,
} from "./planned_batch.ts";

/** Compute buffers by where they lie, and how far they can be trusted. */
export interface ComputeByPlace extends BytesByPlace {
  /**
   * What RAM's comes to in a load: the graph of single tokens may need more there, since it copies no
   * weights onto devices, and no dry load asks for it.
   */
  readonly loadedRam: number;
  /**
   * Parts of the graph that each device computes one after the other: where layers' weights are in
   * RAM, nearly every weight begins one (ggml-backend.cpp, `ggml_backend_sched_split_graph`). Those of
   * any step of more than `SMALL_BATCH` tokens.
   */
  readonly parts: readonly number[];
  readonly confidence: Confidence;
  readonly notes: readonly string[];
}

/** Tokens below which the CPU's norms stay where their layer is (llama-context.cpp, `graph_get_cb`). */
const SMALL_BATCH = 32;

/** Batches overlap where several devices have all layers and all of them can (llama-context.cpp). */
function isPipelined({ backends, placement }: PlacedMemory): boolean {
  return backends.length > 1 && placement.isWhole && backends.every(({ overlaps }) => overlaps);
}

/** Tells each tensor of a graph that isn't computed where it lies. */
function settle(graph: Graph, { backends, placement, bufferOfWeight }: PlacedMemory): void {
  const cpu = backends.length;
  const onDevice = (isWeight: boolean) =>
    backends.map((_, backend): Home => ({ backend, isWeight, isHost: false, isPinned: false }));
  const inRam = (isWeight: boolean, isHost: boolean, isPinned: boolean): Home => ({
    backend: cpu,
    isWeight,
    isHost,
    isPinned,
  });
  const weights = {
    devices: onDevice(true),
    pinned: inRam(true, true, true),
    mapped: inRam(true, true, false),
    plain: inRam(true, true, false),
    repacked: inRam(true, false, false),
  };
  const caches = { devices: onDevice(false), ram: inRam(false, true, false) };
  const homeOf = ({ weightName, layer }: Tensor): Home | undefined => {
    if (weightName === undefined) {
      const place = placement.layers[layer];
      return place === undefined ? caches.ram : caches.devices[place];
    }
    const buffer = bufferOfWeight(weightName, layer);
    return typeof buffer === "number" ? weights.devices[buffer] : weights[buffer];
  };
  for (const leaf of graph.leafs) if (leaf.isExternal) leaf.home = homeOf(leaf);
}

/**
 * One graph on its backends, the CPU's last.
 *
 * @param isReal for a load; a dry load forgets which norms are to stay where their layer is before
 * it measures (ggml-backend.cpp, `ggml_backend_sched_reserve_size`), and needs no less
 */
function scheduled(
  graph: Graph,
  memory: PlacedMemory,
  tokens: number,
  isReal = false,
): Scheduled {
  const { backends, placement } = memory;
  const cpu = backends.length;
  settle(graph, memory);
  const pins = isReal && (placement.isWhole || tokens < SMALL_BATCH);
  return schedule(graph, {
    backends: [...backends, cpuBackend(backends[0]?.hostBuffer)],
    pipelined: isPipelined(memory),
    ...(pins
      ? {
        pinned: ({ layer, isExternal }: Tensor) =>
          layer < 0 || isExternal ? undefined : placement.layers[layer] ?? cpu,
      }
      : {}),
  });
}

/** Weights that one part of a graph may copy onto a device. */
const COPIED_WEIGHTS = 3;

/** Parts for each weight in RAM, at most: what is computed of two of them is seldom one more. */
const PARTS_OF_WEIGHT = 2;

/** A size that each device's compute buffer stays below: the bound, and weights that are copied there. */
function boundOnDevices(
  planned: PlannedGraph,
  { weights, backends }: PlacedMemory,
): Pick<ComputeByPlace, "ram" | "devices" | "parts"> {
  const bytes = Math.ceil(upperBound(planned.model, planned.plan));
  const inRam = weights.filter(({ device }) => device === undefined);
  const copied = inRam.map(({ bytes }) => bytes).sort((a, b) => b - a).slice(0, COPIED_WEIGHTS)
    .reduce((sum, one) => sum + one, 0);
  return {
    ram: bytes,
    devices: backends.map(() => bytes + copied),
    parts: backends.map(() => PARTS_OF_WEIGHT * inRam.length),
  };
}

/**
 * Operations of a graph that a device with layers can't compute, so that llama.cpp makes them of
 * smaller ones (llama-context.cpp, `resolve_fused_ops`).
 */
function missingOperations(
  { nodes }: Graph,
  { backends, placement }: PlacedMemory,
): ReadonlySet<FusedOperation> {
  const used = backends.filter((_, device) => placement.layers.includes(device));
  return new Set(
    FUSED_OPERATIONS.filter((operation) =>
      nodes.some((node) => node.op === operation && used.some((backend) => !backend.supports(node)))
    ),
  );
}

/** The graph as the devices can compute it. */
function graphFor(
  build: GraphBuilder,
  makeModel: () => Model,
  plan: PlannedBatch,
  memory: PlacedMemory,
): Graph | MissingWeight {
  const all = { attempt: EVERY_LAYER };
  const graph = buildGraph(build, makeModel(), plan, all);
  if (graph instanceof MissingWeight) return graph;
  const unfused = missingOperations(graph, memory);
  return unfused.size === 0 ? graph : buildGraph(build, makeModel(), { ...plan, unfused }, all);
}

/**
 * Throws a BrainjarError of code `cache-too-large` where a device can't even look at a cache that would
 * lie on it, which ends llama.cpp's process (ggml-backend.cpp, `_backend_id_from_cur`).
 */
function checkCaches(
  { leafs }: Graph,
  { devices }: Offload,
  { backends }: PlacedMemory,
): void {
  for (const leaf of leafs) {
    const { home, layer } = leaf;
    if (home === undefined || home.isWeight) continue;
    const device = devices[home.backend];
    if (device === undefined || backends[home.backend]?.supports(leaf) !== false) continue;
    throw new BrainjarError(
      "cache-too-large",
      `The cache of layer ${layer} has a tensor of ${formatAmount(leaf.bytes)}, more than ` +
        `${device.id} computes with at once`,
      { hint: "Use a smaller --context-size, --kv-cache-type q8_0, or --gpu-layers 0" },
    );
  }
}

/** Bytes in RAM of the graph of a token a sequence; 0 where everything lies on devices. */
function ramOfSingleTokens(
  build: GraphBuilder | undefined,
  makeModel: () => Model,
  plan: PlannedBatch,
  memory: PlacedMemory,
): number {
  if (build === undefined || memory.placement.isWhole) return 0;
  const { sequences } = plan;
  const single = { ...plan, tokens: sequences, outputs: sequences };
  const graph = graphFor(build, makeModel, single, memory);
  if (graph instanceof MissingWeight) return 0;
  return scheduled(graph, memory, sequences, true).bytes.at(-1) ?? 0;
}

/** A planned graph, and what is computed where. */
export interface DeviceGraph {
  readonly planned: PlannedGraph;
  readonly compute: ComputeByPlace;
}

/**
 * Plans the graph that llama.cpp reserves its buffers for, and places it on the devices and in pinned
 * RAM. Throws a BrainjarError of code `cache-too-large`.
 */
export function planOnDevices(
  source: GraphSource,
  options: FootprintOptions & { readonly offload: Offload },
  memory: PlacedMemory,
): DeviceGraph {
  const { shape, header, build } = source;
  const { layers } = memory.placement;
  // A graph's weights are its own: they know that they are in it.
  const makeModel = () => new Model(shape, header, (layer) => layers[layer] ?? -1);
  const model = makeModel();
  const plan = planBatch(shape, options);
  const graph = build === undefined ? undefined : graphFor(build, makeModel, plan, memory);
  if (graph !== undefined && !(graph instanceof MissingWeight)) {
    const { bytes, parts } = scheduled(graph, memory, plan.tokens);
    checkCaches(graph, options.offload, memory);
    const ram = bytes.at(-1) ?? 0;
    const compute = {
      ram,
      loadedRam: Math.max(ram, ramOfSingleTokens(build, makeModel, plan, memory)),
      devices: bytes.slice(0, -1),
      parts: memory.backends.map((_, index) => parts.filter((part) => part === index).length),
      confidence: "exact" as const,
      notes: [],
    };
    return { planned: { source, model, plan }, compute };
  }
  const planned = {
    source,
    model,
    plan,
    ...(graph === undefined ? {} : { missingWeight: graph.weightName }),
  };
  const bound = boundOnDevices(planned, memory);
  return { planned, compute: { ...bound, loadedRam: bound.ram, ...unknownGraph(planned) } };
}
