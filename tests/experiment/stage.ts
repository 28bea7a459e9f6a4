import { defined } from "../../src/budget/defined.ts";
import type { DeviceFootprint } from "../../src/budget/demand.ts";
import type { DeviceMemory, MachineMemory } from "../../src/budget/memory.ts";
import { DEFAULT_POLICY, type Policy } from "../../src/budget/policy.ts";
import { GB, MB } from "../../src/budget/size.ts";
import { validateMemoryBudget } from "../../src/budget/validate.ts";
import type { InstancePlace, Validation } from "../../src/budget/validation.ts";
import type { JarConfig, JarSampling, RunConfig } from "../../src/experiment/config.ts";
import type { RunHand } from "../../src/experiment/controls.ts";
import type { RunEvent } from "../../src/experiment/events.ts";
import type { PlaceOf } from "../../src/experiment/jar/place.ts";
import type { MemorySample } from "../../src/experiment/memory/memory_sample.ts";
import type { ReservationLedger } from "../../src/experiment/memory/reservation_ledger.ts";
import { JARS_OF_MODE, type PresetMode } from "../../src/experiment/roles.ts";
import type { EndEvent } from "../../src/experiment/events.ts";
import { runExperiment } from "../../src/experiment/run_experiment.ts";
import type { Transcript, TranscriptLine } from "../../src/experiment/transcript.ts";
import { countOwnMemory } from "../../src/machine/own_memory.ts";
import { FakeClock } from "./fake_clock.ts";
import { FakeEngine, type FakeEngineOptions } from "./fake_engine.ts";

/** What a test changes of a run that would go well. */
export interface StageOptions {
  readonly mode?: PresetMode;
  readonly turns?: number | undefined;
  readonly contextSize?: number;
  readonly seed?: number;
  readonly allowPartial?: boolean;
  readonly policy?: Partial<Policy>;
  readonly ramLimitBytes?: Readonly<Record<string, number>>;
  readonly model?: (id: string) => string;
  /** How one jar's thoughts are sampled, where it isn't as the others'. */
  readonly sampling?: Readonly<Record<string, JarSampling>>;
  readonly engine?: Omit<FakeEngineOptions, "clock">;
  readonly limits?: RunConfig["limits"];
  /** Available bytes at a moment; what the engine holds is taken off. */
  readonly available?: (now: number, events: readonly RunEvent[]) => number;
  readonly total?: number;
  /** What of a jar's shared part is the process that runs it. */
  readonly processBytes?: number;
  readonly ownAnonymous?: (now: number, engineBytes: number) => number;
  readonly memory?: (now: number, memory: MachineMemory) => MachineMemory;
  /** What each jar needs on devices. */
  readonly onDevices?: readonly DeviceFootprint[];
  /** The devices at a moment, with what the engine then holds on them. */
  readonly devices?: (now: number, engine: FakeEngine) => readonly DeviceMemory[];
  /** Milliseconds after which the run is stopped, and by what. */
  readonly stopAfter?: number;
  readonly stopReason?: string;
  /** What was told isn't kept: a day of it is much. */
  readonly isForgotten?: boolean;
  readonly onEvent?: (event: RunEvent, stop: AbortController) => void;
  readonly onMemory?: (sample: MemorySample) => void;
  readonly onText?: (id: string, text: string) => void;
  readonly heard?: () => Promise<void>;
  /** Is given what a person may do, before anything happens. */
  readonly onHand?: (hand: RunHand, clock: FakeClock) => void;
  readonly transcript?: Transcript;
  readonly ledger?: ReservationLedger;
  /** Where jars live that aren't to live in this process. */
  readonly placeOf?: (clock: FakeClock) => PlaceOf;
  /** What each of them is started with, as layer 1 says it. */
  readonly places?: Pick<InstancePlace, "launcher" | "isHere" | "limitBytes" | "requestBytes">;
}

export interface Played {
  readonly result: EndEvent;
  readonly events: readonly RunEvent[];
  readonly engine: FakeEngine;
  readonly clock: FakeClock;
  readonly lines: readonly TranscriptLine[];
}

export const MODEL_BYTES = 400 * MB;
export const CONTEXT_BYTES = 100 * MB;

