import { assertEquals } from "@std/assert";
import type { Device, FootprintOptions } from "../../src/llama_cpp/options.ts";
import { checkJson } from "../../src/report/check_json.ts";
import { type EstimateEntry, estimateJsonEntry } from "../../src/report/estimate/estimate_json.ts";
import { gb, inRam, machine, matrix, SEED_TOTAL_GB, validate } from "../budget/cases.ts";
import { MODEL, MODEL_BYTES, MODEL_FOOTPRINT, MODEL_PARTS } from "./cases.ts";

Deno.test("check json: the documented keys in their order, whole bytes", () => {
  const memory = machine(SEED_TOTAL_GB, 31, {
    warnings: [{ code: "memory-high", message: "memory.high is below memory.max" }],
  });
  const validation = {
    ...validate(matrix([8, 10, undefined], { footprint: MODEL_FOOTPRINT }), memory, {
      safetyMarginPercent: 60,
    }),
    recommendations: [{
      kind: "changes" as const,
      changes: { ramLimits: [{ role: "observer" as const, bytes: gb(8), text: "8.0" }] },
      requiredBytes: gb(12),
    }],
  };
  const json = checkJson(validation, "header");
  assertEquals(JSON.parse(JSON.stringify(json)), {
    schema: "brainjar.check/1",
    verdict: "fail",
    criterion: "working-set",
    mode: "matrix",
    estimator: "header",
    memory: {
      totalBytes: gb(SEED_TOTAL_GB),
      availableBytes: gb(31),
      sources: memory.sources,
    },
    safetyMarginPercent: 60,
    usableBytes: Math.floor(gb(SEED_TOTAL_GB) * 40 / 100),
    requiredBytes: gb(18) + gb(5.4) - 2 * gb(4.8),
    sharedWeightBytes: 2 * gb(4.8),
    pools: [{
      id: "ram",
      kind: "ram",
      totalBytes: gb(SEED_TOTAL_GB),
      availableBytes: gb(31),
      sources: memory.sources,
      usableBytes: Math.floor(gb(SEED_TOTAL_GB) * 40 / 100),
      requiredBytes: gb(18) + gb(5.4) - 2 * gb(4.8),
      sharedBytes: 2 * gb(4.8),
    }],
    instances: [
      instance("subject", gb(8), gb(8)),
      instance("observer", gb(10), gb(10)),
      instance("god", null, gb(5.4)),
    ],
    issues: [{
      code: "over-reserved",
      message: "Total requirements (13.80 GB) exceed safe threshold (12.50 GB) by 1.30 GB",
    }],
    warnings: [
      {
        code: "large-instance",
        message: "Instance 'subject' requires 8.00 GB which is >50% of safe threshold",
      },
      {
        code: "large-instance",
        message: "Instance 'observer' requires 10.00 GB which is >50% of safe threshold",
      },
      { code: "memory-high", message: "memory.high is below memory.max" },
    ],
    recommendations: [{
      message: "Reduce RAM limits: --ram-limit-observer 8.0 (12.00 GB required)",
      flags: ["--ram-limit-observer 8.0"],
    }],
  });
  assertEquals(Object.keys(json), [
    "schema",
    "verdict",
    "criterion",
    "mode",
    "estimator",
    "memory",
    "safetyMarginPercent",
    "usableBytes",
    "requiredBytes",
    "sharedWeightBytes",
    "pools",
    "instances",
    "issues",
    "warnings",
    "recommendations",
  ]);
  const [first] = json.instances;
  assertEquals(Object.keys(first ?? {}), [
    "id",
    "role",
    "model",
    "ramLimitBytes",
    "floorBytes",
    "footprintBytes",
    "requiredBytes",
    "pools",
  ]);
  assertEquals(
    json.instances.reduce((sum, one) => sum + one.requiredBytes, 0) - json.sharedWeightBytes,
    json.requiredBytes,
  );
});

