import { assertEquals } from "@std/assert";
import { z } from "zod";
import type { Validation } from "../../src/budget/validation.ts";
import { recommendationJson } from "../../src/report/recommendation.ts";
import { checkJson } from "../../src/report/check_json.ts";
import { type EstimateEntry, estimateJsonEntry } from "../../src/report/estimate/estimate_json.ts";
import { CHECK_JSON_SCHEMA, CHECK_SCHEMA } from "../../src/report/schema/check.ts";
import { machineJson } from "../../src/report/reservation_json.ts";
import { ESTIMATE_JSON_SCHEMA, ESTIMATE_SCHEMA } from "../../src/report/schema/estimate.ts";
import { RUN_SCHEMA } from "../../src/report/schema/event.ts";
import { VALIDATION_SCHEMA } from "../../src/report/schema/validation.ts";
import { MODEL, MODEL_BYTES, MODEL_PARTS } from "./cases.ts";
import { FAILED, HOSTILE, PASSED } from "./ci_cases.ts";

// Types come from the schemas, but for the core's own: the compiler holds these together.
const _core: (
  validation: z.infer<typeof VALIDATION_SCHEMA>,
) => Omit<Validation, "memory" | "recommendations"> = (
  validation,
) => validation;

Deno.test("schema: check's answers, and no key that the schema doesn't know", () => {
  for (const validation of [FAILED, HOSTILE, PASSED]) {
    const answer = JSON.parse(JSON.stringify(checkJson(validation, "header")));
    assertEquals(CHECK_JSON_SCHEMA.parse(answer), answer);
    const recommendations = validation.recommendations.map((one) =>
      recommendationJson(one, validation)
    );
    const whole = JSON.parse(JSON.stringify({
      ...validation,
      memory: machineJson(validation.memory),
      recommendations,
    }));
    assertEquals(VALIDATION_SCHEMA.parse(whole), whole);
  }
});

Deno.test("schema: estimate's answers", () => {
  const options = {
    contextSize: 4096,
    batchSize: 512,
    sequences: 1,
    flashAttention: true,
    kvCacheKeyType: "F16",
    kvCacheValueType: "Q8_0",
    mmap: true,
  } as const;
  const error = { code: "model-not-found", message: "Model file not found: a.gguf" };
  const entries: EstimateEntry[] = [
    {
      model: MODEL,
      options,
      footprint: {
        estimator: "engine",
        confidence: "exact",
        notes: [],
        bytes: MODEL_BYTES,
        resident: MODEL_PARTS,
        dryLoad: { modelBytes: 1, contextBytes: 2, leftOutBytes: 3 },
      },
    },
    { path: "a.gguf", error },
  ];
  const estimates = entries.map(estimateJsonEntry);
  const answer = JSON.parse(JSON.stringify({ schema: "brainjar.estimate/1", estimates }));
  assertEquals(ESTIMATE_JSON_SCHEMA.parse(answer), answer);
});

Deno.test("schema: an error in the answer's place, and nothing else", () => {
  const failure = { error: { code: "unknown-flag", message: "Unknown flag", hint: "See --help" } };
  for (const schema of [CHECK_SCHEMA, ESTIMATE_SCHEMA, RUN_SCHEMA]) {
    assertEquals(schema.parse(failure), failure);
    assertEquals(schema.safeParse({}).success, false);
    assertEquals(
      z.toJSONSchema(schema).$schema,
      "https://json-schema.org/draft/2020-12/schema",
    );
  }
});
