import type { Validation } from "../../src/budget/validation.ts";
import type { FootprintBytes } from "../../src/footprint/footprint.ts";
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

/** A report on jars that all use `MODEL`. */
export function reportOn(validation: Validation): ValidationReport {
  return {
    validation,
    estimator: "header",
    models: [MODEL],
    instances: validation.instances.map(({ id }) => ({
      id,
      contextSize: 4096,
      bytes: MODEL_BYTES,
      confidence: "exact",
    })),
  };
}
