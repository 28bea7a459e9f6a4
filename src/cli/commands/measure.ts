import { defined } from "../../budget/defined.ts";
import { BrainjarError } from "../../budget/error.ts";
import { stoppedExitCode } from "../../budget/exit_codes.ts";
import type { Engine, LoadOptions } from "../../engine/engine.ts";
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
import { withoutBrokenFlashAttention } from "../../plan/devices/broken_flash_attention.ts";
import { keepContexts } from "../../plan/devices/known_devices.ts";
import { tryUnknownDevices } from "../../plan/devices/try_devices.ts";
import { offloadAlone } from "../../plan/devices/estimate_offload.ts";
import { isToldByEngine } from "../../machine/devices/engine_devices.ts";
import { openHost } from "../../plan/host.ts";
import { resolveContext } from "../../plan/footprint_of.ts";
import { demoBrainPath, rejectUrl } from "../../plan/model_path.ts";
import { readNamedModel } from "../../plan/named_model.ts";
import {
  measuredDevice,
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

/** What is in use on each device now; nothing where only the engine tells and isn't open. */
type ReadDevices = (engine: Engine | undefined) => Promise<StageMemory["devices"]>;

/** Samples the memory of this process and what it starts, stage by stage. */
class MemorySampler {
  readonly stages: StageMemory[] = [];
  readonly #readDevices: ReadDevices | undefined;
  /** Of processes that were started before the first stage. */
  readonly #othersBytes = readChildrenAnonymousBytes();
  anonymousPeak = 0;
  peak = 0;
  readonly #timer = setInterval(() => this.#sample(), SAMPLE_EVERY);

  /** @param readDevices absent where no device computes */
  constructor(readDevices: ReadDevices | undefined) {
    this.#readDevices = readDevices;
  }

  #sample() {
    const memory = readProcessMemory();
    // The engine tries its library in a process of its own, which counts for a group's limit; one
    // that only tells devices for this command doesn't.
    const anonymousBytes = memory.anonymousBytes +
      (this.stages.at(-1)?.stage === "started"
        ? Math.max(0, readChildrenAnonymousBytes() - this.#othersBytes)
        : 0);
    this.anonymousPeak = Math.max(this.anonymousPeak, anonymousBytes);
    this.peak = Math.max(this.peak, anonymousBytes + memory.fileBytes);
    return memory;
  }

  async reach(stage: MeasuredStage, engine?: Engine): Promise<void> {
    const { anonymousBytes, fileBytes } = this.#sample();
    const proportionalBytes = readProportionalMemory()?.bytes;
    if (stage === "context gone" && this.#readDevices === undefined) return;
    const devices = await this.#readDevices?.(engine);
    this.stages.push({
      stage,
      anonymousBytes,
      fileBytes,
      ...defined({ proportionalBytes, devices }),
    });
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
  readonly open: () => Promise<Engine>;
}

/** Opens the engine, loads, thinks and disposes, each a stage of its own. */
async function measureRun(run: MeasuredRun): Promise<void> {
  const { path, options, files, sampler, signal, open } = run;
  await sampler.reach("started");
  await using opened = new AsyncDisposableStack();
  const engine = opened.adopt(await open(), (engine) => engine.dispose());
  await sampler.reach("engine open", engine);
  {
    await using loaded = new AsyncDisposableStack();
    const { mmap, offload } = options;
    const gpuLayers = offload?.gpuLayers ?? 0;
    const loading = engine.load(path, {
      mmap,
      gpuLayers,
      promptFormat: "raw",
      ...files,
      signal,
    });
    const model = loaded.adopt(await loading, (model) => model.dispose());
    await sampler.reach("after load", engine);
    {
      await using made = new AsyncDisposableStack();
      const making = model.createMind(options, signal);
      const mind = made.adopt(await making, (mind) => mind.dispose());
      await sampler.reach("after first context", engine);
      const room = mind.contextSize - ANSWER_TOKENS - PROMPT_STEP;
      await mind.think(WORD.repeat(Math.max(1, Math.min(PROMPT_TOKENS, room))), {
        maxTokens: ANSWER_TOKENS,
        temperature: findFlag("temperature").default,
        topP: findFlag("top-p").default,
        seed: 1,
        signal,
      });
      await sampler.reach("after thinking", engine);
    }
    await sampler.reach("context gone", engine);
  }
  await sampler.reach("after dispose", engine);
}

/** `brainjar measure MODEL`: loads for real and prints the estimate beside what was resident. */
export const command: Command = async ({ values, operands, output, dryLoadCommand }) => {
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
  const say = (line: string) => output.say(`${line}\n`);
  await using host = openHost({
    ...defined({ cpu: values.get("cpu"), dryLoadCommand }),
    gpu: values.get("gpu"),
    runsHere: true,
    say,
  });
  const cpu = await host.cpu();
  const { devices } = await host.findDevices();
  const context = withoutBrokenFlashAttention(
    readContextSettings(values),
    devices.map(({ device }) => device),
  );
  const offload = await offloadAlone({
    read,
    devices,
    gpuLayers: context.gpuLayers,
    footprintWith: async (offload) =>
      await estimateRead(read, await resolveContext(header, context, offload), cpu),
  });
  const options = await resolveContext(header, context, offload);
  checkPositions(header, options.contextSize);
  await tryUnknownDevices(host, { devices, start: dryLoadCommand, say });
  const inMemoryBytes = options.mmap ? host.bytesInMemory(header) : 0;
  const { bytes: estimated, devices: onDevices = [] } = withWeightsInMemory(
    await estimateRead(read, options, cpu),
    header.fileBytes - inMemoryBytes,
    inMemoryBytes,
  );
  const stop = listenForStop();
  const readDevices = async (engine: Engine | undefined) => {
    const { devices } = await host.findDevices();
    const isEngines = devices.some(({ memory }) => isToldByEngine(memory));
    const told = isEngines
      ? (await engine?.devices())?.map(({ id, totalBytes, freeBytes }) => ({
        id,
        usedBytes: totalBytes - freeBytes,
      }))
      : devices.map(({ memory: { id, totalBytes, availableBytes, reservedBytes } }) => ({
        id,
        usedBytes: totalBytes - availableBytes - reservedBytes,
      }));
    return told;
  };
  const sampler = new MemorySampler(offload && readDevices);
  const files = { files: header.parts, sparse: await sparseRanges(header, cpu) };
  const backend = offload?.devices[0]?.backend ?? "off";
  const open = () => openEngine({ gpu: backend, say });
  const measuring = measureRun({ path, options, files, sampler, signal: stop.signal, open });
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
    ...onDevices.length > 0 && {
      devices: onDevices.map((estimated) => {
        const { id } = estimated;
        const name = devices.find(({ memory }) => memory.id === id)?.memory.name ?? id;
        return measuredDevice({ id, name, estimated }, stages);
      }),
    },
    ...defined({ savedTo }),
  };
  if (savedTo !== undefined) {
    const key = await calibrationKey(header, cpu, options);
    await keeping(savedTo, () => saveCalibration(savedTo, key, measurement.floorRatio));
    await keeping(savedTo, () => keepContexts(devices, measurement.devices ?? []));
  }
  output.answer(
    values.get("json")
      ? jsonText(measureJson(measurement)) + "\n"
      : measureText(measurement) + "\n",
  );
  return 0;
};

async function keeping(path: string, keep: () => void | Promise<void>): Promise<void> {
  try {
    await keep();
  } catch (error) {
    throw new BrainjarError("calibration-unwritable", `The ratio can't be kept in ${path}`, {
      hint: "Name another folder with $BRAINJAR_HOME",
      kind: "engine",
      cause: error,
    });
  }
}
