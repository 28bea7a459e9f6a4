/**
 * brainjar's anonymous memory beside a bare node-llama-cpp program's on the same model, one jar and
 * three.
 *
 *   deno run -A tests/bench/memory_given_back.ts [--models FOLDER]
 */
import { parseArgs } from "@std/cli/parse-args";
import { defaultCache } from "../../fixtures/generate.ts";
import { modelFile, type ModelName, optionsOf } from "./configurations.ts";
import type { WorkerTask } from "./jars_worker.ts";

const MIB = 1024 ** 2;
const CONTEXT_SIZE = 2048;
const SAMPLED: readonly ModelName[] = ["60M 32k Q8_0", "60M 128k Q4_0", "20M 262k Q8_0"];

/** A program's anonymous memory in bytes: at its highest, and when it had thought. */
interface Held {
  readonly peak: number;
  readonly thinking: number;
}

const here = (name: string) => new URL(name, import.meta.url).pathname;

async function watch(script: string, parameters: readonly string[]): Promise<Held> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--config", here("../../deno.json"), script, ...parameters],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let peak = 0;
  const looking = setInterval(() => {
    try {
      const status = Deno.readTextFileSync(`/proc/${child.pid}/status`);
      peak = Math.max(peak, Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024);
    } catch {
      // It has ended.
    }
  }, 4);
  const { stdout, success } = await child.output();
  clearInterval(looking);
  if (!success) throw new Error(`${script} failed`);
  const lines = new TextDecoder().decode(stdout).trim().split("\n").map((line) =>
    JSON.parse(line) as { phase?: string; anonymousBytes: number }
  );
  const thinking = lines.filter(({ phase }) => phase === undefined || phase === "thought");
  return { peak, thinking: Math.max(...thinking.map(({ anonymousBytes }) => anonymousBytes)) };
}

function brainjar(model: string, jars: number): Promise<Held> {
  const options = optionsOf({
    model: "60M 32k Q8_0",
    jars,
    share: true,
    mmap: true,
    contextSize: CONTEXT_SIZE,
  });
  const task: WorkerTask = { model, jars, share: true, options, promptTokens: 640, maxTokens: 8 };
  return watch(here("./jars_worker.ts"), [JSON.stringify(task)]);
}

const flags = parseArgs(Deno.args, { string: ["models"] });
const folder = flags["models"] ?? await Deno.makeTempDir({ prefix: "brainjar-bench-" });
const mib = (bytes: number) => (bytes / MIB).toFixed(0);
console.log(
  "| model, context 2048 | bare, peak / thinking | brainjar, one jar | three bare programs | " +
    "brainjar, three jars | share of three |\n| --- | --: | --: | --: | --: | --: |",
);
for (const name of SAMPLED) {
  const path = await modelFile(folder, name, defaultCache());
  const bare = await watch(here("./bare_worker.ts"), [path, String(CONTEXT_SIZE)]);
  const one = await brainjar(path, 1);
  const three = await brainjar(path, 3);
  const both = ({ peak, thinking }: Held) => `${mib(peak)} / ${mib(thinking)}`;
  const sum = { peak: 3 * bare.peak, thinking: 3 * bare.thinking };
  const share = `${(three.peak / sum.peak * 100).toFixed(0)} % / ${
    (three.thinking / sum.thinking * 100).toFixed(0)
  } %`;
  console.log(`| ${[name, both(bare), both(one), both(sum), both(three), share].join(" | ")} |`);
}
if (flags["models"] === undefined) await Deno.remove(folder, { recursive: true });
