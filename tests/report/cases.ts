import type { JarFootprint } from "../../src/budget/demand.ts";
import type { Validation } from "../../src/budget/validation.ts";
import type { DeviceBytes, FootprintBytes, ResidentPart } from "../../src/footprint/footprint.ts";
import type { ModelDescription } from "../../src/gguf/describe_model.ts";
import type { ValidationReport } from "../../src/report/validation_report.ts";
import { footprint, gb } from "../budget/cases.ts";

/** 4.80 GB file, 1.2 GB floor, 5.4 GB working set; weights of 4.2 GB are shared. */
export const MODEL_FOOTPRINT = footprint(1.2, 5.4, 0.6, 4.8);

export const MODEL_BYTES: FootprintBytes = {
  weights: gb(4.2),
  kvCache: gb(0.5),
  recurrentState: 0,
  compute: gb(0.1),
  output: 1024,
  repacked: 0,
  vocabulary: gb(0.25),
  runtime: gb(0.35),
  floor: gb(1.2),
  workingSet: gb(5.4),
  peak: gb(5.6),
};

/** What the floor and the working set of `MODEL_BYTES` are made of. */
export const MODEL_PARTS: readonly ResidentPart[] = [
  { part: "mapped", floor: 0, workingSet: gb(5.4) - gb(1.2) },
  ...Object.entries({ cache: gb(0.5), compute: gb(0.05), vocabulary: gb(0.25), runtime: gb(0.35) })
    .map(([part, bytes]): ResidentPart => ({
      part: part as ResidentPart["part"],
      floor: bytes,
      workingSet: bytes,
    })),
  {
    part: "loading",
    floor: gb(1.2) - gb(0.5) - gb(0.05) - gb(0.25) - gb(0.35),
    workingSet: gb(1.2) - gb(0.5) - gb(0.05) - gb(0.25) - gb(0.35),
  },
];

export const MODEL: ModelDescription = {
  path: "/models/brain.gguf",
  name: "Brain 8B",
  architecture: "llama",
  parameters: 8_030_261_312,
  quantization: "Q4_K",
  trainContextLength: 131072,
  fileBytes: gb(4.58),
  parts: 1,
};

/** A footprint of jars on `MODEL` with 21 of its 33 layers on a card. */
export const OFFLOADED: JarFootprint = {
  ...MODEL_FOOTPRINT,
  devices: [{
    id: "cuda:0",
    bytes: gb(4.1),
    sharedBytes: gb(3.3),
    processBytes: gb(0.5),
    thinkingBytes: gb(0.1),
  }],
};

/** What that is made of. */
const DEVICE_BYTES: DeviceBytes = {
  id: "cuda:0",
  weights: gb(3.3) - gb(0.5),
  kvCache: gb(0.4),
  recurrentState: 0,
  compute: gb(4.1) - gb(3.3) - gb(0.4) - gb(0.1),
  runtime: gb(0.5),
  thinking: gb(0.1),
};

/** A report on jars that all use `MODEL`. */
export function reportOn(validation: Validation): ValidationReport {
  return {
    validation,
    estimator: "header",
    models: [MODEL],
    instances: validation.instances.map(({ id, pools }) => ({
      id,
      contextSize: 4096,
      footprint: {
        bytes: MODEL_BYTES,
        resident: MODEL_PARTS,
        ...(pools.length > 1 ? { devices: [DEVICE_BYTES] } : {}),
        confidence: "exact",
        notes: [],
      },
    })),
  };
}
