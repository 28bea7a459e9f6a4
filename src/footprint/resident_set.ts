import type { DeviceFootprint } from "../budget/demand.ts";
import type { TensorInfo } from "../gguf/header.ts";
import type { UnifiedBytes } from "./device_bytes.ts";
import type { Footprint, FootprintBytes, ResidentPart, ResidentPartName } from "./footprint.ts";
import { sum } from "../budget/sum.ts";
import type { FootprintOptions } from "../llama_cpp/options.ts";
import { type LoadedWeight, weightBytes } from "../llama_cpp/memory/weights.ts";
import {
  ADDRESS_SPACE_BYTES,
  CONTEXT_RESERVED_BYTES,
  KERNEL_BYTES,
  OPENING_BYTES,
  OPENING_COMMITTED_BYTES,
  PAGE_READS_BYTES,
  PAGE_TABLE_SHARE,
  PROCESS_RESERVED_BYTES,
  PROGRAM_BYTES,
  readAheadBytes,
  RUNTIME_BYTES,
  STACK_BYTES,
  THINKING_RUNTIME_BYTES,
} from "./runtime.ts";
import { isDense } from "./sparse_ranges.ts";
import { samplerBytes, thinkingBytes, type ThinkingInput, touchedBytes } from "./thinking.ts";
import { vocabularyMemory } from "./vocabulary.ts";

/** What is allocated, before it is known what of it becomes resident. */
export type AllocatedBytes = Omit<FootprintBytes, "floor" | "workingSet" | "peak">;

/** What devices add to RAM's figures. */
interface OnDevices {
  /** What lies on each that the engine drives. */
  readonly footprints: readonly DeviceFootprint[];
  /** What of it lies in RAM. */
  readonly unified: UnifiedBytes;
  /** RAM that their driver takes in the process. */
  readonly driver: number;
}

const NO_DEVICES: OnDevices = {
  footprints: [],
  unified: { bytes: 0, sharedBytes: 0, processBytes: 0 },
  driver: 0,
};

/** What decides how much of it does. */
export interface ResidentInput extends ThinkingInput {
  /** Of RAM alone. */
  readonly allocated: AllocatedBytes;
  /** Absent where the engine drives none. */
  readonly devices?: OnDevices;
}

/**
 * Bytes of the file that stay mapped: llama.cpp unmaps what lies before the first and after the
 * last weight that it reads from the mapping (llama-model-loader.cpp, `unmap_fragment`).
 */
function keptMapping(weights: readonly LoadedWeight[], fileBytes: number): number {
  const ranges = new Map<number, [start: number, end: number]>();
  for (const { tensor, bytes, repacked, device } of weights) {
    if (repacked || device !== undefined) continue;
    const [start, end] = [tensor.offset, tensor.offset + bytes];
    const range = ranges.get(tensor.part);
    if (range === undefined) {
      ranges.set(tensor.part, [start, end]);
    } else {
      range[0] = Math.min(range[0], start);
      range[1] = Math.max(range[1], end);
    }
  }
  const spanned = [...ranges.values()].reduce((bytes, [start, end]) => bytes + end - start, 0);
  const needed = fileWeights(
    weights.filter(({ repacked, device }) => !repacked && device === undefined),
  );
  // Offsets are the header's word; they can't make it less than the weights or more than the file.
  return Math.min(Math.max(spanned, needed), fileBytes);
}

/** Bytes of the weights in the file, each once: a tied embedding may be loaded twice. */
function fileWeights(weights: readonly LoadedWeight[]): number {
  const counted = new Set<TensorInfo>();
  let total = 0;
  for (const { tensor, bytes } of weights) {
    if (!counted.has(tensor)) total += bytes;
    counted.add(tensor);
  }
  return total;
}

/** Mapped memory with the page tables that it needs. */
function withTables(bytes: number): number {
  return Math.ceil(bytes * (1 + PAGE_TABLE_SHARE));
}

/** Bytes of the mapping that are being read, when the disk is asked for weights. */
function readingBytes(weights: readonly LoadedWeight[], options: FootprintOptions): number {
  if (!options.mmap) return 0;
  const dense = weightBytes(weights, isDense);
  return dense > 0 ? readAheadBytes(dense) : PAGE_READS_BYTES;
}

/** What is resident, and what it is made of. */
type ResidentSet =
  & Pick<FootprintBytes, "floor" | "workingSet" | "peak">
  & Pick<Footprint, "jar">
  & { readonly parts: readonly ResidentPart[] };

