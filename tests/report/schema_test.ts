import { assertEquals } from "@std/assert";
import { z } from "zod";
import type { RunEvent } from "../../src/experiment/events.ts";
import { type CheckJson, checkJson } from "../../src/report/check_json.ts";
import { type EstimateJson, estimateJson } from "../../src/report/estimate_json.ts";
import { CHECK_JSON_SCHEMA, CHECK_SCHEMA } from "../../src/report/schema/check.ts";
import { ESTIMATE_JSON_SCHEMA, ESTIMATE_SCHEMA } from "../../src/report/schema/estimate.ts";
import { RUN_EVENT_SCHEMA, RUN_SCHEMA } from "../../src/report/schema/event.ts";
import { VALIDATION_SCHEMA } from "../../src/report/schema/validation.ts";
import { MODEL, MODEL_BYTES } from "./cases.ts";
import { FAILED, HOSTILE, PASSED } from "./ci_cases.ts";

/** A type as JSON has it: nothing is readonly, and what may be undefined is left out. */
type AsJson<Value> = Value extends readonly (infer Item)[] ? AsJson<Item>[]
  : Value extends object ? Flat<
      & {
        -readonly [Key in keyof Value as undefined extends Value[Key] ? never : Key]: AsJson<
          Value[Key]
        >;
      }
      & {
        -readonly [Key in keyof Value as undefined extends Value[Key] ? Key : never]?: AsJson<
          Exclude<Value[Key], undefined>
        >;
      }
    >
  : Value;

type Flat<Value> = { [Key in keyof Value]: Value[Key] };

/** `true` where each of two types takes the other. */
type Same<One, Other> = [One] extends [Other] ? [Other] extends [One] ? true : false : false;

// Checked by the type checker: a schema and the type it stands for can't drift apart.
const SAME: readonly true[] = [
  true satisfies Same<AsJson<CheckJson>, AsJson<z.infer<typeof CHECK_JSON_SCHEMA>>>,
  true satisfies Same<AsJson<EstimateJson>, AsJson<z.infer<typeof ESTIMATE_JSON_SCHEMA>>>,
  true satisfies Same<AsJson<RunEvent>, AsJson<z.infer<typeof RUN_EVENT_SCHEMA>>>,
];
// And it does see a difference.
const DIFFERENT: readonly false[] = [
  false satisfies Same<{ a: 1; b?: 2 }, { a: 1; b: 2 }>,
  false satisfies Same<AsJson<CheckJson>, Omit<z.infer<typeof CHECK_JSON_SCHEMA>, "mode">>,
];

Deno.test("schema: types and schemas are held together by the type checker", () => {
  assertEquals([SAME.length, DIFFERENT.length], [3, 2]);
});

Deno.test("schema: check's answers, and no key that the schema doesn't know", () => {
  for (const validation of [FAILED, HOSTILE, PASSED]) {
    const answer = JSON.parse(JSON.stringify(checkJson(validation, "header")));
    assertEquals(CHECK_JSON_SCHEMA.parse(answer), answer);
    const whole = JSON.parse(JSON.stringify(validation));
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
  const answer = JSON.parse(JSON.stringify(estimateJson([
    {
      model: MODEL,
      options,
      footprint: { estimator: "exact", confidence: "exact", notes: [], bytes: MODEL_BYTES },
    },
    { path: "a.gguf", error },
  ])));
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
