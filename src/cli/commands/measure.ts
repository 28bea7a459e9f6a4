import { defined } from "../../budget/defined.ts";
import { BrainjarError } from "../../budget/error.ts";
import { stoppedExitCode } from "../../budget/exit_codes.ts";
import type { LoadOptions } from "../../engine/engine.ts";
import { openEngine } from "../../engine/open.ts";
import { checkPositions } from "../../footprint/context_size.ts";
import { estimateRead } from "../../footprint/estimate.ts";
import { settlesBefore } from "../../experiment/clock.ts";
import { PROMPT_STEP, SAMPLERS_BETWEEN_COLLECTIONS } from "../../footprint/prompt_steps.ts";
import { KERNEL_BYTES } from "../../footprint/runtime.ts";
import { withWeightsInMemory } from "../../footprint/weights_in_memory.ts";
import { sparseRanges } from "../../footprint/sparse_ranges.ts";
import { checkRuns, checkSpeaks } from "../../llama_cpp/models/check_runs.ts";
import type { FootprintOptions } from "../../llama_cpp/options.ts";
import { calibrationKey, calibrationPath, saveCalibration } from "../../machine/calibrations.ts";
import {
  readChildrenAnonymousBytes,
  readProcessMemory,
  readProportionalMemory,
} from "../../machine/process_memory.ts";
import { openHost } from "../../plan/host.ts";
import { resolveContext } from "../../plan/footprint_of.ts";
import { demoBrainPath, rejectUrl } from "../../plan/model_path.ts";
import { readNamedModel } from "../../plan/named_model.ts";
import {
  type MeasuredStage,
  measureJson,
  type Measurement,
  measureText,
  type StageMemory,
} from "../../report/estimate/measure_text.ts";
import { jsonText } from "../../report/printable.ts";
import type { Command } from "../command.ts";
import { findFlag } from "../flags/flags.ts";
import { readContextSettings } from "../settings/settings.ts";
import { listenForStop } from "../terminal/stop.ts";

/** Milliseconds between two samples of this process's memory. */
const SAMPLE_EVERY = 5;

/** A word that is one token in nearly every vocabulary. */
const WORD = " the";

/** More steps than samplers are ever alive, so that the worst case comes about. */
const PROMPT_TOKENS = 2 * PROMPT_STEP * SAMPLERS_BETWEEN_COLLECTIONS;

const ANSWER_TOKENS = 16;

/** Samples the memory of this process and what it starts, stage by stage. */
class MemorySampler {
  readonly stages: StageMemory[] = [];
  anonymousPeak = 0;
  peak = 0;
  readonly #timer = setInterval(() => this.#sample(), SAMPLE_EVERY);

