import { assertEquals } from "@std/assert";
import type { DeathCause } from "../../src/experiment/jar/death_cause.ts";
import { deathBy, type ProcessEnd } from "../../src/jar_process/process_end.ts";

const SRUN_KILLED = "srun: Force Terminated StepId=4.0\nsrun: error: node1: task 0: Killed\n";
const SRUN_MEMORY =
  "srun: error: node1: task 0: Out Of Memory\nslurmstepd-node1: error: Detected " +
  "1 oom-kill event(s) in StepId=4.0. Some of your processes may have been killed.\n";

const ENDS: readonly [end: Partial<ProcessEnd>, cause: DeathCause, detail: string | undefined][] = [
  [{ signal: "SIGKILL", code: 137 }, "killed", undefined],
  [{ signal: "SIGKILL", code: 137, kernelKilled: true }, "out-of-memory", undefined],
  // Somebody else's process was ended for memory: this one crashed.
  [{ signal: "SIGSEGV", code: 139, kernelKilled: true }, "crashed", "SIGSEGV"],
  [
    { signal: "SIGABRT", code: 134, said: "a\nGGML_ASSERT(x) failed\n" },
    "crashed",
    "SIGABRT: GGML_ASSERT(x) failed",
  ],
  // What V8 was seen to say under `ulimit -v 1000000`: no memory would help.
  [
    {
      code: 133,
      signal: "SIGTRAP",
      said: "#\n# Fatal process out of memory: Oilpan: CagedHeap reservation.\n#\n",
    },
    "exited",
    "its address space is limited (ulimit -v): brainjar needs 49 GB of it to start",
  ],
  // What Slurm's srun was seen to answer.
  [{ code: 137, said: SRUN_KILLED }, "killed", "srun: error: node1: task 0: Killed"],
  [{ code: 1, said: SRUN_MEMORY }, "out-of-memory", "srun: error: node1: task 0: Out Of Memory"],
  [
    { code: 134, said: "srun: error: node1: task 0: Aborted (core dumped)\n" },
    "crashed",
    "SIGABRT: srun: error: node1: task 0: Aborted (core dumped)",
  ],
  [
    { code: 139, said: "task 0: Segmentation fault" },
    "crashed",
    "SIGSEGV: task 0: Segmentation fault",
  ],
  // Who typed it wrongly is told what was wrong, by podman, kubectl and docker.
  [
    { code: 125, said: "Error: unknown flag: --nosuch\nSee 'podman run --help'\n" },
    "exited",
    "exit code 125: Error: unknown flag: --nosuch",
  ],
  [
    { code: 1, said: "Error: unknown flag: --nosuch\nSee 'kubectl run --help' for usage.\n" },
    "exited",
    "exit code 1: Error: unknown flag: --nosuch",
  ],
  [
    {
      code: 125,
      said:
        "unknown flag: --nosuch\n\nUsage:  docker run\n\nRun 'docker run --help' for more information\n",
    },
    "exited",
    "exit code 125: unknown flag: --nosuch",
  ],
  // A step that was cancelled and doesn't end when it is asked to: the code is 0.
  [
    {
      code: 0,
      said:
        "slurmstepd-node1: error: *** STEP 9.0 ON node1 CANCELLED AT 2026-11-27T05:19:16 ***\n" +
        "srun: error: Timed out waiting for job step to complete\n",
    },
    "terminated",
    "slurmstepd-node1: error: *** STEP 9.0 ON node1 CANCELLED AT 2026-11-27T05:19:16 ***",
  ],
  [
    {
      code: 143,
      bye: "signal",
      said:
        "slurmstepd-node1: error: *** STEP 9.0 ON node1 CANCELLED AT X DUE TO PREEMPTION ***\n" +
        "srun: error: node1: task 0: Terminated\n",
    },
    "preempted",
    "slurmstepd-node1: error: *** STEP 9.0 ON node1 CANCELLED AT X DUE TO PREEMPTION ***",
  ],
  [
    { code: 0, said: "srun: error: Node failure on node2\nsrun: Job step aborted\n" },
    "node-failed",
    "srun: error: Node failure on node2",
  ],
  [{ code: 7 }, "exited", "exit code 7"],
  // Ended for closing its stdout: how is no news then.
  [{ signal: "SIGKILL", closed: "stdout" }, "exited", "it closed its stdout"],
  [{ signal: "SIGTERM", closed: "stdin" }, "exited", "it closed its stdin"],
  [{ closed: "stdout", said: "a\nno room\n" }, "exited", "it closed its stdout: no room"],
  [{}, "exited", "without a word"],
  [{ code: 143, bye: "signal" }, "terminated", undefined],
  [{ code: 0, bye: "silence" }, "silent", "it heard nothing from here"],
  [{ signal: "SIGKILL", silentMilliseconds: 30_400 }, "silent", "for 30 s"],
];

for (const [end, cause, detail] of ENDS) {
  Deno.test(`how a process ended: ${JSON.stringify(end)} is ${cause}`, () => {
    const death = deathBy({ said: "", ...end });
    assertEquals([death.cause, death.detail], [cause, detail]);
  });
}
