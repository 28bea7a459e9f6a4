import { assert, assertEquals, assertMatch } from "@std/assert";
import { GB } from "../../src/budget/size.ts";
import { boundedLines } from "../../src/jar_process/lines.ts";
import { isJar, jarsOf } from "./processes.ts";
import { brainjarCommand, DEMO_BRAIN, runBrainjar } from "./program.ts";

// Jars in processes of their own, by the program itself, on the demo brain.

type Line = { readonly event: string } & Readonly<Record<string, unknown>>;

const MATRIX = [
  ...["run", "--mode", "matrix", "--seed", "11", "--max-tokens", "12", "--context-size", "256"],
  ...[...DEMO_BRAIN, "--allocation-headroom", "0", "--load-headroom", "0"],
];

async function transcriptOf(more: readonly string[]): Promise<Line[]> {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-jars-" });
  try {
    const log = `${folder}/log.jsonl`;
    const { code, stdout, stderr } = await runBrainjar([
      ...[...MATRIX, "--turns", "6", "--log", log],
      ...more,
    ]);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /still reserved: 0 bytes/);
    const lines = (await Deno.readTextFile(log)).trim().split("\n");
    return lines.map((line): Line => JSON.parse(line))
      .filter(({ event }) => event !== "validation" && event !== "memory")
      .map(({ time: _, ...line }) => line as Line);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("jars in processes: the same transcript as in one", async () => {
  const [apart, here] = await Promise.all([
    transcriptOf(["--launcher", "process"]),
    transcriptOf([]),
  ]);
  assert(here.some(({ event }) => event === "death"), "No death: nothing is shown");
  assertEquals(apart, here);
});

Deno.test({
  name: "jars in processes: one that is killed, and one that aborts, die and come back",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const child = brainjarCommand([
      ...[...MATRIX, "--launcher", "process", "--json", "--pace", "600"],
    ]).spawn();
    const events: Line[] = [];
    const started: number[] = [];
    const isBack = (cause: string) =>
      events.some(({ event, cause: of }) => event === "resurrection" && of === cause);
    let kills = 0;
    for await (const line of boundedLines(child.stdout)) {
      events.push(JSON.parse(line));
      if (kills === 0 && events.some(({ event, id }) => event === "thought" && id === "god")) {
        started.push(...jarsOf(child.pid));
        assertEquals(started.length, 3);
        const [subject = 0, observer = 0] = started;
        Deno.kill(subject, "SIGKILL");
        Deno.kill(observer, "SIGABRT");
        kills = 2;
      }
      if (kills === 2 && isBack("killed") && isBack("crashed")) {
        kills = 3;
        started.push(...jarsOf(child.pid));
        child.kill("SIGINT");
      }
    }
    const [{ code }] = await Promise.all([child.status, new Response(child.stderr).text()]);
    assertEquals(code, 130);
    const end = events.at(-1);
    assertEquals([end?.event, end?.reservedBytes], ["end", 0]);
    for (const id of started) {
      assert(!isJar(id), `Process ${id} outlived the run`);
    }
  },
});

Deno.test({
  name: "jars in processes: a run that is killed leaves no jar behind",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const child = brainjarCommand([...MATRIX, "--launcher", "process", "--json"]).spawn();
    let started: number[] = [];
    let text = "";
    for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (started.length > 0 || !text.includes('"id":"god","role":"god","turn":1')) continue;
      started = jarsOf(child.pid);
      child.kill("SIGKILL");
    }
    await Promise.all([child.status, new Response(child.stderr).text()]);
    assertEquals(started.length, 3);
    // However long that takes on a busy machine: their stdin is closed, and that is all they need.
    while (started.some(isJar)) await new Promise((resolve) => setTimeout(resolve, 50));
  },
});

