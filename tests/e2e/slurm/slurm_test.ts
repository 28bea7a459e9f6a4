import { assert, assertEquals } from "@std/assert";
import {
  comesTrue,
  groupOf,
  jobsOf,
  MATRIX,
  occupy,
  type Of,
  SlurmRun,
  slurmTest,
} from "./slurm_run.ts";

// A run whose jars are started by a real Slurm, on the demo brain. Nothing is waited for by a clock:
// what is waited for comes, or the test hangs and says where.

/** Contexts are full now and then. */
function isUnusual({ cause }: Of<"death" | "resurrection">): boolean {
  return cause !== "context-full";
}

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

slurmTest(
  "one that passes its limit is killed alone, and comes back on another node",
  async (slurm) => {
    const run = new SlurmRun(slurm, MATRIX);
    const { host, job = "" } = await run.until("loaded", ({ id }) => id === "subject");
    assertEquals(host, "node1");
    await run.until("thought", ({ id }) => id === "god");
    // Nothing new is started on its node.
    await slurm.ask("scontrol", "update", "nodename=node1", "state=drain", "reason=test");
    // What takes memory in its group, and is killed after it.
    const group = await groupOf(slurm, "node1", job);
    const script = `echo -300 > /proc/self/oom_score_adj; echo $$ > ${group}/cgroup.procs`;
    const eater = new Deno.Command("sh", { args: ["-c", `${script}; exec tail /dev/zero`] });
    await eater.output();
    const back = await run.until("resurrection", isUnusual);
    assertEquals([back.id, back.cause, back.host], ["subject", "out-of-memory", "node2"]);
    const { turn } = back;
    await run.until("thought", (thought) => thought.id === "god" && thought.turn > turn);
    const deaths = run.events.filter((event) => event.event === "death").filter(isUnusual);
    assertEquals(deaths.map(({ id, cause }) => [id, cause]), [["subject", "out-of-memory"]]);
    Deno.kill(run.processId, "SIGINT");
    assertEquals((await run.end()).code, 130);
    await comesTrue(async () => (await jobsOf(slurm)).length === 0);
  },
);
