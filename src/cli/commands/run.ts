import { systemClock } from "../../experiment/clock.ts";
import { BrainjarError } from "../../budget/error.ts";
import type { RunConfig } from "../../experiment/config.ts";
import type { RunEvent } from "../../experiment/events.ts";
import { runExperiment } from "../../experiment/run.ts";
import { openTranscript } from "../../experiment/transcript.ts";
import type { CpuFeatures } from "../../llama_cpp/options.ts";
import { sparseRanges } from "../../footprint/sparse_ranges.ts";
import { readMachineMemory } from "../../machine/read.ts";
import { readProcessMemory } from "../../machine/process_memory.ts";
import { renderEvent } from "../../report/event_text.ts";
import { validationText } from "../../report/validation_text.ts";
import { advise } from "../../plan/advise.ts";
import type { Command } from "../brainjar.ts";
import { reportOf } from "./check.ts";
import type { Live } from "../terminal/progress.ts";
import { capMemory } from "../../plan/machine_memory.ts";
import { demoBrainPath, rejectUrl, resolveModel } from "../../plan/model_path.ts";
import { type Plan, planJars } from "../../plan/plan.ts";
import { promiseBook } from "../../experiment/shared_ledger.ts";
import type { Settings } from "../../plan/settings.ts";
import { readSettings } from "../settings/settings.ts";
import { listenForStop } from "../terminal/stop.ts";
import type { FlagValues } from "../flags/values.ts";
import { sayWhichModel } from "../which_model.ts";
import { openWorld } from "../../plan/host.ts";

/** `brainjar run`: all three layers, then the experiment. */
export const run: Command = async ({ values, output }) => {
  const settings = await readSettings(values, {
    environmentModel: Deno.env.get("BRAINJAR_MODEL"),
    say: (text) => output.say(text),
  });
  for (const jar of settings.jars) rejectUrl(jar.model ?? "");
  sayWhichModel(settings, output);
  const stop = listenForStop();
  const log = values.text("log");
  if (log !== undefined) rejectModelAsLog(log, settings);
  const transcript = log === undefined ? undefined : openTranscript(log);
  const { machine, ...here } = settings;
  // A run happens here: a machine that was described can only make it smaller.
  const world = openWorld(here);
  const readMemory = async () => {
    const memory = await readMachineMemory();
    return machine === undefined ? memory : capMemory(memory, machine);
  };
  // Loaded for a terminal only: a pipe has no use for it.
  const live = output.interactive && !values.has("json")
    ? (await import("../terminal/progress.ts")).openLive()
    : undefined;
  const answer = (text: string) => {
    if (!output.answer(text)) stop.ask("SIGPIPE");
  };
  try {
    const memory = await world.readMemory();
    const plan = await advise(
      await planJars(settings, machine ? capMemory(memory, machine) : memory, world),
      world,
    );
    const end = await runExperiment(runConfig(plan, await world.cpu(), values), {
      engine: live?.watch(world.engine) ?? world.engine,
      clock: systemClock,
      readMemory,
      ...(world.ledger === undefined ? {} : { promises: promiseBook(world.ledger, readMemory) }),
      readOwnAnonymousBytes: () => readProcessMemory().anonymousBytes,
      emit: values.has("json") ? jsonTeller(answer) : textTeller(plan, answer, live),
      ...(live === undefined ? {} : { onText: thoughtShower(live) }),
      ...(transcript === undefined ? {} : { transcript }),
      signal: stop.signal,
    });
    return end.exitCode;
  } finally {
    live?.clear();
    transcript?.close();
    await stop.freed(world.close());
    stop.close();
  }
};

/** A transcript in place of a model would destroy it. */
function rejectModelAsLog(log: string, settings: Settings): void {
  const file = resolveModel(log);
  const models = settings.jars.map((jar) => resolveModel(jar.model ?? demoBrainPath()));
  if (!models.includes(file)) return;
  throw new BrainjarError("log-is-model", `Log file is a model of this run: ${log}`, {
    hint: "Give --log a file of its own",
  });
}

function runConfig(plan: Plan, cpu: CpuFeatures, values: FlagValues): RunConfig {
  const turns = values.number("turns");
  return {
    mode: plan.settings.mode,
    jars: plan.jars.map(({ header, demand, options, settings: { introduction } }) => ({
      demand,
      options,
      files: header.parts,
      sparse: sparseRanges(header, cpu),
      ...(introduction === undefined ? {} : { introduction }),
    })),
    ...(turns === undefined ? {} : { turns }),
    sampling: {
      maxTokens: values.number("max-tokens") ?? 64,
      temperature: values.number("temperature") ?? 0.8,
      topP: values.number("top-p") ?? 0.95,
      seed: values.number("seed") ?? randomSeed(),
    },
    allowPartial: values.has("allow-partial"),
    policy: plan.settings.policy,
    validation: plan.validation,
  };
}

function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

function jsonTeller(answer: (text: string) => void): (event: RunEvent) => void {
  return (event) => answer(JSON.stringify(event) + "\n");
}

function textTeller(
  plan: Plan,
  answer: (text: string) => void,
  live: Live | undefined,
): (event: RunEvent) => void {
  return (event) => {
    live?.clear();
    if (event.event === "validation") answer(validationText(reportOf(plan)) + "\n");
    answer(renderEvent(event) + "\n");
  };
}

/** Shows a thought while it is sampled. */
function thoughtShower(live: Live): (id: string, text: string) => void {
  let thinking = { id: "", text: "" };
  return (id, piece) => {
    thinking = { id, text: thinking.id === id ? thinking.text + piece : piece };
    live.show({ kind: "thinking", ...thinking });
  };
}
