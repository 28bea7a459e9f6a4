import { z } from "zod";
import type { InstanceDemand } from "../../budget/demand.ts";
import { CRITERIA } from "../../budget/demand.ts";
import type { Policy } from "../../budget/policy.ts";
import type { EstimatedFile } from "../../engine/estimated_file.ts";
import type { FileRange } from "../../footprint/sparse_ranges.ts";
import { KV_CACHE_TYPES } from "../../llama_cpp/ggml/types.ts";
import { type FootprintOptions, GPU_BACKENDS } from "../../llama_cpp/options.ts";
import { bytes, layersOnDevices, poolId, role } from "./common.ts";

const shared = z.object({ floorBytes: bytes, workingSetBytes: bytes });

/** What the jar needs, as the one who planned it found out. */
const demand = z.object({
  id: z.string().min(1),
  role,
  model: z.string().describe("The name that people know the model by"),
  ramLimitBytes: bytes.exactOptional(),
  gpuLayers: layersOnDevices.exactOptional(),
  footprint: z.object({
    floorBytes: bytes,
    workingSetBytes: bytes,
    shared: shared.describe("What a second jar on the same loaded model wouldn't need again"),
    loading: z.object({
      bytes,
      lastingBytes: bytes,
      processBytes: bytes,
      kernelBytes: bytes.exactOptional(),
      programBytes: bytes.exactOptional(),
    }).exactOptional(),
    devices: z.array(z.object({
      id: poolId,
      bytes,
      sharedBytes: bytes,
      processBytes: bytes,
      thinkingBytes: bytes.exactOptional(),
    })).exactOptional(),
    allocated: z.object({
      untouchedBytes: bytes,
      processBytes: bytes,
      mappedBytes: bytes,
      addressSpaceBytes: bytes,
      openingBytes: bytes,
    }).exactOptional(),
  }),
}) satisfies z.ZodType<InstanceDemand>;

const device = z.object({
  id: poolId,
  backend: z.enum(GPU_BACKENDS),
  freeBytes: bytes,
  isUnified: z.boolean(),
  alignment: z.number().exactOptional(),
  largestBufferBytes: z.number().exactOptional(),
  largestTensorBytes: z.number().exactOptional(),
  breaksFlashAttention: z.literal(true).exactOptional(),
  computeCapability: z.number().exactOptional(),
  multiprocessors: z.number().exactOptional(),
  contextBytes: bytes.exactOptional(),
});

const options = z.object({
  contextSize: z.int().min(1),
  batchSize: z.int().min(1),
  sequences: z.int().min(1),
  flashAttention: z.boolean(),
  kvCacheKeyType: z.enum(KV_CACHE_TYPES),
  kvCacheValueType: z.enum(KV_CACHE_TYPES),
  mmap: z.boolean(),
  offload: z.object({ devices: z.array(device), gpuLayers: z.int().min(0) }).exactOptional(),
}) satisfies z.ZodType<FootprintOptions>;

const policy = z.object({
  safetyMarginPercent: z.number().min(0).lt(100),
  allocationHeadroomBytes: bytes.min(0),
  loadHeadroomBytes: bytes.min(0),
  criterion: z.enum(CRITERIA),
  shareWeights: z.boolean(),
}) satisfies z.ZodType<Policy>;

const file = z.object({ path: z.string(), fileBytes: bytes }) satisfies z.ZodType<EstimatedFile>;

const range = z.object({
  path: z.string(),
  start: bytes,
  end: bytes,
}) satisfies z.ZodType<FileRange>;

/** The whole jar, as `load` tells it. */
export const jarLoad = {
  demand,
  options: options.describe("How its model is loaded and its context made"),
  files: z.array(file).min(1).describe("Its model's, with the sizes that were planned with"),
  sparse: z.array(range).exactOptional()
    .describe("What of the files a token reads only here and there"),
  processor: z.object({
    architecture: z.enum(["x86_64", "aarch64", "other"]),
    features: z.array(z.string()),
    threads: z.int().min(1),
  }).exactOptional()
    .describe("What it was planned for; on another it is estimated anew. Absent: it isn't"),
  policy,
  promptFormat: z.enum(["auto", "raw", "chat"]),
  gpu: z.enum(["off", ...GPU_BACKENDS]).describe("What computes beside the processor"),
  limitBytes: bytes.exactOptional()
    .describe("What the launcher was asked to hold its process to; absent where it wasn't"),
  limits: z.object({
    stallMilliseconds: z.number().min(1).exactOptional(),
    watchMilliseconds: z.number().min(1).exactOptional(),
    shortWatchMilliseconds: z.number().min(1).exactOptional(),
    renewMilliseconds: z.number().min(1).exactOptional(),
    graceMilliseconds: z.number().min(1).exactOptional(),
    disposalMilliseconds: z.number().min(1).exactOptional(),
    hurriedDisposalMilliseconds: z.number().min(1).exactOptional(),
  }).exactOptional(),
  patienceMilliseconds: z.number().min(0).exactOptional()
    .describe("How long others have to go first where its machine runs short of memory"),
};
