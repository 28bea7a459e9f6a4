import { defined } from "../../budget/defined.ts";
import { RAM } from "../../budget/pools/pools.ts";
import type { DeviceBytes, Footprint } from "../../footprint/footprint.ts";
import type { FootprintOptions } from "../../llama_cpp/options.ts";
import type { ModelDescription } from "../../gguf/describe_model.ts";
import { deviceTotal } from "../devices_text.ts";
import { pick } from "../pick.ts";
import type { ESTIMATE_JSON_SCHEMA } from "../schema/estimate.ts";
import type { Shape } from "../schema/shape.ts";

/** One model of `estimate` that could be answered. */
export interface EstimatedModel {
  readonly model: ModelDescription;
  readonly options: FootprintOptions;
  readonly footprint: Pick<
    Footprint,
    "estimator" | "confidence" | "notes" | "bytes" | "resident" | "devices" | "dryLoad"
  >;
}

/** One model of `estimate`, answered or not. */
export type EstimateEntry = EstimatedModel | {
  /** Path, URL or name in a cache as it was given. */
  readonly path: string;
  readonly error: { readonly code: string; readonly message: string };
};

/** One model of `estimate --json` (src/report/README.md, "Output"). All bytes whole. */
type EstimateJsonEntry = Shape<typeof ESTIMATE_JSON_SCHEMA>["estimates"][number];

/** What of it is about a model that could be read. */
type EstimatedPool = Extract<EstimateJsonEntry, { readonly pools: unknown }>["pools"][number];

/**
 * One estimate as `estimate --json` prints it: the keys of src/report/README.md in its order, and no
 * key that the arguments happen to carry besides.
 *
 * @example
 * ```ts
 * import { estimateJsonEntry } from "./estimate_json.ts";
 * const error = { code: "model-not-found", message: "Model file not found: a.gguf" };
 * if (!("error" in estimateJsonEntry({ path: "a.gguf", error }))) throw new Error("An error");
 * ```
 */
export function estimateJsonEntry(entry: EstimateEntry): EstimateJsonEntry {
  if ("error" in entry) {
    const { code, message } = entry.error;
    return { model: { path: entry.path }, error: { code, message } };
  }
  const { model, options, footprint } = entry;
  const { estimator, confidence, notes, bytes, resident, devices = [], dryLoad } = footprint;
  const { offload } = options;
  return {
    model: { ...pick(model, MODEL_KEYS), ...defined({ file: model.file }) },
    options: {
      ...pick(options, OPTION_KEYS),
      gpu: offload?.devices[0]?.backend ?? "off",
      gpuLayers: offload?.gpuLayers ?? 0,
      devices: offload?.devices.map(({ id }) => id) ?? [],
    },
    estimator,
    confidence,
    notes,
    ...defined({ dryLoad }),
    bytes: pick(bytes, BYTES_KEYS),
    pools: [{ id: RAM, bytes: pick(bytes, POOL_KEYS) }, ...devices.map(devicePool)],
    resident: resident.map((part) => pick(part, ["part", "floor", "workingSet"])),
  };
}

/** A device's part: it has no floor beside a working set, and its output lies in RAM. */
function devicePool(device: DeviceBytes): EstimatedPool {
  const { id, runtime, thinking, ...parts } = device;
  const all = deviceTotal(device);
  return {
    id,
    bytes: {
      ...pick(parts, ["weights", "kvCache", "recurrentState", "compute"]),
      output: 0,
      runtime: runtime + thinking,
      ...{ floor: all, workingSet: all, peak: all },
    },
  };
}

const MODEL_KEYS = [
  ...["path", "name", "architecture", "parameters", "quantization"] as const,
  ...["trainContextLength", "fileBytes", "parts"] as const,
];

const OPTION_KEYS = [
  ...["contextSize", "batchSize", "sequences", "flashAttention"] as const,
  ...["kvCacheKeyType", "kvCacheValueType", "mmap"] as const,
];

const POOL_KEYS = [
  ...["weights", "kvCache", "recurrentState", "compute", "output"] as const,
  ...["runtime", "floor", "workingSet", "peak"] as const,
];

const BYTES_KEYS = [
  ...["weights", "kvCache", "recurrentState", "compute", "output", "repacked"] as const,
  ...["vocabulary", "runtime", "floor", "workingSet", "peak"] as const,
];