Deno.test("jars in processes: a launcher that isn't there is refused before anything starts", async () => {
  const { code, stderr } = await runBrainjar(
    [...MATRIX, "--turns", "1", "--launcher", "slurm"],
    { env: { PATH: "/nowhere" } },
  );
  assertEquals(code, 2);
  assertMatch(stderr, /isn't installed: no program "srun" that may be run/);
});

Deno.test("jars in processes: another program's words end the run with them", async () => {
  const { code, stdout } = await runBrainjar([
    ...[...MATRIX, "--turns", "1", "--launcher", "echo Welcome {name}", "--plain"],
  ]);
  assertEquals(code, 3, stdout);
  assertMatch(stdout, /this isn't JSON: "Welcome brainjar-subject/);
});

const SINGLE = ["run", "--mode", "single", "--turns", "1", ...DEMO_BRAIN];

Deno.test({
  name: "jars in processes: what its machine is too small for is refused there as it is here",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    // Another limit than this machine's, which only the jar's own process can see.
    const limited = "ulimit -d 3000000; exec {command}";
    const run = [...SINGLE, "--allocation-headroom", "4", "--launcher", limited];
    const { code, stdout } = await runBrainjar([...run, "--json"]);
    const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(code, 1);
    assertEquals(events.map(({ event }) => event), ["validation", "warning", "end"]);
    const [validation, warning, end] = events;
    assertEquals(validation.validation.places[0].isHere, false);
    const { allocation } = warning;
    assertEquals(
      [warning.id, warning.code, warning.message, warning.launcher],
      [
        "subject",
        "allocation-refused",
        "Layer 2 refused 'subject': insufficient-available",
        "ulimit",
      ],
    );
    assertEquals(allocation.headroomBytes, 4 * GB);
    assert(allocation.availableBytes < 3_000_000 * 1024, "The limit of its own process");
    assertEquals(allocation.shortBytes, allocation.neededBytes - allocation.availableBytes);
    assertEquals([end.reason, end.exitCode, end.reservedBytes], ["refused", 1, 0]);

    const told = await runBrainjar([...run, "--plain"]);
    assertEquals(told.code, 1);
    assertMatch(told.stdout, /^WARNING: Layer 2 refused 'subject': insufficient-available$/m);
    assertMatch(told.stdout, /^ {2}In a process of its own by ulimit on this machine$/m);
    assertMatch(told.stdout, /^ALLOCATION FAILED: Insufficient available memory$/m);
    assertMatch(told.stdout, /^ {2}Short by: +\d\.\d\d GB$/m);
    assertMatch(told.stdout, /^Run refused: the jars do not all fit: 0 turns/m);
  },
});

Deno.test("check: gives the verdict of the run that it is the same flags for", async () => {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-offers-" });
  try {
    for (const [name, line] of [["sinfo", "echo 'small|60Mi|'"], ["srun", "exit 1"]]) {
      await Deno.writeTextFile(`${folder}/${name}`, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
    }
    const env = { PATH: `${folder}:${Deno.env.get("PATH")}` };
    const flags = ["--mode", "matrix", ...DEMO_BRAIN];
    const launchers: readonly (readonly [string[], number])[] = [
      [["--launcher", "process"], 0],
      [["--launcher-god", "env {command}"], 0],
      [["--launcher-god", "slurm"], 1],
      [["--launcher", "process", "--total-memory", "512MB"], 1],
    ];
    for (const [launcher, expected] of launchers) {
      const given = [...flags, ...launcher];
      const checked = await runBrainjar(["check", ...given, "--json"], { env });
      assertEquals(checked.code, expected, checked.stderr);
      const run = await runBrainjar([
        "run",
        ...given,
        "--turns",
        "1",
        "--max-tokens",
        "1",
        "--json",
      ], { env });
      const [first = ""] = run.stdout.split("\n");
      const { validation } = JSON.parse(first);
      const { places, verdict, requiredBytes, issues } = JSON.parse(checked.stdout);
      assertEquals([places, verdict], [validation.places, validation.verdict]);
      assertEquals(requiredBytes, validation.requiredBytes);
      const codes = (found: readonly { readonly code: string }[]) => found.map(({ code }) => code);
      assertEquals(codes(issues), codes(validation.issues));
      assertEquals(run.code, expected);
    }
    const { code, stdout } = await runBrainjar(
      ["check", ...flags, "--launcher-god", "slurm"],
      { env },
    );
    assertEquals(code, 1);
    assertMatch(stdout, /'god' asks slurm for .* more than its largest machine has \(small: 60/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("check: flags of one process and a launcher exclude each other", async () => {
  for (const more of [["--reserve", "60s"], ["--only", "god", "--own-limit", "1"]]) {
    const { code, stderr } = await runBrainjar([
      ...["check", "--mode", "matrix", ...DEMO_BRAIN, "--launcher", "process", ...more],
    ]);
    assertEquals(code, 2);
    assertMatch(stderr, /"--launcher" and "--(reserve|own-limit)" exclude each other/);
  }
});

Deno.test("brainjar jar: says who it is, and ends when nobody asks for anything", async () => {
  const { code, stdout } = await runBrainjar(["jar"]);
  assertEquals(code, 0);
  const answers = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(answers.map(({ answer }) => answer), ["hello", "bye"]);
  assertEquals(answers[1].reason, "eof");
});
