import { BrainjarError } from "../budget/error.ts";
import type { MachineMemory } from "../budget/memory.ts";
import type { Engine } from "../engine/engine.ts";
import type { StartDryLoads } from "../engine/dry_load_process.ts";
import { lazyEngine } from "../engine/open.ts";
import type { Footprint } from "../footprint/footprint.ts";
import type { CpuFeatures, Device } from "../llama_cpp/options.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { checkRuns } from "../llama_cpp/models/check_runs.ts";
import type { ReadModel } from "../llama_cpp/models/families.ts";
import { calibrationPath, type Calibrations, readCalibrations } from "../machine/calibrations.ts";
import { loadModule } from "../load_module.ts";
import { readCpuFeatures } from "../machine/cpu.ts";
import { bytesInMemory } from "../machine/files_in_memory.ts";
import { engineThreads } from "../machine/engine_threads.ts";
import { namedCpu } from "../machine/named_cpu.ts";
import { mayHaveLedger } from "../ledger/folder.ts";
import type { MemoryLedger } from "../ledger/memory_ledger.ts";
import { readMemoryOf } from "./machine_memory.ts";
import { type NamedModel, readNamedModel } from "./named_model.ts";
import {
  devicesOf,
  type FoundDevices,
  mayFindDevices,
  NO_DEVICES,
  withDevices,
} from "./devices/devices.ts";
import type { ComputingDevice, GpuChoice, OtherMachine } from "./settings.ts";

/** A model that llama.cpp loads and makes text with, and what was read of it. */
export interface RunnableModel extends NamedModel {
  readonly read: ReadModel;
}

/**
 * The machine that is planned for, and the models and the engine on this one; each is looked at
 * when it is first asked for. Disposing of it ends the engine, if it was opened.
 */
