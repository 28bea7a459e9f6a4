import { defined } from "../budget/defined.ts";
import { canHaveFlashAttention } from "../llama_cpp/models/check_generates.ts";
import { checkContextOptions } from "../llama_cpp/models/check_context_options.ts";
import { defaultContextSize } from "../footprint/context_size.ts";
import { estimateFromFileSize, estimateRead } from "../footprint/estimate.ts";
import type { Estimator, Footprint } from "../footprint/footprint.ts";
import { checkLoads } from "../llama_cpp/models/check_loads.ts";
import { type ReadModel, readModel } from "../llama_cpp/models/families.ts";
import type { FootprintOptions, Offload } from "../llama_cpp/options.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { calibrationKey } from "../machine/calibrations.ts";
import { loadModule } from "../load_module.ts";
import { rejectUrl } from "./model_path.ts";
import type { ContextSettings } from "./settings.ts";
import type { Host } from "./host.ts";

/** One model to be estimated. */
export interface FootprintRequest {
  readonly header: GgufHeader;
  /** What tells it from other models (`NamedModel.key`). */
  readonly key: string;
  /** What was read of it before, if anything was. */
  readonly read?: ReadModel;
  readonly options: FootprintOptions;
  readonly estimator: Estimator;
}

/** What is needed of a host to estimate a model. */
export type EstimatingHost = Pick<Host, "cpu" | "footprints" | "engine" | "calibrations">;

/**
 * A model's footprint by the estimator that was asked for; three jars on one model are estimated
 * once, where the host remembers models at all.
 */
export function footprintOf(request: FootprintRequest, host: EstimatingHost): Promise<Footprint> {
  const { options, estimator } = request;
  const key = JSON.stringify([estimator, request.key, options]);
  const footprint = host.footprints?.get(key) ?? findFootprint(request, host);
  host.footprints?.set(key, footprint);
  return footprint;
}

async function findFootprint(request: FootprintRequest, host: EstimatingHost): Promise<Footprint> {
  const { header, options, estimator } = request;
  const path = header.parts[0]?.path ?? "";
  switch (estimator) {
    case "filesize":
      return estimateFromFileSize(header.fileBytes);
    case "engine": {
      rejectUrl(path);
      // llama.cpp ends the process where some of it is broken.
      const read = request.read ?? await readModel(header);
      checkLoads(read);
      checkContextOptions(read, options);
      const dryLoad = await host.engine.dryLoad(path, options);
      const { estimateByEngine } = await loadModule<
        typeof import("../footprint/engine_estimate.ts")
      >(import.meta, "../footprint/engine_estimate.ts");
      const footprint = await estimateByEngine(header, dryLoad, options, await host.cpu());
      return await calibrated(request, host, footprint);
    }
    case "header": {
      const read = request.read ?? await readModel(header);
      return await calibrated(request, host, await estimateRead(read, options, await host.cpu()));
    }
  }
}

/** With what `measure --save` kept for this model and machine, if it did. */
async function calibrated(
  { header, options }: FootprintRequest,
  host: EstimatingHost,
  footprint: Footprint,
): Promise<Footprint> {
  const { ratio, warning } = await measuredRatio(header, options, host);
  if (warning !== undefined) return { ...footprint, notes: [...footprint.notes, warning] };
  if (ratio === undefined) return footprint;
  const { calibrate } = await loadModule<typeof import("../footprint/calibrate.ts")>(
    import.meta,
    "../footprint/calibrate.ts",
  );
  return calibrate(footprint, ratio);
}

/** What `measure --save` kept for this model and machine, or why that can't be read. */
async function measuredRatio(
  header: GgufHeader,
  options: FootprintOptions,
  host: EstimatingHost,
): Promise<{ readonly ratio?: number; readonly warning?: string }> {
  const { ratios, warning } = host.calibrations();
  if (warning !== undefined) return { warning };
  if (ratios.size === 0) return {};
  return defined({ ratio: ratios.get(await calibrationKey(header, await host.cpu(), options)) });
}

/** What was asked for as the engine will be told: sizes settled, `auto` resolved. */
export async function resolveContext(
  header: GgufHeader,
  context: ContextSettings,
  offload?: Offload,
): Promise<FootprintOptions> {
  const contextSize = context.contextSize ?? defaultContextSize(header);
  const options = {
    contextSize,
    // A batch larger than the context could never be filled.
    batchSize: Math.min(context.batchSize, contextSize),
    sequences: context.sequences,
    flashAttention: context.flashAttention !== "off",
    kvCacheKeyType: context.kvCacheType,
    kvCacheValueType: context.kvCacheType,
    mmap: context.mmap,
    ...defined({ offload }),
  };
  if (context.flashAttention !== "auto") return options;
  return { ...options, flashAttention: await resolveFlashAttention(header, options) };
}

/** What llama.cpp's own `auto` comes to; where it turns it off again is known to the footprint. */
async function resolveFlashAttention(
  header: GgufHeader,
  options: FootprintOptions,
): Promise<boolean> {
  if (!await canHaveFlashAttention(header)) return false;
  if (options.offload === undefined || options.offload.gpuLayers === 0) return true;
  const { devicesComputeFlashAttention } = await loadModule<
    typeof import("../footprint/flash_attention.ts")
  >(import.meta, "../footprint/flash_attention.ts");
  return await devicesComputeFlashAttention(header, options);
}
