import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Line } from "./kill_jars.ts";
import { brainjarCommand, DEMO_BRAIN, ROOT } from "./program.ts";

// What isn't a jar in a jar's place: the run says what it was, goes on or ends, leaves nothing running,
// and its own memory has a bound.

const IS_LINUX = Deno.build.os === "linux";

/** A command that nobody else runs, so that it is found where it is left behind. */
const SLEEP = `sleep ${100_000 + Deno.pid}`;

/** Far more than a run of no jar takes, far less than what is thrown at it. */
const MOST_BYTES = 160 * 1024 ** 2;

interface Ended {
  readonly code: number;
  readonly events: readonly Line[];
  readonly stderr: string;
  /** The run's own anonymous memory at its highest. */
  readonly highest: number;
}

async function runWith(launcher: string, more: readonly string[] = []): Promise<Ended> {
  const child = brainjarCommand([
    ...["run", "--mode", "single", "--seed", "3", "--max-tokens", "8", "--context-size", "256"],
    ...[...DEMO_BRAIN, "--allocation-headroom", "0", "--load-headroom", "0", "--json"],
    ...["--turns", "2", "--launcher", launcher, ...more],
  ]).spawn();
  let highest = 0;
  const looking = setInterval(() => {
    highest = Math.max(highest, anonymousOf(child.pid));
  }, 10);
  const { code, stdout, stderr } = await child.output();
  clearInterval(looking);
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  return {
    code,
    events: lines.map((line) => JSON.parse(line)),
    stderr: new TextDecoder().decode(stderr),
    highest,
  };
}

