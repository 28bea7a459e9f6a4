import { assertEquals } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { greet, type Greeting } from "../../src/jar_process/greet.ts";
import type { ProcessEnd } from "../../src/jar_process/process_end.ts";
import type { Hello } from "../../src/jar_process/inside/serve_jar.ts";
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
async function wait({ at: helloAt, queue = [], ...more }: Waiting) {
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
    hello: helloAt === undefined ? never : clock.sleep(helloAt).then(() => HELLO),
    said: () => "srun: job 151 queued and waiting for resources\n",
    askQueue: () => Promise.resolve(queue[Math.min(looks++, queue.length - 1)] ?? ""),
    tell: (code, message) => told.push(`${code} ${message}`),
    ...more,
  }).catch((error) => error);
  const at = clock.now();
  // Who hears that it is over hears it after that.
  await clock.sleep(0);
  return { answer, told, looks, at };
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
  const { answer: empty } = await wait({ queue: [""], said: () => "" });
  assertEquals(empty.hint, "Look what its queue says");
});

Deno.test("greet: a launcher without a queue is told with its own last words, and gets no hint of one", async () => {
  const pulling = "Unable to find image locally\nlayer 1: 10 %\rlayer 1: 80 %\n";
  const { told } = await wait({ at: 45_000, askQueue: undefined, said: () => pulling });
  assertEquals(told, ["jar-waits 'god' waits to be started by slurm: layer 1: 80 %"]);
  const { answer, told: silent } = await wait({ askQueue: undefined, said: () => "" });
  assertEquals(silent, ["jar-waits 'god' waits to be started by slurm"]);
  assertEquals(
    answer.hint,
    "It said nothing: typed by hand, its command has to print the first line of brainjar jar; " +
      "where it only takes long, --start-timeout gives it longer",
  );
  const { told: short } = await wait({ at: 9_000, askQueue: undefined });
  assertEquals(short, []);
});

Deno.test("greet: how long it takes is told every second, and that it is over", async () => {
  const heard: (string | undefined)[] = [];
  await wait({
    at: 4_500,
    queue: ["PENDING (Resources)"],
    said: () => "",
    hearWait: (id, wait) => heard.push(wait && `${id} ${wait.milliseconds} ${wait.why}`),
  });
  assertEquals(heard, [
    "god 1000 ",
    "god 2000 ",
    "god 3000 PENDING (Resources)",
    "god 4000 PENDING (Resources)",
    undefined,
  ]);
});

Deno.test("greet: what ends before it says a word is told with its launcher's", async () => {
  const end: ProcessEnd = {
    code: 1,
    said: "srun: error: Unable to allocate resources: invalid partition specified: nope\n",
  };
  const { answer } = await wait({ hello: Promise.resolve(end) });
  assertEquals([answer.code, answer.hint], ["jar-exited", `exit code 1: ${end.said.trim()}`]);
});
