import type { MachineMemory } from "../budget/memory.ts";
import type { Engine } from "../engine/engine.ts";
import { lazyEngine } from "../engine/lazy.ts";
import type { CpuFeatures } from "../footprint/options.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { readHeader } from "../gguf/read.ts";
import { engineThreads, namedCpu, readCpuFeatures } from "../machine/cpu.ts";
import { readMachineMemory } from "../machine/read.ts";
import type { OtherMachine } from "./settings.ts";

/** What planning looks at outside brainjar; each thing is read when it is first asked for. */
export interface World {
  /** A model's header; read once for each path. */
  readHeader(model: string): Promise<GgufHeader>;
  readMemory(): Promise<MachineMemory>;
  cpu(): Promise<CpuFeatures>;
  /** Opened when it is first asked for something. */
  readonly engine: Engine;
  close(): Promise<void>;
}

/** Which machine is looked at. */
export interface WorldOptions {
  readonly machine?: OtherMachine;
  /** A processor of the table instead of this one. */
  readonly cpu?: string;
  /** Whether a path's header is kept for the next time it is asked for; true unless told otherwise. */
  readonly rememberHeaders?: boolean;
}

/** The world as it is, but for what `options` describe instead. */
export function openWorld(options: WorldOptions = {}): World {
  const headers = new Map<string, Promise<GgufHeader>>();
  let cpu: Promise<CpuFeatures> | undefined;
  const engine = lazyEngine(async () => (await import("../engine/open.ts")).openEngine());
  return {
    readHeader: (model) => {
      const header = headers.get(model) ?? readHeader(model);
      if (options.rememberHeaders ?? true) headers.set(model, header);
      return header;
    },
    readMemory: () => readMemoryOf(options.machine),
    cpu: () => cpu ??= readCpu(options.cpu),
    engine,
    close: () => engine.dispose(),
  };
}

async function readCpu(name: string | undefined): Promise<CpuFeatures> {
  return name === undefined
    ? await readCpuFeatures()
    : namedCpu(name, engineThreads(navigator.hardwareConcurrency));
}

async function readMemoryOf(machine: OtherMachine | undefined): Promise<MachineMemory> {
  if (machine?.totalBytes === undefined) {
    const memory = await readMachineMemory();
    return machine?.availableBytes === undefined
      ? memory
      : withAvailable(memory, machine.name, machine.availableBytes);
  }
  const availableBytes = machine.availableBytes ?? machine.totalBytes;
  return {
    totalBytes: machine.totalBytes,
    availableBytes,
    promisedBytes: 0,
    sources: [
      { figure: "total", name: machine.name, bytes: machine.totalBytes, decides: true },
      { figure: "available", name: machine.name, bytes: availableBytes, decides: true },
    ],
    warnings: [],
  };
}

function withAvailable(memory: MachineMemory, name: string, bytes: number): MachineMemory {
  return {
    ...memory,
    availableBytes: bytes,
    sources: [
      ...memory.sources.filter((source) => source.figure !== "available"),
      { figure: "available", name, bytes, decides: true },
    ],
  };
}
