/**
 * What readers of the page cost a run: tokens a second of the demo brain's jars at full pace with
 * nobody and with 200 who read along, in turns, in one run. The readers are another process.
 *
 * deno run -A tests/bench/page.ts [--readers 200] [--rounds 12] [--seconds 4]
 */
import { parseArgs } from "@std/cli/parse-args";
import { brainjarCommand } from "../e2e/program.ts";
import { median } from "./median.ts";

const LIMIT_PERCENT = 3;

/** After a change of readers: connections come and go. */
const SETTLE_MILLISECONDS = 1500;

const flags = parseArgs([...Deno.args], {
  string: ["readers", "rounds", "seconds"],
  default: { readers: "200", rounds: "12", seconds: "4" },
}) as { readers: string; rounds: string; seconds: string };

/** Reads along, so many times, until it is ended. */
const READER = `
const [url, count] = Deno.args;
const { hostname, port, host } = new URL(url);
const request = new TextEncoder().encode("GET /events HTTP/1.1\\r\\nhost: " + host + "\\r\\n\\r\\n");
let reading = 0;
for (let index = 0; index < Number(count); index++) {
  const connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(request);
  (async () => {
    const buffer = new Uint8Array(65536);
    await connection.read(buffer);
    if (++reading === Number(count)) console.log("All read along");
    while (await connection.read(buffer) !== null);
  })();
}
`;

/** The process's own time so far, in milliseconds, of all its threads. */
async function cpuMilliseconds(pid: number): Promise<number> {
  const stat = (await Deno.readTextFile(`/proc/${pid}/stat`)).replace(/^.*\) /, "").split(" ");
  return (Number(stat[11]) + Number(stat[12])) * 10;
}

const wait = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

const file = await Deno.makeTempFile({ suffix: ".ts" });
await Deno.writeTextFile(file, READER);
const run = brainjarCommand([
  ...["run", "--mode", "matrix", "--web", "--json", "--pace", "full", "--seed", "7"],
]).spawn();
let tokens = 0;
(async () => {
  let rest = "";
  for await (const text of run.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = JSON.parse(line);
      if (event.event === "thought") tokens += event.tokens;
    }
  }
})();
const errors = run.stderr.pipeThrough(new TextDecoderStream()).getReader();
let said = "";
while (!said.includes("#")) said += (await errors.read()).value ?? "";
const url = /http:\S+/.exec(said)?.[0] ?? "";
while (tokens === 0) await wait(50);

const measured = { without: [] as number[], with: [] as number[] };
const cpu = { without: [] as number[], with: [] as number[] };
const slower: number[] = [];

async function measure(isRead: boolean): Promise<number> {
  // Readers are other machines: here they take only what is left of the processor.
  const args = ["-n", "19", Deno.execPath(), "run", "-A", "-q", file, url, flags.readers];
  const readers = isRead ? new Deno.Command("nice", { args, stdout: "piped" }).spawn() : undefined;
  const told = readers?.stdout.getReader();
  await told?.read();
  await wait(SETTLE_MILLISECONDS);
  const [before, cpuBefore, started] = [tokens, await cpuMilliseconds(run.pid), performance.now()];
  await wait(Number(flags.seconds) * 1000);
  const seconds = (performance.now() - started) / 1000;
  const speed = (tokens - before) / seconds;
  const spent = (await cpuMilliseconds(run.pid) - cpuBefore) / seconds;
  measured[isRead ? "with" : "without"].push(speed);
  // What a token costs the run itself doesn't depend on what else the machine does.
  cpu[isRead ? "with" : "without"].push(spent / speed);
  readers?.kill("SIGKILL");
  await told?.cancel();
  await readers?.status;
  return speed;
}

for (let round = 0; round < Number(flags.rounds); round++) {
  const order = round % 2 === 0 ? [false, true] : [true, false];
  const speeds = new Map<boolean, number>();
  for (const isRead of order) speeds.set(isRead, await measure(isRead));
  slower.push((1 - (speeds.get(true) ?? 0) / (speeds.get(false) ?? 1)) * 100);
}
run.kill("SIGKILL");
await Deno.remove(file);

const percent = median(slower);
console.log(`without readers      ${median(measured.without).toFixed(1)} tokens/s (median)`);
console.log(
  `with ${flags.readers} readers     ${median(measured.with).toFixed(1)} tokens/s (median)`,
);
console.log(
  `processor's time     ${median(cpu.without).toFixed(2)} and ${
    median(cpu.with).toFixed(2)
  } ms a token`,
);
console.log(
  `${percent.toFixed(2)} % slower (median of ${flags.rounds} rounds, limit ${LIMIT_PERCENT} %)`,
);
Deno.exit(percent > LIMIT_PERCENT ? 1 : 0);