export interface Host extends AsyncDisposable {
  /** A model by a name that was given; read once for each, where models are remembered. */
  readModel(given: string): Promise<NamedModel>;
  /**
   * The same of a model that is to be run: what llama.cpp wouldn't load or can't make text with is
   * an error (`checkRuns`).
   */
  readRunnable(given: string): Promise<RunnableModel>;
  /** Footprints by what was asked; absent where models aren't remembered. */
  readonly footprints: Map<string, Promise<Footprint>> | undefined;
  /**
   * The machine's memory for jars that aren't loaded yet, less what other brainjar processes have
   * reserved and not filled.
   */
  readMemory(): Promise<MachineMemory>;
  /**
   * The devices that compute, as they are now; none where none was asked for.
   *
   * @throws {BrainjarError} `no-gpu` where a kind was asked for that isn't here.
   */
  findDevices(): Promise<FoundDevices>;
  /** The same as far as can be told without fetching an engine. */
  findDevicesHere(): Promise<FoundDevices>;
  /** The devices of a memory that was read, as llama.cpp finds them before anything is loaded. */
  devicesOf(memory: MachineMemory): readonly Device[];
  /** From now on the CPU computes alone: where a plan found no room on devices. */
  leaveDevices(): void;
  /**
   * What the processes of this user have reserved, always the same object; there is none for a
   * machine that isn't this one.
   */
  openLedger(): Promise<MemoryLedger | undefined>;
  cpu(): Promise<CpuFeatures>;
  /** Bytes of a model's files that lie in this machine's memory already; 0 for another machine. */
  bytesInMemory(header: Pick<GgufHeader, "parts">): number;
  /** What `measure --save` kept on this machine; read once. */
  calibrations(): Calibrations;
  /** Opened when it is first asked for something. */
  readonly engine: Engine;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Which machine is planned for. */
interface HostOptions {
  readonly machine?: OtherMachine;
  /** What this machine is to be no larger than, for what happens here. */
  readonly cap?: OtherMachine;
  /** A processor of the table instead of this one. */
  readonly cpu?: string;
  /** Which devices compute; none unless told otherwise. */
  readonly gpu?: GpuChoice;
  /** Told what the engine fetches before it does. */
  readonly say?: (line: string) => void;
  /**
   * Tells what starts a program that answers dry loads (engine/answer_dry_loads.ts); without it
   * they are made in this process, which a header may end.
   */
  readonly dryLoadCommand?: StartDryLoads;
  /** Whether this machine computes: then it has what `cpu` has beside its own features. */
  readonly runsHere?: boolean;
  /** Whether models are loaded by this host's engine, which then tells its own devices. */
  readonly loadsHere?: boolean;
  /** Whether what was found of a model is kept for the next question; true unless told otherwise. */
  readonly rememberModels?: boolean;
}

/** This machine, but for what `options` describe instead. */
export function openHost(options: HostOptions = {}): Host {
  const remembers = options.rememberModels ?? true;
  const models = new Map<string, Promise<NamedModel>>();
  const runnable = new Map<string, Promise<RunnableModel>>();
  let cpu: Promise<CpuFeatures> | undefined;
  let calibrations: Calibrations | undefined;
  const { gpu = "off", say = () => {} } = options;
  let known: readonly ComputingDevice[] = [];
  let leavesDevices = false;
  const engine = lazyEngine(async () => {
    const { hostEngine } = await loadModule<typeof import("./host_engine.ts")>(
      import.meta,
      "./host_engine.ts",
    );
    return hostEngine({
      backend: () => {
        if (leavesDevices) return "off";
        return gpu === "auto" ? known[0]?.device.backend ?? "off" : gpu;
      },
      start: options.dryLoadCommand,
      loadsHere: options.loadsHere ?? false,
      say,
    });
  });
  // A described machine has no processes.
  const hasLedger = options.machine === undefined;
  let ledger: Promise<MemoryLedger> | undefined;
  const openLedger = async () => hasLedger ? await (ledger ??= newLedger()) : undefined;
  const find = async (
    choice: GpuChoice,
    asked: Engine | undefined,
    before: readonly ComputingDevice[],
  ) => {
    if (!mayFindDevices(choice, options.machine)) return NO_DEVICES;
    const { findDevices } = await loadModule<typeof import("./devices/find_devices.ts")>(
      import.meta,
      "./devices/find_devices.ts",
    );
    return await findDevices(choice, options.machine, asked, before);
  };
  const findAndKeep = async () => {
    const found = await find(leavesDevices ? "off" : gpu, engine, known);
    if (known.length === 0) known = found.devices;
    for (const [name, value] of Object.entries(found.environment ?? {})) Deno.env.set(name, value);
    return found;
  };
  const readModel = (given: string) => {
    const model = models.get(given) ?? readNamedModel(given);
    if (remembers) models.set(given, model);
    return model;
  };
  return {
    readModel,
    readRunnable: (given) => {
      const checked = runnable.get(given) ?? checkedModel(readModel(given));
      if (remembers) runnable.set(given, checked);
      return checked;
    },
    footprints: remembers ? new Map() : undefined,
    readMemory: async () => {
      const memory = withDevices(
        await readMemoryOf(options.machine, options.cap),
        await findAndKeep(),
      );
      // Where there is no folder of it, nobody has reserved anything.
      const ledger = mayHaveLedger() ? await openLedger() : undefined;
      return ledger === undefined ? memory : await ledger.takeOffOthers(memory);
    },
    findDevices: findAndKeep,
    findDevicesHere: async () => await find(gpu, await isInstalled(gpu) ? engine : undefined, []),
    devicesOf: (memory) => devicesOf(memory, known),
    leaveDevices: () => {
      leavesDevices = true;
    },
    openLedger,
    cpu: () => cpu ??= readCpu(options),
    bytesInMemory: ({ parts }) =>
      options.machine === undefined ? bytesInMemory(parts.map(({ path }) => path)) : 0,
    calibrations: () =>
      calibrations ??= readCalibrations(calibrationPath((name) => Deno.env.get(name))),
    engine,
    [Symbol.asyncDispose]: () => engine.dispose(),
  };
}

async function newLedger(): Promise<MemoryLedger> {
  const { MemoryLedger } = await loadModule<typeof import("../ledger/memory_ledger.ts")>(
    import.meta,
    "../ledger/memory_ledger.ts",
  );
  return new MemoryLedger();
}

/** Whether the engine drives this kind of devices with what is here. */
async function isInstalled(choice: GpuChoice): Promise<boolean> {
  if (choice === "auto" || choice === "off") return false;
  const { installedBackends } = await loadModule<typeof import("../engine/gpu/backends.ts")>(
    import.meta,
    "../engine/gpu/backends.ts",
  );
  return installedBackends().includes(choice);
}

async function checkedModel(reading: Promise<NamedModel>): Promise<RunnableModel> {
  const model = await reading;
  return { ...model, read: await checkRuns(model.header) };
}

async function readCpu({ cpu, runsHere = false }: HostOptions): Promise<CpuFeatures> {
  if (cpu === undefined) return await readCpuFeatures();
  const named = namedCpu(cpu, engineThreads(navigator.hardwareConcurrency));
  return runsHere ? await withOwn(named, cpu) : named;
}

/** What computes here has its own features too, whatever it is called. */
async function withOwn(named: CpuFeatures, name: string): Promise<CpuFeatures> {
  let own: CpuFeatures;
  try {
    own = await readCpuFeatures();
  } catch {
    return named;
  }
  const { architecture, threads } = own;
  if (architecture !== named.architecture) {
    throw new BrainjarError(
      "cpu-is-another",
      `This machine computes with a CPU of another kind (${architecture}): "--cpu ${name}"`,
      { hint: "Leave --cpu out; check and estimate answer for other machines" },
    );
  }
  return { architecture, threads, features: own.features.union(named.features) };
}
