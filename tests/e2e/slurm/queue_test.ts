import { assertEquals, assertMatch } from "@std/assert";
import type { Slurm } from "../../../fixtures/slurm/start_slurm.ts";
import { comesTrue, jobsOf, MATRIX, occupy, SlurmRun, slurmTest } from "./slurm_run.ts";

// Three jars in the queue of a real Slurm that has no room.

/** Somebody else's jobs, which take both nodes. */
function fill(slurm: Slurm): Promise<string[]> {
  return Promise.all([occupy(slurm, "node1", 590), occupy(slurm, "node2", 290)]);
}

/** Jobs of a run that wait, without what tells two starts of a jar apart. */
async function waiting(slurm: Slurm): Promise<string[]> {
  const text = await slurm.ask("squeue", "--noheader", "--states=PENDING", "--format=%j");
  return text.split("\n").filter((name) => name !== "")
    .map((name) => name.replace(/-[^-]*$/, "")).toSorted();
}

const ALL = ["brainjar-god", "brainjar-observer", "brainjar-subject"];

slurmTest(
  "jars that have to wait stand in the queue together, and begin together",
  async (slurm) => {
    const jobs = await fill(slurm);
    const run = new SlurmRun(slurm, [...MATRIX, "--turns", "2"]);
    await comesTrue(async () => (await waiting(slurm)).join() === ALL.join());
    for (const id of ["subject", "observer", "god"]) {
      const { message } = await run.until(
        "warning",
        (told) => told.code === "jar-waits" && told.id === id,
      );
      assertMatch(message, /waits to be started by slurm: PENDING/);
    }
    assertEquals(run.events.some(({ event }) => event === "allocated"), false);
    await slurm.ask("scancel", ...jobs);
    assertEquals((await run.end()).code, 0);
    assertEquals(
      run.events.flatMap((event) => event.event === "loaded" ? [event.id] : []),
      ["subject", "observer", "god"],
    );
    assertEquals(run.events.filter(({ event }) => event === "thought").length, 6);
    assertEquals(await jobsOf(slurm), []);
  },
);

slurmTest("a run that ends while its jars wait leaves nothing in the queue", async (slurm) => {
  const jobs = await fill(slurm);
  const stopped = new SlurmRun(slurm, [...MATRIX, "--turns", "2"]);
  await comesTrue(async () => (await waiting(slurm)).join() === ALL.join());
  Deno.kill(stopped.processId, "SIGINT");
  assertEquals((await stopped.end()).code, 130);
  await comesTrue(async () => (await waiting(slurm)).length === 0);

  // One of them never gets its node: those that wait aren't waited for.
  const refused = new SlurmRun(slurm, [
    ...MATRIX,
    ...["--turns", "2", "--launcher-god", "slurm --nodelist=node9"],
  ]);
  assertEquals((await refused.end()).code, 3);
  const warnings = refused.events.filter((event) => event.event === "warning");
  assertEquals(warnings.at(-1)?.id, "god");
  assertMatch(`${warnings.at(-1)?.hint}`, /Invalid node name specified/);
  await comesTrue(async () => (await waiting(slurm)).length === 0);

  const late = new SlurmRun(slurm, [...MATRIX, "--start-timeout", "3s"]);
  assertEquals((await late.end()).code, 3);
  await comesTrue(async () => (await waiting(slurm)).length === 0);
  assertEquals((await jobsOf(slurm)).length, jobs.length);
});
