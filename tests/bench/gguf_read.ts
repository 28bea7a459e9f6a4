/**
 * How fast a header with 262,144 tokens and 514,906 merges is read, in fresh processes and when
 * warm, and how much memory that takes.
 *
 * Usage: deno run -A tests/bench/gguf_read.ts [FILE]
 */
import { readHeader } from "../../src/gguf/read.ts";
import { array, buildHeader, text } from "../gguf/build_header.ts";
import { median } from "./median.ts";

const FRESH_RUNS = 15;
const WARM_RUNS = 30;

/** A header of gemma's proportions, 16 MB. */
function largeHeader(): Uint8Array {
  const words = (count: number, length: number) =>
    Array.from({ length: count }, (_, i) => "x".repeat(i % (2 * length)));
  return buildHeader({
    metadata: [
      text("general.architecture", "gemma"),
      array("tokenizer.ggml.tokens", "string", words(262_144, 9)),
      array("tokenizer.ggml.scores", "float32", words(262_144, 0).map(() => 1)),
      array("tokenizer.ggml.token_type", "int32", words(262_144, 0).map(() => 1)),
      array("tokenizer.ggml.merges", "string", words(514_906, 10)),
    ],
    tensors: Array.from({ length: 400 }, (_, i) => ({ name: `blk.${i}.w`, dimensions: [32, 2] })),
  }).bytes;
}

/** What one fresh process says of itself. */
interface Fresh {
  readonly first: number;
  readonly warm: number;
  /** Peak resident memory in MiB. */
  readonly peak: number;
}

/** Reads in this process, the first time and warm. */
async function readHere(path: string): Promise<Fresh> {
  const timed = async () => {
    const start = performance.now();
    await readHeader(path);
    return performance.now() - start;
  };
  const first = await timed();
  const peak = peakMebibytes();
  const warm: number[] = [];
  for (let i = 0; i < WARM_RUNS; i++) warm.push(await timed());
  return { first, warm: median(warm), peak };
}

function peakMebibytes(): number {
  try {
    const status = Deno.readTextFileSync("/proc/self/status");
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
  } catch {
    return Deno.memoryUsage().rss / 1024 ** 2;
  }
}

async function readInFreshProcess(path: string): Promise<Fresh> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL(import.meta.url).pathname, "--here", path],
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function main(): Promise<void> {
  const [flag, here] = Deno.args;
  if (flag === "--here" && here !== undefined) {
    return console.log(JSON.stringify(await readHere(here)));
  }
  const temporary = await Deno.makeTempDir({ prefix: "brainjar-bench-" });
  try {
    const path = flag ?? `${temporary}/large.gguf`;
    if (flag === undefined) await Deno.writeFile(path, largeHeader());
    const runs: Fresh[] = [];
    for (let i = 0; i < FRESH_RUNS; i++) runs.push(await readInFreshProcess(path));
    const show = (name: string, numbers: number[], unit: string) =>
      console.log(
        `${name.padEnd(22)} median ${median(numbers).toFixed(1)} ${unit}, ` +
          `least ${Math.min(...numbers).toFixed(1)}, most ${Math.max(...numbers).toFixed(1)}`,
      );
    show("first in its process", runs.map((run) => run.first), "ms");
    show("warm", runs.map((run) => run.warm), "ms");
    show("peak resident memory", runs.map((run) => run.peak), "MiB");
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}

if (import.meta.main) await main();
