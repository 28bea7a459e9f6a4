import configuration from "../../../deno.json" with { type: "json" };
import { defined } from "../../budget/defined.ts";
import { BrainjarError } from "../../budget/error.ts";
import { memoryFor } from "../../budget/allocated_memory.ts";
import { systemClock } from "../../experiment/clock.ts";
import type { RunConfig } from "../../experiment/config.ts";
import { runExperiment } from "../../experiment/run_experiment.ts";
import { reservationLedger } from "../../experiment/memory/reservation_ledger.ts";
import { openTranscript } from "../../experiment/transcript_file/open_transcript.ts";
import { parsePrompt } from "../../experiment/prompts/prompt_file.ts";
import { expandHome } from "../../gguf/environment.ts";
import { locateModel } from "../../gguf/locate.ts";
import { partPaths } from "../../gguf/split_name.ts";
import type { MemoryLedger } from "../../ledger/memory_ledger.ts";
import { type HeldMemory, unknownToken } from "../../ledger/reservation.ts";
import { sparseRanges } from "../../footprint/sparse_ranges.ts";
import { checkChats } from "../../llama_cpp/loading/chat_template.ts";
import { checkSpeaks } from "../../llama_cpp/models/check_runs.ts";
import type { CpuFeatures } from "../../llama_cpp/options.ts";
import { readHeldBytes } from "../../machine/process_memory.ts";
import { withDevices } from "../../plan/devices/devices.ts";
import { openHost } from "../../plan/host.ts";
import { ownHeldBytes, readCapped } from "../../plan/machine_memory.ts";
import { demoBrainPath } from "../../plan/model_path.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Settings } from "../../plan/settings.ts";
import { loadModule } from "../../load_module.ts";
import { planForRun } from "../../plan/devices/try_devices.ts";
import { eventJson } from "../../report/event_json.ts";
import { jsonText } from "../../report/printable.ts";
import { placeIn } from "../../report/places/places.ts";
import { validationReport } from "../../report/validation_report.ts";
import type { Command } from "../command.ts";
import type { FlagValues } from "../flags/values.ts";
import { readSettings } from "../settings/settings.ts";
import { openSession } from "../run/session.ts";
import { listenForStop } from "../terminal/stop.ts";

/** `brainjar run`: all three layers, then the experiment. */
export const command: Command = async ({ values, output, dryLoadCommand, jarCommand }) => {
  // Before anything else: a Ctrl-C that comes while models are read has its report too.
  const stop = listenForStop();
  const settings = await readSettings(values, {
    say: (text) => output.say(text),
    filesOnly: true,
  });
  const launching = settings.jars.some(({ launcher }) => launcher !== undefined)
    ? (await loadModule<typeof import("../run/launch.ts")>(import.meta, "../run/launch.ts"))
      .readLaunching(settings, jarCommand, {
        ...defined({
          excluded: values.get("token") === undefined ? undefined : {
            flag: "token",
            hint: "What a token holds is one process's: give it back first, or run in-process",
          },
          startSeconds: values.get("start-timeout"),
        }),
        say: (line) => output.say(`${line}\n`),
      })
    : undefined;
  const typedLog = values.get("log");
  const log = typedLog && expandHome(typedLog);
  if (log !== undefined) await checkLog(log, settings);
  const maxBytes = values.get("log-max-size");
  if (log === undefined && maxBytes !== undefined) throw noLogToLimit();
  const transcript = log === undefined
    ? undefined
    : openTranscript(log, { toText: jsonText, ...defined({ maxBytes }) });
  const session = await openSession({ values, output, stop });
  const { machine, ...here } = settings;
  // A run happens here: a machine that was described can only make it smaller.
  const say = (line: string) => session.say(`${line}\n`);
  const host = openHost({
    ...here,
    ...defined({ dryLoadCommand, cap: machine }),
    runsHere: true,
    loadsHere: true,
    say,
  });
  const ownBytes = ownHeldBytes();
  const readMemory = async () =>
    withDevices(
      await readCapped(machine, Math.max(0, ownHeldBytes() - ownBytes)),
      await host.findDevices(),
    );
  try {
    const ledger = await host.openLedger();
    const held = claim(ledger, values.get("token"));
    const first = await readMemory();
    const together = await planForRun(host, settings, { start: dryLoadCommand, say });
    await launching?.askOffers();
    const plan = launching?.apart(together) ?? together;
    for (const { demand, header } of plan.jars) {
      checkSpeaks(demand.model, header);
      if (values.get("prompt-format") === "chat") checkChats(demand.model, header);
    }
    const { validation } = plan;
    // Limits of this process are met by the jars that live in it, and by no others.
    const own = plan.jars.map((jar) => jar.demand)
      .filter(({ id }) => placeIn(validation, id)?.launcher === undefined);
    const readForJars = async () => memoryFor(await readMemory(), own, settings.policy, first);
    const cpu = await host.cpu();
    const config = await runConfig({ ...together, validation }, cpu, values);
    const goesOn = config.validation.ok || config.allowPartial;
    await session.validated(validationReport({ plan }), goesOn);
    const end = await runExperiment(config, {
      engine: session.watch(host.engine),
      clock: systemClock,
      readMemory: readForJars,
      readOwnAnonymousBytes: readHeldBytes,
      ...session.listeners,
      validationLine: (event) => ({ ...eventJson(event), text: session.report }),
      ...defined({ placeOf: launching?.placesOf(together, cpu, session.hearWait) }),
      ...defined({ ledger: ledger && reservationLedger(ledger, readForJars, held), transcript }),
      signal: stop.signal,
    });
    await session.ended(end);
    return end.exitCode;
  } finally {
    await session.close();
    transcript?.close();
    await stop.freed(host[Symbol.asyncDispose]());
    stop.close();
  }
};

