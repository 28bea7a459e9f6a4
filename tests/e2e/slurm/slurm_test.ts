import { assert, assertEquals, assertMatch } from "@std/assert";
import { shellWord } from "../../../src/report/shell_word.ts";
import { brainjarArguments, ROOT } from "../program.ts";
import {
  comesTrue,
  groupOf,
  jobsOf,
  type Line,
  MATRIX,
  occupy,
  type Of,
  processesOf,
  SINGLE,
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

slurmTest(
  "a node that is cut off, and a run that is killed with all that starts its jars",
  async (slurm) => {
    const log = `${slurm.folder}/log.jsonl`;
    // Room for one jar is left on the first node until all are there.
    const other = await occupy(slurm, "node1", 450);
    const run = new SlurmRun(slurm, [...MATRIX, "--log", log]);
    await run.until("thought", ({ id }) => id === "god");
    await slurm.ask("scancel", other);
    const single = new SlurmRun(slurm, SINGLE);
    const alone = await single.until("loaded");
    await single.until("thought");
    const placed = [...run.events, alone].filter((event) => event.event === "loaded");
    assertEquals(placed.map(({ host }) => host), ["node1", "node2", "node2", "node1"]);

    const ids = placed.map(({ host = "", job = "" }) => processesOf(slurm, host, job));
    const [subject = [], ...left] = await Promise.all(ids);
    assert([subject, ...left].every(({ length }) => length > 0), "Each jar has processes");
    for (const id of [single.processId, ...single.launchers]) Deno.kill(id, "SIGKILL");
    await slurm.cable("node2", "down");

    const back = await Promise.all(
      ["observer", "god"].map((id) =>
        run.until("resurrection", (event) => event.id === id && isUnusual(event))
      ),
    );
    assertEquals(
      back.map(({ host }) => host),
      ["node1", "node1"],
    );
    const deaths = run.events.filter((event) => event.event === "death").filter(isUnusual);
    assertEquals(deaths.map(({ id }) => id).toSorted(), ["god", "observer"]);
    assert(deaths.every(({ cause }) => cause === "node-failed" || cause === "silent"));
    // What nobody asks any more ends by itself, though Slurm keeps its stdin open.
    await comesTrue(() => !left.flat().some(isThere));
    assert(subject.some(isThere), "The others go on");
    Deno.kill(run.processId, "SIGINT");
    assertEquals((await run.end()).code, 130);
    const kept = (await Deno.readTextFile(log)).trim().split("\n").map((line) => JSON.parse(line));
    const wordsOf = (lines: readonly Line[]) =>
      lines.filter((line) => line.event === "thought").map((
        { id, turn, text },
      ) => [id, turn, text]);
    assertEquals(wordsOf(kept), wordsOf(run.events));
  },
);

slurmTest(
  "scancel of a jar's job is a death; of the job that the run is, the end of everything",
  async (slurm) => {
    const log = `${slurm.folder}/log.jsonl`;
    const script = `${slurm.folder}/job.sh`;
    const words = [Deno.execPath(), ...brainjarArguments([...MATRIX, "--log", log])];
    await Deno.writeTextFile(script, `#!/bin/sh\nexec ${words.map(shellWord).join(" ")}\n`);
    const options = [`--chdir=${ROOT}`, `--output=${slurm.folder}/out`];
    const job = await slurm.ask("sbatch", "--parsable", "--mem=1900", ...options, script);
    const lines = async () => {
      const text = await Deno.readTextFile(log).catch(() => "");
      return text.split("\n").slice(0, -1).map((line): Line => JSON.parse(line));
    };
    const has = (isIt: (line: Line) => boolean) =>
      comesTrue(async () => {
        const all = await lines();
        if (all.some(isIt)) return true;
        const isOver = all.some(({ event }) => event === "end");
        if (isOver) throw new Error(await Deno.readTextFile(`${slurm.folder}/out`));
        return false;
      });
    await has(({ event, ...line }) => event === "thought" && "id" in line && line.id === "god");
    // The step of the first jar.
    await slurm.ask("scancel", `${job.trim()}.0`);
    await has((line) => line.event === "resurrection" && isUnusual(line));
    const [death] = (await lines()).filter((line) => line.event === "death").filter(isUnusual);
    assertEquals([death?.id, death?.cause], ["subject", "terminated"]);

    await slurm.ask("scancel", job.trim());
    await comesTrue(async () => (await jobsOf(slurm)).length === 0);
    const end = (await lines()).at(-1);
    assertEquals([end?.event, end?.event === "end" && end.reason], ["end", "stopped"]);
    assertMatch(await Deno.readTextFile(`${slurm.folder}/out`), /still reserved: 0 bytes/);
  },
  [{ name: "node1", memoryMib: 2000 }],
);

/** Whether a process is there. */
function isThere(id: number): boolean {
  try {
    return Deno.readTextFileSync(`/proc/${id}/stat`).split(" ")[2] !== "Z";
  } catch {
    return false;
  }
}
