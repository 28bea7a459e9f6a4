import { assertEquals, assertMatch } from "@std/assert";
import {
  denoInGroup,
  findPlace,
  type Place,
  removeGroup,
  setLimit,
} from "../bench/control_group.ts";
import { generateModel } from "../../fixtures/generate.ts";
import { PRESETS } from "../../fixtures/shape.ts";
import { brainjarArguments, ROOT } from "./program.ts";

// Jars in a small group live as long as there is room, and die before the kernel kills where another
// process takes it. Making a group needs root; where none can be made the runner shows it as ignored.

const MIB = 1024 ** 2;

/** What holds three jars, and another process for some time. */
const LIMIT = 300 * MIB;

const place = findPlace();

/**
 * Another process of the group: takes ten megabytes a second until 25 are left of the limit, then two
 * for as long as it is let, so slowly that a watch on a busy machine sees it.
 */
const filler = (folder: string) =>
  `const held = [];
  const usage = ["memory.usage_in_bytes", "memory.current"].map((name) => "${folder}/" + name)
    .find((path) => { try { return Deno.statSync(path).isFile; } catch { return false; } });
  setInterval(() => {
    const left = ${LIMIT} - Number(Deno.readTextFileSync(usage));
    held.push(new Uint8Array(left > ${25 * MIB} ? ${MIB} : ${Math.floor(MIB / 5)}).fill(1));
  }, 100);`;

/** After so long the test has failed, and is not to hang. */
const LONGEST_MILLISECONDS = 240_000;

type Event = { readonly event: string } & Readonly<Record<string, unknown>>;

/** A group of this size, and what starts Deno in it. */
async function withGroup(
  { version, folder: parent }: Place,
  limitBytes: number,
  body: (folder: string, start: (args: readonly string[]) => Deno.ChildProcess) => Promise<void>,
): Promise<void> {
  const folder = `${parent}/run-${crypto.randomUUID()}`;
  const ledger = await Deno.makeTempDir({ prefix: "brainjar-ledger-" });
  Deno.mkdirSync(folder, { recursive: true });
  setLimit({ version, folder }, limitBytes);
  const started: Deno.ChildProcess[] = [];
  const start = (args: readonly string[]) => {
    const child = denoInGroup(folder, args, {
      // With a ledger of its own: what others on this machine have reserved is no matter here.
      env: { MALLOC_ARENA_MAX: "1", BRAINJAR_LEDGER: ledger },
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    started.push(child);
    return child;
  };
  try {
    await body(folder, start);
  } finally {
    await removeGroup(folder);
    await removeGroup(parent);
    await Promise.all(started.map(async ({ status, stdout }) => {
      await status;
      if (!stdout.locked) await stdout.cancel();
    }));
    await Deno.remove(ledger, { recursive: true });
  }
}

async function* eventsOf({ stdout }: Deno.ChildProcess): AsyncGenerator<Event> {
  let rest = "";
  for await (const text of stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line);
  }
}

const run = (model: string, ...args: string[]) =>
  brainjarArguments([
    ...["run", "--mode", "matrix", "--model", model, "--json", "--seed", "5", ...args],
    ...["--safety-margin", "0", "--allocation-headroom", "0", "--load-headroom", "0"],
  ]);

Deno.test({
  name: "small group: three jars that fit in 600 MB live",
  ignore: typeof place === "string",
  fn: async () => {
    if (typeof place === "string") return;
    await withGroup(place, 600 * MIB, async (_, start) => {
      const child = start(run(`${ROOT}fixtures/demo-brain.gguf`, "--turns", "20"));
      const events = await Array.fromAsync(eventsOf(child));
      const deaths = events.filter(({ event }) => event === "death");
      assertEquals(deaths.filter(({ cause }) => cause !== "context-full"), []);
      assertEquals([(await child.status).code, events.at(-1)?.["turns"]], [0, 20]);
    });
  },
});

Deno.test({
  name: "small group: filled by another process, a jar dies before the kernel kills, and says why",
  ignore: typeof place === "string",
  fn: async () => {
    if (typeof place === "string") return;
    // So slow that no context is full before memory is.
    const shape = PRESETS["60m-q8_0"];
    if (shape === undefined) throw new Error("No such preset");
    const models = await Deno.makeTempDir({ prefix: "brainjar-group-" });
    const { paths: [model = ""] } = await generateModel(shape, `${models}/model.gguf`);
    await withGroup(place, LIMIT, async (folder, start) => {
      const child = start(run(model));
      let other: Deno.ChildProcess | undefined;
      const deaths: Event[] = [];
      const deadline = setTimeout(() => child.kill("SIGKILL"), LONGEST_MILLISECONDS);
      let last: Event | undefined;
      for await (const event of eventsOf(child)) {
        last = event;
        if (event.event === "thought") other ??= start(["eval", "-q", filler(folder)]);
        if (event.event !== "death" || event["cause"] !== "available-memory") continue;
        deaths.push(event);
        if (deaths.length > 1) continue;
        other?.kill("SIGKILL");
        child.kill("SIGINT");
      }
      clearTimeout(deadline);
      const [death] = deaths;
      if (death === undefined) throw new Error(`No jar died: ${JSON.stringify(last)}`);
      assertMatch(
        String(death["detail"]),
        /^[\d.]+ [KM]B available; 15\.00 MB, 5% of total, are kept free$/,
      );
      assertEquals([(await child.status).code, last?.["reservedBytes"]], [130, 0]);
      assertEquals(killedIn(folder), 0);
    });
    await Deno.remove(models, { recursive: true });
  },
});

/** How many processes of a group the kernel has killed for its memory. */
function killedIn(folder: string): number {
  for (const file of ["memory.oom_control", "memory.events"]) {
    try {
      const killed = /^oom_kill (\d+)$/m.exec(Deno.readTextFileSync(`${folder}/${file}`))?.[1];
      if (killed !== undefined) return Number(killed);
    } catch {
      // The other version's.
    }
  }
  throw new Error(`No count of kills in ${folder}`);
}