/**
 * Throws where the log is a model, which a transcript would destroy, or the file that the answer goes to,
 * which would write over it; by whatever name or link it is there.
 */
async function checkLog(log: string, settings: Settings): Promise<void> {
  if (STREAMS.some((stream) => isSameFile(stream, log))) {
    throw new BrainjarError("log-is-output", `Log file is where the answer goes: ${log}`, {
      hint: "Give --log a file of its own; --json has the same on stdout",
    });
  }
  const models = settings.jars.map((jar) => locateModel(jar.model ?? demoBrainPath()));
  const files = (await Promise.all(models)).flatMap(partPaths);
  if (!files.some((file) => isSameFile(file, log))) return;
  throw new BrainjarError("log-is-model", `Log file is a model of this run: ${log}`, {
    hint: "Give --log a file of its own",
  });
}

function noLogToLimit(): BrainjarError {
  return new BrainjarError("log-missing", `Flag "--log-max-size" needs a log file`, {
    hint: "Write --log FILE too",
  });
}

/** Where stdout and stderr go, as paths. */
const STREAMS = ["/dev/fd/1", "/dev/fd/2"];

/** Whether both are one file of a disk, by whatever name. */
function isSameFile(one: string, other: string): boolean {
  try {
    const [a, b] = [Deno.statSync(one), Deno.statSync(other)];
    return a.isFile && a.ino !== null && a.ino === b.ino && a.dev === b.dev;
  } catch {
    return false;
  }
}

/** What a token holds for this run, whose first jar takes its place. */
function claim(
  ledger: MemoryLedger | undefined,
  token: string | undefined,
): HeldMemory | undefined {
  if (token === undefined || ledger === undefined) return undefined;
  const held = ledger.claim(token);
  if (held === undefined) throw unknownToken(token);
  return held;
}

async function runConfig(plan: Plan, cpu: CpuFeatures, values: FlagValues): Promise<RunConfig> {
  return {
    mode: plan.settings.mode,
    jars: await Promise.all(
      plan.jars.map(async ({ header, demand, options, settings: { prompt, sampling } }) => ({
        demand,
        options,
        files: header.parts,
        sparse: await sparseRanges(header, cpu),
        ...defined({ prompt: prompt === undefined ? undefined : parsePrompt(prompt), sampling }),
      })),
    ),
    ...defined({ turns: values.get("turns") }),
    sampling: {
      maxTokens: values.get("max-tokens"),
      temperature: values.get("temperature"),
      topP: values.get("top-p"),
      seed: values.get("seed") ?? randomSeed(),
    },
    promptFormat: values.get("prompt-format"),
    allowPartial: values.get("allow-partial"),
    policy: plan.settings.policy,
    validation: plan.validation,
    version: configuration.version,
  };
}

function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}
