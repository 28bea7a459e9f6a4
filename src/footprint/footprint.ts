import type { JarFootprint } from "../budget/demand.ts";
import type { Confidence } from "../llama_cpp/graph/compute.ts";

export type { Confidence };

/** How a footprint was found. */
export type Estimator = "header" | "engine" | "filesize";

/** What the engine's dry load said, in bytes (engine.ts, `DryLoad`). */
export interface DryLoadBytes {
  /** Weight buffers in RAM. */
  readonly modelBytes: number;
  /** KV cache, recurrent state and compute in RAM together. */
  readonly contextBytes: number;
  /** The same on all devices together; absent where the engine drives none. */
  readonly onDevices?: { readonly modelBytes: number; readonly contextBytes: number };
}

/** A model's memory part by part, in whole bytes (src/report/README.md, "Output"). */
export interface FootprintBytes {
  /** The tensors, as the file has them. */
  readonly weights: number;
  /** Keys and values of the context. */
  readonly kvCache: number;
  /** State of recurrent layers, for each sequence. */
  readonly recurrentState: number;
  /** The largest graph of one batch. */
  readonly compute: number;
  /** Logits and embeddings of the output. */
  readonly output: number;
  /** Anonymous copies of weights in another layout (CPU_REPACK, AMX). */
  readonly repacked: number;
  /** Tokens, merges and their tables in the engine. */
  readonly vocabulary: number;
  /** The process with the engine and no model. */
  readonly runtime: number;
  /** Anonymous memory at its highest: a group limited below it is killed. */
  readonly floor: number;
  /** Floor, the file-backed weights that every token reads, and the program's own pages. */
  readonly workingSet: number;
  /** Floor and all file-backed weights. */
  readonly peak: number;
}

/**
 * What memory is resident for: `mapped` weights that every token reads from the file; pages of
 * the `program`'s own files; weights
 * `repacked` in another layout, and `copied` where nothing is mapped; `cache` (keys, values,
 * recurrent state); `compute` (what thinking touches of its buffers, output and samplers);
 * `vocabulary`; `runtime` (the process with the engine); `driver` (what a device's driver takes of
 * RAM); `device` (what lies on devices whose memory is RAM); `kernel` (what the kernel keeps for it:
 * page tables, stacks, pages that are being read); `loading`, what loading takes beyond thinking;
 * `file` and `allowance` of the file-size rule; `measured`, what `measure --save` had seen beyond.
 */
export type ResidentPartName =
  | "mapped"
  | "program"
  | "repacked"
  | "copied"
  | "cache"
  | "compute"
  | "vocabulary"
  | "runtime"
  | "driver"
  | "device"
  | "kernel"
  | "loading"
  | "file"
  | "allowance"
  | "measured";

/** One part of what is resident, in whole bytes: how much of it counts for which figure. */
export interface ResidentPart {
  /** What it is resident for. */
  readonly part: ResidentPartName;
  /** How much of it counts for the floor. */
  readonly floor: number;
  /** How much of it counts for the working set. */
  readonly workingSet: number;
}

/**
 * What a model needs on one device, in whole bytes (src/report/README.md, "Output"): weights +
 * kvCache + recurrentState + compute is what llama.cpp's dry load counts there, runtime what the
 * backend holds besides (context, kernels, workspaces).
 */
export interface DeviceBytes {
  /** The device's pool: `cuda:0`. */
  readonly id: string;
  /** Its tensors there. */
  readonly weights: number;
  /** Keys and values of its layers there. */
  readonly kvCache: number;
  /** State of its recurrent layers there. */
  readonly recurrentState: number;
  /** What the device computes of the largest graph. */
  readonly compute: number;
  /** What the process holds there once, however many jars it has. */
  readonly runtime: number;
  /**
   * What thinking takes beside the buffers, each jar for itself from its first thought until its
   * context is disposed: pools and workspaces.
   */
  readonly thinking: number;
}

/** One model's estimate for one set of options. */
export interface Footprint {
  /** How it was found. */
  readonly estimator: Estimator;
  /** How far to trust it. */
  readonly confidence: Confidence;
  /** Part by part. */
  readonly bytes: FootprintBytes;
  /** What floor and working set are made of: each is the sum of its column, to the byte. */
  readonly resident: readonly ResidentPart[];
  /** What it needs on each device that the engine drives, in its order; absent where it drives none. */
  readonly devices?: readonly DeviceBytes[];
  /** What the budget needs of it. */
  readonly jar: JarFootprint;
  /** Why the confidence isn't `exact`, and what else is to be known; one sentence each. */
  readonly notes: readonly string[];
  /**
   * What the dry load itself said, and bytes of weights that it leaves out and the header has added;
   * absent where none was asked.
   */
  readonly dryLoad?: DryLoadBytes & { readonly leftOutBytes: number };
}