/**
 * What of the allocated bytes is resident (src/report/README.md, "Output"): `floor` what isn't backed by the
 * file, `workingSet` with the weights that every token reads and the program's own pages, `peak` with
 * all the file's weights.
 *
 * The floor is the highest of the stages a jar passes: opening the engine, reading the header in
 * JavaScript, building the vocabulary with the weights laid out anew, and thinking. Between two of
 * them what the last one left behind is given back (engine/trim_memory.ts).
 */
export function residentSet(
  input: ResidentInput,
): ResidentSet {
  const { allocated, planned: { source }, options } = input;
  const { repacked } = allocated;
  const { footprints, unified, driver } = input.devices ?? NO_DEVICES;
  const weights = input.weights.filter(({ device }) => device === undefined);
  const vocabulary = vocabularyMemory(source.header);
  const samplers = samplerBytes(source.shape);
  const read = weightBytes(weights, (weight) => !weight.repacked && !weight.readByRow);
  const rows = weightBytes(weights, (weight) => !weight.repacked && weight.readByRow);
  // Without a mapping all of the file's weights are copied into memory of the process.
  const copied = options.mmap ? repacked : repacked + read + rows;
  const mapped = options.mmap ? read : 0;
  const process = RUNTIME_BYTES + driver + KERNEL_BYTES;
  const thinkingProcess = THINKING_RUNTIME_BYTES + driver + KERNEL_BYTES + samplers;
  const reading = readingBytes(weights, options);
  const fileBytes = fileWeights(input.weights);
  const tables = options.mmap ? allocated.weights * PAGE_TABLE_SHARE : 0;

  const model = withTables(thinkingProcess + reading + vocabulary.kept + copied) +
    Math.ceil(tables) + unified.sharedBytes;
  const cache = allocated.kvCache + allocated.recurrentState;
  const touched = touchedBytes(input);
  const thinking = thinkingBytes(input, touched);
  const context = withTables(cache + thinking) + unified.bytes - unified.sharedBytes;
  const lasting = model + context;
  const building = withTables(process + vocabulary.read + vocabulary.building + copied) +
    unified.sharedBytes;
  const loading = Math.max(
    withTables(Math.max(OPENING_BYTES + KERNEL_BYTES, process + vocabulary.reading)),
    building,
  );
  const floor = Math.max(loading, lasting);
  const full = lasting + mapped + PROGRAM_BYTES;
  const workingSet = Math.max(loading, full);
  const anonymous: [ResidentPartName, number][] = [
    ["repacked", repacked],
    ["copied", copied - repacked],
    ["cache", cache],
    ["compute", thinking + samplers],
    ["vocabulary", vocabulary.kept],
    ["runtime", THINKING_RUNTIME_BYTES],
    ["driver", driver],
    ["device", unified.bytes],
  ];
  const kernel = lasting - sum(anonymous.map(([, bytes]) => bytes));
  const parts: ResidentPart[] = [
    { part: "mapped", floor: 0, workingSet: mapped },
    { part: "program", floor: 0, workingSet: PROGRAM_BYTES },
    ...[...anonymous, ["kernel", kernel] as const]
      .map(([part, bytes]) => ({ part, floor: bytes, workingSet: bytes })),
    { part: "loading", floor: floor - lasting, workingSet: workingSet - full },
  ];
  return {
    floor,
    workingSet,
    parts: parts.filter(({ floor, workingSet }) => floor > 0 || workingSet > 0),
    peak: options.mmap
      // While weights are laid out anew all of the file is mapped; later only what is still read from
      // it, and what is being read is among that.
      ? Math.max(
        workingSet,
        building - KERNEL_BYTES + fileBytes + PROGRAM_BYTES,
        lasting + keptMapping(weights, fileBytes) - reading + PROGRAM_BYTES,
      )
      : workingSet,
    jar: {
      floorBytes: floor,
      workingSetBytes: workingSet,
      shared: { floorBytes: model, workingSetBytes: model + mapped + PROGRAM_BYTES },
      ...(footprints.length === 0 ? {} : { devices: footprints }),
      loading: {
        bytes: loading,
        lastingBytes: lasting,
        // Jars think one after another, so samplers are there once, whatever they share.
        processBytes: thinkingProcess + reading + unified.processBytes,
        programBytes: PROGRAM_BYTES,
        kernelBytes: KERNEL_BYTES,
      },
      allocated: {
        untouchedBytes: Math.max(0, Math.ceil(allocated.compute - touched)) +
          CONTEXT_RESERVED_BYTES,
        processBytes: PROCESS_RESERVED_BYTES + input.cpu.threads * STACK_BYTES,
        mappedBytes: options.mmap ? source.header.fileBytes : 0,
        addressSpaceBytes: ADDRESS_SPACE_BYTES,
        openingBytes: OPENING_COMMITTED_BYTES,
      },
    },
  };
}
