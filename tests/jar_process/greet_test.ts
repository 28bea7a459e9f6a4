import { assertEquals } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { greet, type Greeting } from "../../src/jar_process/greet.ts";
import type { ProcessEnd } from "../../src/jar_process/process_end.ts";
import type { Hello } from "../../src/jar_process/serve_jar.ts";
import { FakeClock } from "../experiment/fake_clock.ts";

const HELLO: Hello = {
  answer: "hello",
  protocol: "brainjar.jar/1",
  version: "1.0.0",
  host: "node2",
  processId: 7,
};

interface Waiting extends Partial<Greeting> {
  /** When it says hello, in milliseconds; never where absent. */
  readonly at?: number;
  /** What the queue says, one look after the other. */
  readonly queue?: readonly string[];
}

/** Greets a process, and what was told meanwhile. */
async function wait({ at, queue = [], ...more }: Waiting) {
  const clock = new FakeClock();
  const told: string[] = [];
  let looks = 0;
  const never = new Promise<Hello | ProcessEnd>(() => {});
  const answer = await greet({
    id: "god",
    launcher: "slurm",
    version: "1.0.0",
    clock,
    milliseconds: 60_000,
    hello: at === undefined ? never : clock.sleep(at).then(() => HELLO),
    said: () => "srun: job 151 queued and waiting for resources\n",
    askQueue: () => Promise.resolve(queue[Math.min(looks++, queue.length - 1)] ?? ""),
    tell: (code, message) => told.push(`${code} ${message}`),
    ...more,
  }).catch((error) => error);
  return { answer, told, looks, at: clock.now() };
}

Deno.test("greet: what starts at once asks no queue", async () => {
  const { answer, told, looks } = await wait({ at: 1_500, queue: ["PENDING (Resources)"] });
  assertEquals([answer, told, looks], [HELLO, [], 0]);
});

Deno.test("greet: a wait is told with what the queue says, once for each reason", async () => {
  const queue = ["PENDING (None)", "PENDING (Resources)\n", "PENDING (Resources)\n", ""];
  const { answer, told } = await wait({ at: 45_000, queue });
  assertEquals(answer, HELLO);
  assertEquals(told, [
    "jar-waits 'god' waits to be started by slurm: PENDING (None)",
    "jar-waits 'god' waits to be started by slurm: PENDING (Resources)",
  ]);
});

Deno.test("greet: what never starts is given up with what its queue says", async () => {
  const { answer, at } = await wait({ queue: ["PENDING (JobHeldUser)"] });
  assertEquals(answer instanceof BrainjarError && [answer.code, answer.message, answer.hint], [
    "jar-not-started",
    "Launcher slurm didn't start 'god' within 60 s",
    "Its queue says: PENDING (JobHeldUser)",
  ]);
  assertEquals(at, 60_000);
  const silent = await wait({ askQueue: () => Promise.reject(new Error("No squeue")) });
  assertEquals(
    silent.answer.hint,
    "It said: srun: job 151 queued and waiting for resources",
  );
  const { answer: nothing } = await wait({ askQueue: undefined, said: () => "" });
  assertEquals(nothing.hint, "Look what its queue says");
});

Deno.test("greet: what ends before it says a word is told with its launcher's", async () => {
  const end: ProcessEnd = {
    code: 1,
    said: "srun: error: Unable to allocate resources: invalid partition specified: nope\n",
  };
  const { answer } = await wait({ hello: Promise.resolve(end) });
  assertEquals([answer.code, answer.hint], ["jar-exited", `exit code 1: ${end.said.trim()}`]);
});
