import { defined } from "../../budget/defined.ts";
import type { Footprint } from "../../footprint/footprint.ts";
import type { FootprintOptions } from "../../llama_cpp/options.ts";
import type { ModelDescription } from "../../gguf/describe_model.ts";
import { pick } from "../pick.ts";
import type { ESTIMATE_JSON_SCHEMA } from "../schema/estimate.ts";
import type { Shape } from "../schema/shape.ts";

/** One model of `estimate` that could be answered. */
export interface EstimatedModel {
  readonly model: ModelDescription;
  readonly options: FootprintOptions;
  readonly footprint: Pick<
    Footprint,
    "estimator" | "confidence" | "notes" | "bytes" | "resident" | "dryLoad"
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
  const { model, options, footprint: { estimator, confidence, notes, bytes, resident, dryLoad } } =
    entry;
  return {
    model: { ...pick(model, MODEL_KEYS), ...defined({ file: model.file }) },
    options: pick(options, OPTION_KEYS),
    estimator,
    confidence,
    notes,
    ...defined({ dryLoad }),
    bytes: pick(bytes, BYTES_KEYS),
    resident: resident.map((part) => pick(part, ["part", "floor", "workingSet"])),
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

const BYTES_KEYS = [
  ...["weights", "kvCache", "recurrentState", "compute", "output", "repacked"] as const,
  ...["vocabulary", "runtime", "floor", "workingSet", "peak"] as const,
];