  #sample() {
    const memory = readProcessMemory();
    // The engine tries its library in a process of its own, which counts for a group's limit.
    const anonymousBytes = memory.anonymousBytes +
      (this.stages.at(-1)?.stage === "started" ? readChildrenAnonymousBytes() : 0);
    this.anonymousPeak = Math.max(this.anonymousPeak, anonymousBytes);
    this.peak = Math.max(this.peak, anonymousBytes + memory.fileBytes);
    return memory;
  }

  reach(stage: MeasuredStage): void {
    const { anonymousBytes, fileBytes } = this.#sample();
    const proportionalBytes = readProportionalMemory()?.bytes;
    this.stages.push({ stage, anonymousBytes, fileBytes, ...defined({ proportionalBytes }) });
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** What is loaded and thought with, and where it is measured. */
interface MeasuredRun {
  readonly path: string;
  readonly options: FootprintOptions;
  readonly files: Pick<LoadOptions, "files" | "sparse">;
  readonly sampler: MemorySampler;
  readonly signal: AbortSignal;
}

/** Opens the engine, loads, thinks and disposes, each a stage of its own. */
async function measureRun(run: MeasuredRun): Promise<void> {
  const { path, options, files, sampler, signal } = run;
  sampler.reach("started");
  await using opened = new AsyncDisposableStack();
  const engine = opened.adopt(await openEngine(), (engine) => engine.dispose());
  sampler.reach("engine open");
  {
    await using loaded = new AsyncDisposableStack();
    const loading = engine.load(path, { mmap: options.mmap, ...files, signal });
    const model = loaded.adopt(await loading, (model) => model.dispose());
    sampler.reach("after load");
    const making = model.createMind(options, signal);
    const mind = loaded.adopt(await making, (mind) => mind.dispose());
    sampler.reach("after first context");
    const room = mind.contextSize - ANSWER_TOKENS - PROMPT_STEP;
    await mind.think(WORD.repeat(Math.max(1, Math.min(PROMPT_TOKENS, room))), {
      maxTokens: ANSWER_TOKENS,
      temperature: findFlag("temperature").default,
      topP: findFlag("top-p").default,
      seed: 1,
      signal,
    });
    sampler.reach("after thinking");
  }
  sampler.reach("after dispose");
}

/** `brainjar measure MODEL`: loads for real and prints the estimate beside what was resident. */
export const command: Command = async ({ values, operands, output }) => {
  if (Deno.build.os !== "linux") {
    throw new BrainjarError("not-on-this-system", "brainjar measure reads /proc of Linux", {
      hint: "Estimates work everywhere: brainjar estimate MODEL",
    });
  }
  if (operands.length > 1) {
    throw new BrainjarError("unexpected-operand", `Unexpected "${operands[1]}"`, {
      hint: "A process is measured with one model; call brainjar measure for each",
    });
  }
  const given = operands[0] ?? (Deno.env.get("BRAINJAR_MODEL") || demoBrainPath());
  rejectUrl(given);
  const { name, header } = await readNamedModel(given);
  // Whichever part of a split model was named, the engine takes the first.
  const path = header.parts[0]?.path ?? given;
  const read = await checkRuns(header);
  checkSpeaks(name, header);
  const options = await resolveContext(header, readContextSettings(values));
  checkPositions(header, options.contextSize);
  await using host = openHost({ ...defined({ cpu: values.get("cpu") }), runsHere: true });
  const cpu = await host.cpu();
  const inMemoryBytes = options.mmap ? host.bytesInMemory(header) : 0;
  const { bytes: estimated } = withWeightsInMemory(
    await estimateRead(read, options, cpu),
    header.fileBytes - inMemoryBytes,
    inMemoryBytes,
  );
  const stop = listenForStop();
  const sampler = new MemorySampler();
  const files = { files: header.parts, sparse: await sparseRanges(header, cpu) };
  const measuring = measureRun({ path, options, files, sampler, signal: stop.signal });
  try {
    if (await settlesBefore(measuring, stop.signal)) await measuring;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    if (stop.signal.aborted) await stop.freed(measuring);
    sampler.close();
    stop.close();
  }
  if (stop.signal.aborted) return stoppedExitCode(stop.signal.reason);

  const { stages, anonymousPeak } = sampler;
  const savedTo = values.get("save") ? calibrationPath((name) => Deno.env.get(name)) : undefined;
  const measurement: Measurement = {
    path: name,
    estimated,
    stages,
    anonymousPeakBytes: anonymousPeak,
    peakBytes: sampler.peak,
    floorRatio: (anonymousPeak + KERNEL_BYTES) / estimated.floor,
    ...defined({ savedTo }),
  };
  if (savedTo !== undefined) {
    keep(savedTo, await calibrationKey(header, cpu, options.mmap), measurement.floorRatio);
  }
  output.answer(
    values.get("json")
      ? jsonText(measureJson(measurement)) + "\n"
      : measureText(measurement) + "\n",
  );
  return 0;
};

function keep(path: string, key: string, ratio: number): void {
  try {
    saveCalibration(path, key, ratio);
  } catch (error) {
    throw new BrainjarError("calibration-unwritable", `The ratio can't be kept in ${path}`, {
      hint: "Name another folder with $BRAINJAR_HOME",
      kind: "engine",
      cause: error,
    });
  }
}
