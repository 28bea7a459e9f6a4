import { assertEquals, assertStringIncludes } from "@std/assert";
import { brainjar } from "../../src/cli/brainjar.ts";
import { record } from "./record.ts";

const DEMO = new URL("../../fixtures/demo-brain.gguf", import.meta.url).pathname;

/** A machine that holds many jars on the demo brain. */
const LARGE = ["--total-memory", "16", "--available-memory", "14"];

const CASES: readonly (readonly [argv: readonly string[], code: number, says: string])[] = [
  [["--mode", "matrix", "--only", "god"], 0, "Used by:                  god\n"],
  [["--mode", "matrix", "--only", "goddess"], 2, 'There is no jar "goddess"'],
  [["--mode", "matrix", "--own-limit", "1"], 2, 'Flag "--own-limit" is about one jar'],
  [["--own-limit", "1", "--reserve", "1m"], 2, '"--own-limit" and "--reserve" exclude each other'],
  [["--own-limit", "200MB"], 0, "VALIDATION PASSED"],
  [["--own-limit", "40MB"], 1, "but its RAM limit is 40.00 MB"],
  // A limit of its own that is larger than the jar's is no more for it.
  [["--own-limit", "1", "--ram-limit-subject", "200MB"], 0, "RAM limit:                0.20 GB"],
];

for (const [argv, code, says] of CASES) {
  Deno.test(`one jar: check ${argv.join(" ")}`, async () => {
    const { output, answered, said } = record();
    const words = ["check", "--model", DEMO, ...LARGE, ...argv];
    assertEquals(await brainjar(words, output), code, said());
    assertStringIncludes(answered() + said(), says);
  });
}
