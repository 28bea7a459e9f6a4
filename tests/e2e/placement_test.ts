import { assert, assertEquals, assertMatch } from "@std/assert";
import { PLACEMENT_JSON_SCHEMA } from "../../src/report/schema/placement.ts";
import { DEMO_BRAIN, runBrainjar } from "./program.ts";

const file = await Deno.makeTempFile({ suffix: ".jsonc" });
await Deno.writeTextFile(
  file,
  JSON.stringify({
    jars: Array.from(
      { length: 600 },
      (_, at) => ({ name: `jar-${at}`, contextSize: 512 + at % 3 }),
    ),
    policy: { loadHeadroom: 0, allocationHeadroom: 0 },
  }),
);
addEventListener("unload", () => Deno.removeSync(file));

const plan = (...args: readonly string[]) =>
  runBrainjar(["plan", "--jars", file, ...DEMO_BRAIN, ...args]);

Deno.test("plan --machines: more jars than one process has are placed, each once", async () => {
  const { code, stdout } = await plan("--machines", "1GB*120", "--json");
  assertEquals(code, 0);
  const { verdict, machines, leastBytes, usedBytes } = PLACEMENT_JSON_SCHEMA.parse(
    JSON.parse(stdout),
  );
  assertEquals(verdict, "pass");
  const placed = machines.flatMap(({ jars }) => jars.map(({ id }) => id));
  assertEquals(new Set(placed).size, 600);
  assert(usedBytes <= leastBytes * 1.02);
});

Deno.test("plan --machines: what has no place is exit code 1, and stdout the answer alone", async () => {
  const { code, stdout, stderr } = await plan("--machines", "1GB*3");
  assertEquals(code, 1);
  assertEquals(stderr, "");
  assertMatch(stdout, /PLACEMENT FAILED/);
  assertMatch(stdout, /Would hold those for which there is no room: \d+ more of 1GB/);
});

const WRONG: readonly [args: readonly string[], code: string][] = [
  [["--machines", "40*16GB"], "invalid-value"],
  [["--machines", "16GB", "--devices", "cuda=8GB"], "conflicting-flags"],
  [["--machines", "16GB", "--for", "slurm"], "conflicting-flags"],
  [["--machines", "16GB", "--estimator", "engine"], "conflicting-flags"],
];

for (const [args, code] of WRONG) {
  Deno.test(`plan ${args.join(" ")} is refused`, async () => {
    const { code: exit, stdout, stderr } = await plan(...args, "--json");
    assertEquals(exit, 2);
    assertEquals(JSON.parse(stdout).error.code, code);
    assertMatch(stderr, /^error: /);
  });
}
