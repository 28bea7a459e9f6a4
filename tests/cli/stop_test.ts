import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import { listenForStop, type Stop } from "../../src/cli/terminal/stop.ts";
import { machineFilesBelow } from "../../src/machine/machine_files.ts";
import { hangupIsIgnored } from "../../src/machine/processes.ts";
import { RUN_LIMITS } from "../../src/experiment/limits.ts";
import { FakeClock } from "../experiment/fake_clock.ts";

/** Longest that Ctrl-C and SIGTERM may take (src/budget/README.md, "The run"). */
const LONGEST_MILLISECONDS = 3000;

const never = new Promise<void>(() => {});

/** SIGTERM, since Ctrl-C would end the test runner as well. */
async function terminate(stop: Stop): Promise<void> {
  const fired = new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
  // To listen for a signal doesn't keep the event loop going.
  const going = setInterval(() => {}, 1000);
  Deno.kill(Deno.pid, "SIGTERM");
  await fired;
  clearInterval(going);
  assertEquals(stop.signal.reason, "SIGTERM");
}

Deno.test("an engine that never ends is waited for, but not for ever", async () => {
  const clock = new FakeClock();
  const stop = listenForStop(clock);
  try {
    await stop.freed(never);
    assertEquals(clock.now(), RUN_LIMITS.disposalMilliseconds);
  } finally {
    stop.close();
  }
});

for (const before of [0, 1000, 2500]) {
  Deno.test(`a stop ends in time although the engine doesn't, asked ${before} ms later`, async () => {
    const clock = new FakeClock();
    const stop = listenForStop(clock);
    try {
      await terminate(stop);
      if (before > 0) await clock.sleep(before);
      await stop.freed(never);
      assert(clock.now() < LONGEST_MILLISECONDS, `${clock.now()} ms`);
    } finally {
      stop.close();
    }
  });
}

Deno.test("it ends when asked to, as by a signal", async () => {
  const clock = new FakeClock();
  const stop = listenForStop(clock);
  try {
    stop.ask("SIGPIPE");
    assertEquals(stop.signal.reason, "SIGPIPE");
    await stop.freed(never);
    assert(clock.now() < LONGEST_MILLISECONDS, `${clock.now()} ms`);
  } finally {
    stop.close();
  }
});

Deno.test("what is free at once is not waited for, and its failure changes nothing", async () => {
  const clock = new FakeClock();
  const stop = listenForStop(clock);
  try {
    await stop.freed(Promise.resolve());
    await stop.freed(Promise.reject(new Error("It holds on")));
    await terminate(stop);
    await stop.freed(Promise.resolve());
    assertEquals(clock.now(), 0);
  } finally {
    stop.close();
  }
});

/** Each is a key press or a closed terminal as this process would see it; nothing is really sent. */
function press(name: "SIGINT" | "SIGTERM" | "SIGHUP"): void {
  process.emit(name);
}

/** When SIGINT is pressed, from the first on, and after how many presses the program ends at once. */
const PRESSES: readonly {
  readonly what: string;
  readonly isTask: boolean;
  readonly at: readonly number[];
  readonly ends: number | undefined;
}[] = [
  { what: "a repeat within 300 ms is the same", isTask: false, at: [0, 0, 299], ends: undefined },
  { what: "a second one ends at once", isTask: false, at: [0, 0, 300], ends: 3 },
  { what: "a task runner passes one on late", isTask: true, at: [0, 0, 835], ends: undefined },
  { what: "a task runner passes on only one", isTask: true, at: [0, 835, 1200], ends: 3 },
  { what: "a task runner passes none on so late", isTask: true, at: [0, 2000], ends: 2 },
];

for (const { what, isTask, at, ends } of PRESSES) {
  Deno.test(`key presses: ${what}`, async () => {
    const clock = new FakeClock();
    const stop = listenForStop(clock, isTask);
    const exit = Deno.exit;
    let presses = 0;
    let endedAt: number | undefined;
    Deno.exit = ((code: number) => {
      assertEquals(code, 130);
      endedAt ??= presses;
    }) as typeof Deno.exit;
    try {
      for (const time of at) {
        if (time > clock.now()) await clock.sleep(time - clock.now());
        presses++;
        press("SIGINT");
      }
      assertEquals([stop.signal.reason, endedAt], ["SIGINT", ends]);
    } finally {
      Deno.exit = exit;
      stop.close();
    }
  });
}

Deno.test("key presses: a Ctrl-C after the person asked to quit is the second one", async () => {
  const clock = new FakeClock();
  const stop = listenForStop(clock, false);
  const exit = Deno.exit;
  let ended = 0;
  Deno.exit = (() => ended++) as unknown as typeof Deno.exit;
  try {
    stop.ask("quit");
    await clock.sleep(299);
    press("SIGINT");
    assertEquals([stop.signal.reason, ended], ["quit", 0]);
    await clock.sleep(1);
    press("SIGINT");
    assertEquals(ended, 1);
  } finally {
    Deno.exit = exit;
    stop.close();
  }
});

Deno.test("SIGHUP ends like SIGTERM, unless it was ignored from the start", async () => {
  const stop = listenForStop(new FakeClock());
  press("SIGHUP");
  stop.close();
  // `deno test` isn't run by nohup.
  assertEquals(stop.signal.reason, "SIGHUP");

  for (
    const [mask, ignored] of [["0000000000001001", true], ["0000000000001000", false]] as const
  ) {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.mkdir(`${folder}/proc/self`, { recursive: true });
      await Deno.writeTextFile(`${folder}/proc/self/status`, `Name:\tx\nSigIgn:\t${mask}\n`);
      assertEquals(hangupIsIgnored(machineFilesBelow(folder)), ignored);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
});
