import { assertEquals } from "@std/assert";
import { sharedBytes } from "../../src/report/shared_bytes.ts";
import { gb, jar, machine, matrix, validate } from "../budget/cases.ts";
import { MODEL_FOOTPRINT, reportOn } from "./cases.ts";

const OPTIONS = { footprint: MODEL_FOOTPRINT };
const WEIGHTS = gb(5.4) - gb(1.2);

Deno.test("shared bytes: weights of jars on one model, and the rest of what is counted once", () => {
  for (const criterion of ["working-set", "floor"] as const) {
    for (
      const jars of [matrix([], OPTIONS), matrix([8, 9, 10], OPTIONS), [jar("subject", OPTIONS)]]
    ) {
      const validation = validate(jars, machine(64), { criterion });
      const { weights, process } = sharedBytes(reportOn(validation));
      assertEquals(weights + process, validation.sharedWeightBytes);
      assertEquals(weights, criterion === "floor" ? 0 : (jars.length - 1) * WEIGHTS);
    }
  }
});

Deno.test("shared bytes: none where weights aren't shared, nor by jars on other models", () => {
  const alone = validate(matrix([], OPTIONS), machine(64), { shareWeights: false });
  assertEquals(sharedBytes(reportOn(alone)).weights, 0);
  const jars = [jar("subject", OPTIONS), jar("god", { ...OPTIONS, model: "/models/other.gguf" })];
  const others = validate(jars, machine(64));
  assertEquals(sharedBytes(reportOn(others)).weights, 0);
});

Deno.test("shared bytes: where no part is known, all of it is weights", () => {
  const validation = validate(matrix([], OPTIONS), machine(64));
  const { weights, process } = sharedBytes({ ...reportOn(validation), instances: [] });
  assertEquals([weights, process], [validation.sharedWeightBytes, 0]);
});
