import { assert, assertEquals, assertMatch } from "@std/assert";
import { MEASURED_STAGES, type MeasureJson } from "../../src/report/estimate/measure_text.ts";
import { brainjarCommand, runBrainjar } from "./program.ts";

const LINUX = Deno.build.os === "linux";

async function withHome(test: (env: Record<string, string>) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-measure-" });
  try {
    await test({ BRAINJAR_HOME: folder });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: "measure: every stage, the estimate beside it, and no false floor",
  ignore: !LINUX,
  fn: async () => {
    const { code, stdout, stderr } = await runBrainjar(["measure", "--json"]);
    assertEquals(code, 0, stderr);
    const answer: MeasureJson = JSON.parse(stdout);
    assertEquals(answer.schema, "brainjar.measure/1");
    assertEquals(
      answer.stages.map(({ stage }) => stage),
      MEASURED_STAGES.filter((stage) => stage !== "context gone"),
    );
    const at = (wanted: string) =>
      answer.stages.find(({ stage }) => stage === wanted)?.anonymousBytes ?? NaN;
    assert(at("after dispose") < at("after thinking"), "nothing was given back");
    assert(at("after load") > at("started"));
    assert(
      answer.anonymousPeakBytes <= answer.estimated.floor,
      `${answer.anonymousPeakBytes} of ${answer.estimated.floor}`,
    );
    // The process that tries the engine's library is counted while it lives.
    assert(answer.anonymousPeakBytes > at("engine open") * 1.3);
    assertEquals("savedTo" in answer, false);
  },
});

Deno.test({
  name: "measure --save: later estimates say that they were calibrated",
  ignore: !LINUX,
  fn: async () => {
    await withHome(async (env) => {
      const measured = await runBrainjar(["measure", "--save"], { env });
      assertEquals(measured.code, 0, measured.stderr);
      const [, path] = /^Kept in (.+)$/m.exec(measured.stdout) ?? [];
      assert(path?.startsWith(env["BRAINJAR_HOME"] ?? "-"), measured.stdout);
      const demo = new URL("../../fixtures/demo-brain.gguf", import.meta.url).pathname;
      const estimated = await runBrainjar(["estimate", demo, "--json"], { env });
      const [{ notes }] = JSON.parse(estimated.stdout).estimates;
      assertMatch(notes.join("\n"), /^Calibrated: this model measured \d\.\d+ times/);
      const elsewhere = await runBrainjar(["estimate", demo, "--json", "--no-mmap"], { env });
      assertEquals(JSON.parse(elsewhere.stdout).estimates[0].notes, []);
    });
  },
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test({
    name: `measure: ${signal} ends it with ${code}, nothing on stdout, nothing kept`,
    ignore: !LINUX,
    fn: async () => {
      await withHome(async (env) => {
        const child = brainjarCommand(["measure", "--save"], { env }).spawn();
        // The engine is in memory once its library is mapped.
        const maps = `/proc/${child.pid}/maps`;
        while (!(await Deno.readTextFile(maps)).includes("libllama")) {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        const asked = performance.now();
        child.kill(signal);
        const { code: got, stdout } = await child.output();
        assertEquals(got, code);
        assertEquals(stdout.length, 0);
        assert(performance.now() - asked < 3000);
        assertEquals([...Deno.readDirSync(env["BRAINJAR_HOME"] ?? "")].length, 0);
      });
    },
  });
}
