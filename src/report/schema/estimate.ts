import { z } from "zod";
import { KV_CACHE_TYPES } from "../../llama_cpp/ggml/types.ts";
import { GPU_BACKENDS } from "../../llama_cpp/options.ts";
import { bytes, estimator, FAILURE_SCHEMA, finding, poolId } from "./common.ts";

const kvCacheType = z.enum(KV_CACHE_TYPES);

/** What `estimate --json` prints where models were estimated. */
export const ESTIMATE_JSON_SCHEMA = z.object({
  schema: z.literal("brainjar.estimate/1"),
  estimates: z.array(z.union([
    z.object({
      model: z.object({
        path: z.string(),
        file: z.string().exactOptional().describe("Where a name in a cache was found"),
        name: z.string(),
        architecture: z.string().nullable(),
        parameters: z.number(),
        quantization: z.string().nullable(),
        trainContextLength: z.number().nullable(),
        fileBytes: bytes,
        parts: z.int(),
      }),
      options: z.object({
        contextSize: z.int(),
        batchSize: z.int(),
        sequences: z.int(),
        flashAttention: z.boolean(),
        kvCacheKeyType: kvCacheType,
        kvCacheValueType: kvCacheType,
        mmap: z.boolean(),
        gpu: z.enum(["off", ...GPU_BACKENDS]).describe("What computes beside the processor"),
        gpuLayers: z.int().describe("Layers on devices, the output counted as one"),
        devices: z.array(poolId),
      }),
      estimator,
      confidence: z.enum(["exact", "bound", "unknown"]),
      notes: z.array(z.string()),
      dryLoad: z.object({
        modelBytes: bytes.describe("Weights in RAM, as the engine's dry load counts them"),
        contextBytes: bytes.describe("KV cache, recurrent state and compute in RAM together"),
        onDevices: z.object({ modelBytes: bytes, contextBytes: bytes }).exactOptional()
          .describe("The same on all devices together"),
        leftOutBytes: bytes.describe("Weights laid out anew that it leaves out"),
      }).exactOptional().describe("With estimator engine alone"),
      bytes: z.object({
        weights: bytes,
        kvCache: bytes,
        recurrentState: bytes,
        compute: bytes,
        output: bytes,
        repacked: bytes,
        vocabulary: bytes,
        runtime: bytes,
        floor: bytes.describe(
          "Anonymous memory at its highest; a group limited below it is killed",
        ),
        workingSet: bytes.describe("The floor and the weights that every token reads"),
        peak: bytes.describe("The floor and all file-backed weights"),
      }),
      pools: z.array(z.object({
        id: poolId,
        bytes: z.object({
          weights: bytes,
          kvCache: bytes,
          recurrentState: bytes,
          compute: bytes,
          output: bytes,
          runtime: bytes.describe("On a device: context, kernels and workspaces of the backend"),
          floor: bytes,
          workingSet: bytes,
          peak: bytes,
        }),
      })).describe("RAM first; on a device floor, workingSet and peak are the same"),
      resident: z.array(z.object({ part: z.string(), floor: bytes, workingSet: bytes }))
        .describe("What floor and workingSet are made of: each is the sum of its column"),
    }),
    z.object({ model: z.object({ path: z.string() }), error: finding })
      .describe("A model that can't be read"),
  ])),
});

/** What `estimate --json` prints. */
export const ESTIMATE_SCHEMA = z.union([ESTIMATE_JSON_SCHEMA, FAILURE_SCHEMA]).meta({
  title: "brainjar estimate --json",
});
