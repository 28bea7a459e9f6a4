import { assertEquals, assertMatch } from "@std/assert";
import { issueMessage } from "../../../src/report/message.ts";
import { ROOT } from "../program.ts";
import { jobsOf, MATRIX, SINGLE, SlurmRun, slurmTest } from "./slurm_run.ts";

// What keeps a jar from starting on a real Slurm, and how it is said.

slurmTest("what keeps a jar from starting is said, with what Slurm says of it", async (slurm) => {
  const cases: readonly [words: string, code: number, said: RegExp][] = [
    ["--partition=nope", 1, /'subject' asks slurm for .*, which offers no machine/],
    ["--nodelist=node9", 3, /Invalid node name specified/],
    ["--gpus=1", 3, /Invalid generic resource \(gres\) specification/],
    ["--mem=10G", 3, /Requested node configuration is not available/],
    ["--hold", 3, /didn't start 'subject' within 3 s.*PENDING \(JobHeldUser\)/],
  ];
  await Promise.all(cases.map(async ([words, code, said]) => {
    const launcher = ["--launcher", `slurm ${words}`, "--start-timeout", "3s"];
    const run = new SlurmRun(slurm, [...SINGLE, ...launcher, "--turns", "1"]);
    const ended = await run.end();
    const told = run.events.flatMap((event) =>
      event.event === "validation"
        ? event.validation.issues.map(issueMessage)
        : event.event === "warning"
        ? [`${event.message} ${event.hint ?? ""}`]
        : []
    );
    assertEquals(ended.code, code, words);
    assertMatch(`${run.rest} ${told.at(-1)}`, said);
  }));
  assertEquals(await jobsOf(slurm), []);
});

slurmTest(
  "a node without the model, and one with another brainjar, are named before anything starts",
  async (slurm) => {
    const folder = `${slurm.folder}/models`;
    await Deno.mkdir(folder);
    const model = `${folder}/brain.gguf`;
    await Deno.copyFile(`${ROOT}fixtures/demo-brain.gguf`, model);
    await slurm.askOn("node2", "mount", "-t", "tmpfs", "none", folder);
    const there = ["--launcher-god", "slurm --nodelist=node2", "--model", model];
    const missing = new SlurmRun(slurm, [...MATRIX, ...there, "--turns", "1"]);
    assertEquals((await missing.end()).code, 2);
    assertEquals(
      (await missing.until("warning")).message,
      `Model file not found on node2: ${model}`,
    );
    assertEquals(missing.events.some(({ event }) => event === "thought"), false);

    const settings = `${ROOT}deno.json`;
    const older = (await Deno.readTextFile(settings)).replace(
      /"version": "[^"]*"/,
      '"version": "0.0.9"',
    );
    await Deno.writeTextFile(`${slurm.folder}/deno.json`, older);
    await slurm.askOn("node1", "mount", "--bind", `${slurm.folder}/deno.json`, settings);
    const other = new SlurmRun(slurm, [...SINGLE, "--launcher", "slurm --nodelist=node1"]);
    assertEquals((await other.end()).code, 2);
    assertMatch(
      (await other.until("warning")).message,
      /^'subject' is brainjar 0\.0\.9 .* on node1/,
    );
  },
);
