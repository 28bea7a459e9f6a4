import { assert, assertEquals, assertMatch } from "@std/assert";
import { generateModel } from "../../fixtures/generate.ts";
import { PRESETS } from "../../fixtures/shape.ts";
import { brainjarCommand, DEMO_BRAIN, ROOT, runBrainjar } from "./program.ts";

// The main job, by the program itself, on the demo brain.

/** A line of `run --json`. */
type Line = { readonly event: string } & Readonly<Record<string, unknown>>;

function linesOf(stdout: string): Line[] {
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

Deno.test("run: matrix, three turns, in words", async () => {
  const { code, stdout, stderr } = await runBrainjar(["run", "--mode", "matrix", "--turns", "3"]);
  assertEquals(code, 0, stderr);
  for (
    const expected of [
      "VALIDATION PASSED",
      "ALLOCATION APPROVED for subject",
      "ALLOCATION APPROVED for observer",
      "ALLOCATION APPROVED for god",
      "[subject] loaded",
      "[observer] note",
      "[god] whisper",
      "MEMORY ALLOCATION REPORT",
      "still reserved: 0 bytes",
    ]
  ) assert(stdout.includes(expected), `${expected} is missing:\n${stdout}`);
  // deno-lint-ignore no-control-regex
  assert(!/\u001b/.test(stdout + stderr), "Escape codes off a terminal");
  assertMatch(stderr, /demo brain/);
});

Deno.test("run: --json is one object a line, and the same seed gives the same transcript", async () => {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-run-" });
  try {
    const transcripts: Line[][] = [];
    for (const name of ["one", "two"]) {
      const log = `${folder}/${name}.jsonl`;
      const { code, stdout } = await runBrainjar([
        ...["run", "--mode", "matrix", "--turns", "2", "--seed", "11", "--max-tokens", "12"],
        ...["--json", "--log", log],
      ]);
      assertEquals(code, 0);
      const events = linesOf(stdout);
      const count = (event: string) => events.filter((line) => line.event === event).length;
      assertEquals(events[0]?.event, "validation");
      assertEquals(count("allocated"), 3);
      assertEquals(count("loaded"), 3);
      assertEquals(count("thought"), 6);
      assert(count("note") >= 1 && count("whisper") >= 1);
      assertEquals(events.at(-1)?.event, "end");
      assertEquals(events.at(-1)?.reservedBytes, 0);
      const written = linesOf(await Deno.readTextFile(log));
      assert(written.every(({ time }) => !Number.isNaN(Date.parse(String(time)))), "times");
      assertEquals(written[1]?.event, "validation");
      const isMeasured = ({ event }: Line) => event === "validation" || event === "memory";
      transcripts.push(
        written.filter((line) => !isMeasured(line)).map(({ time: _, ...line }) => line),
      );
    }
    assertEquals(transcripts[0], transcripts[1]);
    assert((transcripts[0] ?? []).length > 6);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("run: a chat template that fails, and one that isn't there, are told before a thought", async () => {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-run-" });
  try {
    const shape = PRESETS.tiny;
    if (shape === undefined) throw new Error("No tiny model");
    await generateModel(shape, `${folder}/broken.gguf`, {
      chatTemplate: "{{ raise_exception('no \u001b[2J roles') }}",
    });
    await generateModel(shape, `${folder}/plain.gguf`);
    const run = (...flags: string[]) =>
      runBrainjar(["run", "--turns", "1", "--json", ...flags], { cwd: folder });
    const failed = await run("--model", "broken.gguf");
    assertEquals(failed.code, 2);
    const events = linesOf(failed.stdout);
    const warning = events.find(({ event }) => event === "warning");
    assertEquals(warning?.code, "chat-template-failed");
    assertEquals(
      String(warning?.message).split(": ")[0],
      "Chat template failed (no \u001b[2J roles)",
    );
    assert(!failed.stdout.includes("\u001b"), "An escape code");
    assertEquals([events.at(-1)?.reason, events.at(-1)?.reservedBytes], ["failed", 0]);
    assert(events.every(({ event }) => event !== "thought"));
    assertEquals((await run("--model", "broken.gguf", "--prompt-format", "raw")).code, 0);
    const refused = await run("--model", "plain.gguf", "--prompt-format", "chat");
    assertEquals(refused.code, 2);
    assertMatch(refused.stderr, /Model has no chat template: .*\n.*Leave --prompt-format out/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("run: peers talk to each other", async () => {
  const { code, stdout } = await runBrainjar([
    ...["run", "--mode", "peer", "--turns", "2", "--max-tokens", "8", "--json"],
  ]);
  assertEquals(code, 0);
  const thinkers = linesOf(stdout).filter((line) => line.event === "thought").map((line) =>
    line.id
  );
  assertEquals(thinkers, ["peer_a", "peer_b", "peer_a", "peer_b"]);
});

Deno.test("run: what doesn't fit is refused with exit 1, and nothing is loaded", async () => {
  const { code, stdout } = await runBrainjar([
    ...["run", "--mode", "matrix", "--turns", "1", "--ram-limit-god", "9000", "--json"],
  ]);
  const events = linesOf(stdout);
  assertEquals(code, 1);
  assertEquals(events.map((line) => line.event), ["validation", "end"]);
  assertEquals(events[0]?.ok, false);
});

/** Reads a stream until it holds `expected`; answers with all that was read. */
async function readUntil(
  reader: ReadableStreamDefaultReader<string>,
  expected: string,
): Promise<string> {
  let text = "";
  while (!text.includes(expected)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The program ended before ${expected}:\n${text}`);
    text += value;
  }
  return text;
}

/** A run that only a stop ends. */
function startForever(...more: string[]): Deno.ChildProcess {
  const args = ["run", "--mode", "matrix", "--json", "--context-size", "256", ...more];
  return brainjarCommand(args).spawn();
}

const STOPS: readonly {
  readonly signal: Deno.Signal;
  readonly code: number;
  readonly at: string;
  /** How often it is sent: `deno task` passes on what the terminal has sent already. */
  readonly times?: number;
}[] = [
  { signal: "SIGINT", code: 130, at: '"event":"thought"', times: 3 },
  { signal: "SIGHUP", code: 129, at: '"event":"thought"', times: 2 },
  { signal: "SIGINT", code: 130, at: '"event":"thought"' },
  { signal: "SIGTERM", code: 143, at: '"event":"thought"' },
  { signal: "SIGINT", code: 130, at: '"event":"allocated"' },
  { signal: "SIGINT", code: 130, at: '"event":"death"' },
];

for (const { signal, code, at, times = 1 } of STOPS) {
  Deno.test(`run: ${signal} ${times}× after ${at} ends within 3 s and gives everything back`, async () => {
    const child = startForever();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = await readUntil(reader, at);
    const asked = performance.now();
    for (let time = 0; time < times; time++) child.kill(signal);
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      text += value;
    }
    const status = await child.status;
    await child.stderr.cancel();
    const took = performance.now() - asked;
    assertEquals(status.code, code);
    assert(took < 3000, `It took ${took} ms`);
    assertEquals(linesOf(text).at(-1)?.event, "end");
    assertEquals(linesOf(text).at(-1)?.reservedBytes, 0);
  });
}

Deno.test("run: without turns it ends when nobody reads its answer, and gives everything back", async () => {
  const log = await Deno.makeTempFile({ suffix: ".jsonl" });
  try {
    const child = startForever("--log", log);
    // As `| head` does: it goes away in the middle.
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    await readUntil(reader, '"event":"thought"');
    await reader.cancel();
    await child.stderr.cancel();
    assertEquals((await child.status).code, 0);
    const last = linesOf(await Deno.readTextFile(log)).at(-1);
    assertEquals([last?.event, last?.reason], ["end", "stopped"]);
  } finally {
    await Deno.remove(log);
  }
});

Deno.test("run: a reader that has stopped reading doesn't keep it from ending", async () => {
  const log = await Deno.makeTempFile({ suffix: ".jsonl" });
  try {
    const child = startForever("--log", log);
    // Nobody reads stdout, so the run waits for its reader once the pipe is full.
    let size = -1;
    for (let before = -2; size !== before || size < 20_000;) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      before = size;
      size = (await Deno.stat(log)).size;
    }
    child.kill("SIGTERM");
    assertEquals((await child.status).code, 143);
    assertEquals(linesOf(await Deno.readTextFile(log)).at(-1)?.event, "end");
    await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
  } finally {
    await Deno.remove(log);
  }
});

for (const command of ["check", "estimate"]) {
  Deno.test(`${command}: a reader that goes away changes nothing about the verdict`, async () => {
    const words = command === "check"
      ? ["check", ...DEMO_BRAIN, "--total-memory", "0.01"]
      : ["estimate", "none"];
    const child = brainjarCommand([...words, "--json"]).spawn();
    await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
    assertEquals((await child.status).code, command === "check" ? 1 : 2);
  });
}

for (const command of ["check", "estimate", "memory", "recommend", "run"]) {
  Deno.test(`${command}: the engine is named nowhere in its module graph`, async () => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "info",
        "--json",
        `--config=${ROOT}deno.json`,
        `${ROOT}src/cli/commands/${command}.ts`,
      ],
    }).output();
    interface Module {
      readonly specifier: string;
      readonly dependencies?: readonly { readonly code?: { readonly specifier: string } }[];
    }
    const { modules, roots } = JSON.parse(new TextDecoder().decode(stdout)) as {
      modules: Module[];
      roots: string[];
    };
    const graph = new Map(modules.map((module) => [module.specifier, module]));
    const reached = new Set(roots);
    for (const specifier of reached) {
      // What is imported for its types alone is never fetched.
      for (const { code } of graph.get(specifier)?.dependencies ?? []) {
        if (code !== undefined) reached.add(code.specifier);
      }
    }
    const names = [...reached].join("\n");
    assert(names.includes("src/machine/machine_memory.ts"), "The graph wasn't read");
    assert(!names.includes("node-llama-cpp"), "Something names node-llama-cpp");
  });
}