function anonymousOf(process: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${process}/status`);
    return Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Processes with these words in their command line. */
function running(words: string): string[] {
  return [...Deno.readDirSync("/proc")].flatMap(({ name }) => {
    try {
      const line = Deno.readTextFileSync(`/proc/${name}/cmdline`).replaceAll("\0", " ").trim();
      return line === words ? [`${name}: ${line}`] : [];
    } catch {
      return [];
    }
  });
}

/** Processes that were started on behalf of a launcher with this word in it. */
function holding(word: string): string[] {
  return [...Deno.readDirSync("/proc")].flatMap(({ name }) => {
    try {
      const started = Deno.readTextFileSync(`/proc/${name}/environ`);
      const line = Deno.readTextFileSync(`/proc/${name}/cmdline`).replaceAll("\0", " ");
      return `${started}${line}`.includes(word) ? [`${name}: ${line}`] : [];
    } catch {
      return [];
    }
  });
}

/** What never says a word of the protocol, and what is said of it. */
const NO_JARS: readonly (readonly [name: string, line: string, code: string, said: RegExp])[] = [
  ["an endless line", "cat /dev/zero | tr '\\000' x", "jar-protocol", /more than 4194304/],
  ["NUL bytes", "printf 'a\\000b\\n'; exec cat", "jar-protocol", /this isn't JSON: "a/],
  ["no UTF-8", "printf '\\377\\376\\n'; exec cat", "jar-protocol", /this isn't JSON/],
  ["a cut line", `printf '{"answer":"hel'`, "jar-exited", /exit code 0/],
  [
    "an answer before hello",
    `echo '{"answer":"text","text":"x"}'; exec cat`,
    "jar-protocol",
    /before/,
  ],
  [
    "a number that is none",
    `echo '{"answer":"vitals","alive":true,"contextTokens":1e99,"pools":[]}'; exec cat`,
    "jar-protocol",
    /contextTokens/,
  ],
  [
    "100 MB on stderr",
    "head -c 100000000 /dev/zero >&2; echo >&2; echo at last >&2; exit 3",
    "jar-exited",
    /exit code 3: at last/,
  ],
  [
    "stdout closed, SIGTERM ignored",
    `true; trap '' TERM; exec >&-; ${SLEEP}`,
    "jar-exited",
    /stdout/,
  ],
  ["a child that holds the pipes", `${SLEEP} & exit 4`, "jar-exited", /exit code 4/],
];

for (const [name, line, code, said] of NO_JARS) {
  Deno.test({
    name: `no jar: ${name}`,
    ignore: !IS_LINUX,
    fn: async () => {
      const { events, highest, code: exit, stderr } = await runWith(line);
      const warning = events.find(({ event }) => event === "warning");
      assertEquals(warning?.["code"], code, `${JSON.stringify(events)} ${stderr}`);
      assertMatch(`${warning?.["message"]}: ${warning?.["hint"]}`, said);
      assertEquals([events.at(-1)?.event, exit], ["end", 3]);
      assert(highest < MOST_BYTES, `${highest} bytes`);
      assertEquals(running(SLEEP), []);
    },
  });
}

Deno.test({
  name: "no jar: a run that is ended while a shell's command hangs leaves nothing of it",
  ignore: !IS_LINUX,
  fn: async () => {
    // The shell has a child, and passes no signal on.
    const child = brainjarCommand([
      ...["run", "--mode", "single", ...DEMO_BRAIN, "--launcher", `${SLEEP}; true`, "--json"],
    ]).spawn();
    while (running(SLEEP).length === 0) await new Promise((wake) => setTimeout(wake, 20));
    child.kill("SIGINT");
    const { code, stdout } = await child.output();
    const events = new TextDecoder().decode(stdout).trimEnd().split("\n")
      .map((line): Line => JSON.parse(line));
    assertEquals(events.filter(({ event }) => event === "warning"), []);
    assertEquals([code, running(SLEEP)], [130, []]);
  },
});

/** A jar's process that turns hostile after its first thought, and what its jar then dies of. */
const TURNS_HOSTILE: readonly (readonly [how: string, cause: string, detail: RegExp])[] = [
  ["cuts a line and ends", "exited", /exit code 0/],
  ["cuts a line and goes on", "jar-protocol", /this isn't JSON: "\{"answer":"thought"/],
  ["says a line without an end", "jar-protocol", /more than 4194304 characters and no end/],
  ["prints in mid-thought", "jar-protocol", /this isn't JSON: "NVRM: loading drivers"/],
  ["answers die with a thought", "jar-protocol", /nobody asked for "thought"/],
  ["thinks without end", "jar-protocol", /a thought has more pieces than tokens/],
  ["closes its stdout and lives on", "exited", /closed its stdout/],
  ["closes its stdin and lives on", "exited", /closed its stdin/],
];

/** Events that a transcript has a line for, in the words of both. */
function toldIn(lines: readonly Line[]): string[] {
  return lines.filter(({ event }) => ["thought", "death", "resurrection"].includes(event))
    .map(({ event, turn, text, cause }) => `${event} ${turn} ${text ?? cause}`);
}

for (const [how, cause, detail] of TURNS_HOSTILE) {
  Deno.test({
    name: `a jar's process ${how}: its jar dies of it and comes back, and no line is lost`,
    ignore: !IS_LINUX,
    fn: async () => {
      const folder = await Deno.makeTempDir({ prefix: "brainjar-hostile-" });
      const words = [Deno.execPath(), "run", "-q", "-A", `${ROOT}tests/e2e/hostile_jar.ts`];
      const launcher = `${words.join(" ")} '${how}' ${folder}/done {command}; code=$?; ` +
        `case $code in 70) exec <&-; ${SLEEP};; 71) exec >&-; ${SLEEP};; esac; exit $code`;
      try {
        const { code, events, highest, stderr } = await runWith(launcher, [
          ...["--turns", "9", "--log", `${folder}/log.jsonl`],
        ]);
        const deaths = events.filter(({ event }) => event === "death");
        const death = deaths.find((one) => one["cause"] !== "context-full");
        assertEquals(death?.["cause"], cause, `${JSON.stringify(events)} ${stderr}`);
        assertMatch(`${death?.["detail"]}`, detail);
        const after = events.slice(events.indexOf(death ?? { event: "" }));
        assert(after.some(({ event }) => event === "resurrection"), "It comes back");
        assertEquals([code, events.at(-1)?.["reservedBytes"]], [0, 0]);
        const log = (await Deno.readTextFile(`${folder}/log.jsonl`)).trimEnd().split("\n");
        assertEquals(toldIn(log.map((line) => JSON.parse(line))), toldIn(events));
        // Each turn has its whole thought, whatever happened in it.
        const whole = events.filter((one) => one.event === "thought" && one["stop"] !== "aborted");
        assertEquals(whole.length >= 5, true, JSON.stringify(toldIn(events)));
        assert(highest < MOST_BYTES, `${highest} bytes`);
        assertEquals([holding(folder), running(SLEEP)], [[], []]);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

Deno.test({
  name: "a jar's process that ignores that it is to end is ended with its run",
  ignore: !IS_LINUX,
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "brainjar-hostile-" });
    const words = [Deno.execPath(), "run", "-q", "-A", `${ROOT}tests/e2e/hostile_jar.ts`];
    const how = "ignores that it is to end";
    try {
      const { code, events } = await runWith(
        `exec ${words.join(" ")} '${how}' ${folder}/done {command}`,
      );
      assertEquals(events.filter(({ event }) => event === "thought").length, 2);
      assertEquals([code, events.at(-1)?.["reservedBytes"]], [0, 0]);
      assertEquals(holding(folder), []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
