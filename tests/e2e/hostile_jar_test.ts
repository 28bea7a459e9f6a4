import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Line } from "./kill_jars.ts";
import { brainjarCommand, DEMO_BRAIN } from "./program.ts";

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