function instance(id: string, ramLimitBytes: number | null, requiredBytes: number) {
  return {
    id,
    role: id,
    model: "/models/brain.gguf",
    ramLimitBytes,
    floorBytes: gb(1.2),
    footprintBytes: gb(5.4),
    ...inRam({ requiredBytes }),
  };
}

Deno.test("estimate json: the documented keys in their order, an error in its model's place", () => {
  const options: FootprintOptions = {
    mmap: true,
    contextSize: 4096,
    batchSize: 512,
    sequences: 1,
    flashAttention: false,
    kvCacheKeyType: "F16",
    kvCacheValueType: "Q8_0",
  };
  const error = { code: "model-not-found", message: "Model file not found: a.gguf", hint: "No" };
  const entries: EstimateEntry[] = [
    {
      model: { ...MODEL, secret: 1 } as typeof MODEL,
      options,
      footprint: {
        estimator: "header",
        confidence: "bound",
        notes: ["A note"],
        bytes: MODEL_BYTES,
        resident: MODEL_PARTS,
      },
    },
    { path: "a.gguf", error },
  ];
  const json = { schema: "brainjar.estimate/1", estimates: entries.map(estimateJsonEntry) };
  assertEquals(JSON.parse(JSON.stringify(json)), {
    schema: "brainjar.estimate/1",
    estimates: [
      {
        model: MODEL,
        options: { ...options, gpu: "off", gpuLayers: 0, devices: [] },
        estimator: "header",
        confidence: "bound",
        notes: ["A note"],
        bytes: MODEL_BYTES,
        pools: [{ id: "ram", bytes: RAM_BYTES }],
        resident: [...MODEL_PARTS],
      },
      {
        model: { path: "a.gguf" },
        error: { code: "model-not-found", message: "Model file not found: a.gguf" },
      },
    ],
  });
  const keys = JSON.stringify(json).matchAll(/"(\w+)":/g);
  assertEquals(
    [...keys].map((match) => match[1]).slice(0, 38).join(" "),
    "schema estimates model path name architecture parameters quantization trainContextLength " +
      "fileBytes parts options contextSize batchSize sequences flashAttention kvCacheKeyType " +
      "kvCacheValueType mmap gpu gpuLayers devices estimator confidence notes bytes weights kvCache recurrentState compute output " +
      "repacked vocabulary runtime floor workingSet peak pools",
  );
});

Deno.test("estimate json: a pool for each device, its thinking with what the backend holds", () => {
  const device = (id: string, weights: number) => ({
    ...{ id, weights, kvCache: 4, recurrentState: 3, compute: 2, runtime: 30, thinking: 5 },
  });
  const of = (id: string): Device => ({ id, backend: "cuda", freeBytes: 1, isUnified: false });
  const options: FootprintOptions = {
    ...{ contextSize: 4096, batchSize: 512, sequences: 1, flashAttention: true, mmap: true },
    kvCacheKeyType: "F16",
    kvCacheValueType: "F16",
    offload: { devices: [of("cuda:0"), of("cuda:1")], gpuLayers: 21 },
  };
  const json = estimateJsonEntry({
    model: MODEL,
    options,
    footprint: {
      estimator: "header",
      confidence: "exact",
      notes: [],
      bytes: MODEL_BYTES,
      resident: MODEL_PARTS,
      devices: [device("cuda:0", 100), device("cuda:1", 200)],
    },
  });
  assertEquals(
    "pools" in json && [json.options.gpu, json.options.gpuLayers, json.options.devices],
    [
      "cuda",
      21,
      ["cuda:0", "cuda:1"],
    ],
  );
  const bytes = (weights: number) => {
    const all = weights + 44;
    return {
      ...{ weights, kvCache: 4, recurrentState: 3, compute: 2, output: 0, runtime: 35 },
      ...{ floor: all, workingSet: all, peak: all },
    };
  };
  assertEquals("pools" in json && json.pools, [
    { id: "ram", bytes: RAM_BYTES },
    { id: "cuda:0", bytes: bytes(100) },
    { id: "cuda:1", bytes: bytes(200) },
  ]);
});

const { repacked: _, vocabulary: __, ...RAM_BYTES } = MODEL_BYTES;
