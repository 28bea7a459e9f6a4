import { assertEquals } from "@std/assert";
import { warningsOf } from "../../src/report/message.ts";
import { jar, machine, matrix, validate } from "../budget/cases.ts";
import { MODEL_FOOTPRINT } from "./cases.ts";

const OPTIONS = { footprint: MODEL_FOOTPRINT };
const SENTENCE = "requires 5.40 GB which is >50% of safe threshold";

Deno.test("warnings: once for jars on one model", () => {
  const told = (ids: readonly string[]) =>
    warningsOf(validate(ids.map((id) => jar(id, OPTIONS)), machine(10, 9)))
      .map(({ id, message }) => [id, message]);
  assertEquals(told(["subject"]), [["subject", `Instance 'subject' ${SENTENCE}`]]);
  assertEquals(told(["subject", "god"]), [
    ["subject", `Instance 'subject' ${SENTENCE}, and so does 'god' on its model`],
  ]);
  assertEquals(told(["subject", "observer", "god"]), [
    ["subject", `Instance 'subject' ${SENTENCE}, and so do 'observer' and 'god' on its model`],
  ]);
});

Deno.test("warnings: one each for other models and for other amounts", () => {
  const models = [jar("subject", OPTIONS), jar("god", { ...OPTIONS, model: "/m/other.gguf" })];
  assertEquals(warningsOf(validate(models, machine(10, 9))).length, 2);
  assertEquals(warningsOf(validate(matrix([undefined, 6, 7], OPTIONS), machine(10, 9))).length, 3);
});

Deno.test("warnings: those of the machine are all told", () => {
  const warnings = [{ code: "a", message: "A" }, { code: "a", message: "A" }];
  assertEquals(warningsOf(validate([jar("subject")], machine(64, 64, { warnings }))).length, 2);
});
