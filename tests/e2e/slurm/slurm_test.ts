import { assert, assertEquals } from "@std/assert";
import { jobsOf, MATRIX, occupy, SlurmRun, slurmTest } from "./slurm_run.ts";

// A run whose jars are started by a real Slurm, on the demo brain. Nothing is waited for by a clock:
// what is waited for comes, or the test hangs and says where.

slurmTest("three jars on two nodes talk", async (slurm) => {
  // Room for one jar is left on the first.
  await occupy(slurm, "node1", 450);
  const run = new SlurmRun(slurm, [...MATRIX, "--turns", "3"]);
  const { code, stderr } = await run.end();
  assertEquals(code, 0, stderr);
  const loaded = run.events.filter((event) => event.event === "loaded");
  assertEquals(loaded.map(({ host }) => host), ["node1", "node2", "node2"]);
  assert(loaded.every(({ job }) => /^slurm:\d+$/.test(job ?? "")), JSON.stringify(loaded));
  const said = run.events.filter((event) => event.event === "thought");
  assertEquals(said.length, 9);
  assertEquals(run.events.filter(({ event }) => event === "whisper").length > 0, true);
  const end = run.events.at(-1);
  assertEquals(end?.event === "end" && end.reservedBytes, 0);
  assertEquals(await jobsOf(slurm), ["wrap"]);
});