/** A run on a fake engine, a fake clock and a machine of 16 GB. */
export async function play(options: StageOptions = {}): Promise<Played> {
  const clock = new FakeClock();
  const engine = new FakeEngine({
    modelBytes: MODEL_BYTES,
    contextBytes: CONTEXT_BYTES,
    ...options.engine,
    ...(options.isForgotten ? { isForgotten: true } : {}),
    clock,
  });
  const events: RunEvent[] = [];
  const lines: TranscriptLine[] = [];
  const stop = new AbortController();
  const total = options.total ?? 16 * GB;
  const readMemory = (): MachineMemory => {
    const available = options.available?.(clock.now(), events) ?? total - GB;
    const memory: MachineMemory = {
      totalBytes: total,
      availableBytes: available - engine.anonymousBytes,
      reservedBytes: 0,
      sources: [],
      ...(options.devices === undefined ? {} : { devices: options.devices(clock.now(), engine) }),
      warnings: [],
    };
    return options.memory?.(clock.now(), memory) ?? memory;
  };
  const mode = options.mode ?? "matrix";
  const policy = { ...DEFAULT_POLICY, ...options.policy };
  const jars = JARS_OF_MODE[mode].map(({ id, role }): JarConfig => ({
    demand: {
      id,
      role,
      model: options.model?.(id) ?? "demo.gguf",
      ...(options.ramLimitBytes?.[id] ? { ramLimitBytes: options.ramLimitBytes[id] } : {}),
      footprint: {
        floorBytes: MODEL_BYTES + CONTEXT_BYTES,
        workingSetBytes: MODEL_BYTES + CONTEXT_BYTES,
        shared: { floorBytes: MODEL_BYTES, workingSetBytes: MODEL_BYTES },
        ...(options.onDevices === undefined ? {} : { devices: options.onDevices }),
        ...(options.processBytes === undefined ? {} : {
          loading: {
            bytes: MODEL_BYTES,
            lastingBytes: MODEL_BYTES + CONTEXT_BYTES,
            processBytes: options.processBytes,
          },
        }),
      },
    },
    options: {
      contextSize: options.contextSize ?? 4096,
      batchSize: 512,
      sequences: 1,
      flashAttention: false,
      kvCacheKeyType: "F16",
      kvCacheValueType: "F16",
      mmap: true,
    },
    ...defined({ sampling: options.sampling?.[id] }),
  }));
  const validation = validateMemoryBudget({
    mode,
    instances: jars.map((jar) => jar.demand),
    memory: countOwnMemory(readMemory(), options.ownAnonymous?.(0, 0) ?? 0),
    policy,
  });
  if (options.stopAfter !== undefined) {
    clock.sleep(options.stopAfter).then(() => stop.abort(options.stopReason ?? "SIGINT"));
  }
  const turns = "turns" in options ? options.turns : 3;
  const result = await runExperiment({
    mode,
    jars,
    ...(turns === undefined ? {} : { turns }),
    sampling: { maxTokens: 64, temperature: 0.8, topP: 0.95, seed: options.seed ?? 7 },
    allowPartial: options.allowPartial ?? false,
    policy,
    validation: placed(validation, options.places),
    ...(options.limits ? { limits: options.limits } : {}),
  }, {
    engine,
    clock,
    readMemory: () => Promise.resolve().then(readMemory),
    readOwnAnonymousBytes: () =>
      options.ownAnonymous?.(clock.now(), engine.anonymousBytes) ?? engine.anonymousBytes,
    emit: (event) => {
      if (!options.isForgotten) events.push(event);
      options.onEvent?.(event, stop);
    },
    transcript: options.transcript ?? {
      failure: undefined,
      write: (line) => lines.push(line),
      close: () => {},
    },
    validationLine: (event) => ({ ...event }),
    ...(options.ledger ? { ledger: options.ledger } : {}),
    ...(options.onMemory ? { onMemory: options.onMemory } : {}),
    ...(options.onText ? { onText: options.onText } : {}),
    ...(options.heard ? { heard: options.heard } : {}),
    ...(options.placeOf ? { placeOf: options.placeOf(clock) } : {}),
    onHand: (hand) => options.onHand?.(hand, clock),
    signal: stop.signal,
  });
  return { result, events, engine, clock, lines };
}

/** What layer 1 says, with all jars living so. */
function placed(validation: Validation, places: StageOptions["places"]): Validation {
  if (places === undefined) return validation;
  return { ...validation, places: validation.instances.map((jar) => ({ ...jar, ...places })) };
}

/** The events of one name. */
export function named<Name extends RunEvent["event"]>(
  events: readonly RunEvent[],
  name: Name,
): Extract<RunEvent, { readonly event: Name }>[] {
  return events.filter((event): event is Extract<RunEvent, { readonly event: Name }> =>
    event.event === name
  );
}
