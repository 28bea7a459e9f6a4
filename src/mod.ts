/**
 * brainjar as a library: what a language model needs in memory, what this machine has, and the three
 * checks that keep one from the other's neck.
 *
 * All amounts are whole bytes; `GB` is 1024³. Errors are {@linkcode BrainjarError} with a stable
 * `code`; what doesn't fit is no error but a result with `ok: false`, figures and reasons.
 *
 * @example Do these models fit in this machine's memory together, and if not, what would help?
 * ```ts
 * import { advise, planJars } from "./mod.ts";
 *
 * // Nothing but a jar's id is needed; without a model it has the demo brain.
 * const model = new URL("../fixtures/demo-brain.gguf", import.meta.url).pathname;
 * const plan = await planJars({
 *   jars: [{ id: "writer", model }, { id: "critic", model, context: { contextSize: 512 } }],
 *   policy: { safetyMarginPercent: 10 },
 * });
 * for (const jar of plan.jars) console.log(jar.demand.id, jar.footprint.bytes.workingSet);
 * if (!plan.validation.ok) {
 *   const { validation } = await advise(plan);
 *   for (const { kind } of validation.recommendations) console.log(kind);
 * }
 * ```
 *
 * @example From a model's file to the go-ahead, step by step
 * ```ts
 * import {
 *   checkAvailableMemoryBeforeLoad,
 *   DEFAULT_POLICY,
 *   defaultContextSize,
 *   estimateFootprint,
 *   type InstanceDemand,
 *   MemoryBudgetManager,
 *   parseSize,
 *   readCpuFeatures,
 *   readHeader,
 *   readMachineMemory,
 *   validateMemoryBudget,
 * } from "./mod.ts";
 *
 * // Only the header is read: some milliseconds, whatever the model weighs. A URL does as well.
 * const model = new URL("../fixtures/demo-brain.gguf", import.meta.url).pathname;
 * const header = await readHeader(model);
 * const options = {
 *   contextSize: defaultContextSize(header),
 *   batchSize: 512,
 *   sequences: 1,
 *   flashAttention: true,
 *   kvCacheKeyType: "F16",
 *   kvCacheValueType: "F16",
 *   mmap: true,
 * } as const;
 * const { jar: footprint } = await estimateFootprint(header, options, await readCpuFeatures());
 *
 * // Layer 1: do all instances fit this machine together?
 * const memory = await readMachineMemory();
 * const ramLimitBytes = parseSize("256MB");
 * const subject: InstanceDemand = { id: "subject", role: "subject", model, ramLimitBytes, footprint };
 * const validation = validateMemoryBudget({
 *   mode: "single",
 *   instances: [subject],
 *   memory,
 *   policy: DEFAULT_POLICY,
 * });
 * for (const issue of validation.issues) console.error(issue.code, issue);
 *
 * // Layer 2: reserve each before it is made. Layer 3: look again before its model is loaded.
 * const manager = new MemoryBudgetManager({ policy: DEFAULT_POLICY, readMemory: () => memory });
 * if (manager.allocate("subject", ramLimitBytes, { path: model, footprint }).ok) {
 *   const load = checkAvailableMemoryBeforeLoad({
 *     footprint,
 *     ramLimitBytes,
 *     memory: await readMachineMemory(),
 *     policy: DEFAULT_POLICY,
 *   });
 *   if (!load.ok) console.error(`${load.shortBytes} bytes short`);
 *   manager.deallocate("subject");
 * }
 * ```
 *
 * @module
 */

export { BrainjarError, type ErrorDetails, type ErrorKind } from "./budget/error.ts";

// The three layers, under the names of src/budget/README.md.
export { MemoryBudgetManager } from "./budget/manager.ts";
export type { ManagerOptions, ModelDemand } from "./budget/manager.ts";
export { validateMemoryBudget } from "./budget/validate.ts";
export type { ValidationInput } from "./budget/validate.ts";
export { checkAvailableMemoryBeforeLoad } from "./budget/preflight.ts";
export type { PoolPreflight, PreflightInput, PreflightResult } from "./budget/preflight.ts";
export type * from "./budget/allocation.ts";
export type * from "./budget/changes.ts";
export type * from "./budget/demand.ts";
export type * from "./budget/memory.ts";
export type { Pool, PoolBytes, PoolKind } from "./budget/pools/pools.ts";
export type * from "./budget/recommendation.ts";
export type * from "./budget/validation.ts";

// All of layer 1 in one call, from models to advice.
export { planJars } from "./plan/plan.ts";
export type { Plan, PlannedJar } from "./plan/plan.ts";
export { advise } from "./plan/advise.ts";
export { DEFAULT_CONTEXT } from "./plan/settings.ts";
export type {
  ComputingDevice,
  ContextSettings,
  GpuChoice,
  JarRequest,
  JarSampling,
  JarSettings,
  OtherMachine,
  PlanRequest,
  Settings,
} from "./plan/settings.ts";

// What they go by.
export { CRITERIA, MODES, ROLES } from "./budget/demand.ts";
export { checkPolicy, DEFAULT_POLICY, type Policy, usableBytes } from "./budget/policy.ts";
export { formatSize, GB, KB, MB, parseSize, type SizeOptions } from "./budget/size.ts";

// What a model needs.
export { readHeader } from "./gguf/read.ts";
export type { Environment, LocateOptions } from "./gguf/environment.ts";
export type { ReadOptions } from "./gguf/limits.ts";
export type * from "./gguf/header.ts";
export { estimateFootprint, estimateFromFileSize } from "./footprint/estimate.ts";
export { defaultContextSize } from "./footprint/context_size.ts";
export { type ContextLimit, largestContextThatFits } from "./footprint/context_limit.ts";
export type * from "./footprint/footprint.ts";
export type {
  CpuFeatures,
  Device,
  FootprintOptions,
  GpuBackend,
  GpuLayers,
  Offload,
} from "./llama_cpp/options.ts";
export { KV_CACHE_TYPES, type KvCacheType } from "./llama_cpp/ggml/types.ts";

// What this machine has.
export { readMachineMemory } from "./machine/machine_memory.ts";
export { readCpuFeatures } from "./machine/cpu.ts";
export { namedCpu } from "./machine/named_cpu.ts";
export type { MachineOptions, ProcessId } from "./machine/machine_files.ts";
