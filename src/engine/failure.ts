import { BrainjarError, messageOf } from "../budget/error.ts";
import { formatAmount } from "../budget/size.ts";
import type { GpuBackend } from "../llama_cpp/options.ts";
import type { EngineBackend } from "./gpu/backends.ts";
import { noDevice, VISIBLE_DEVICES } from "./gpu/open_backend.ts";

/** What may fail, in a sentence that ends with the model, and what to do about it. */
const FAILURES = {
  "model-load-failed": [
    "Failed to load the model",
    "The file may be damaged, incomplete, or newer than the engine",
  ],
  "context-failed": [
    "Failed to create a context on the model",
    "Try a smaller --context-size, or another --kv-cache-type",
  ],
  "think-failed": [
    "The engine failed while thinking with the model",
    "Try again with a smaller --context-size or --batch-size",
  ],
} as const;

/** What llama.cpp says is wrong: its own summary, else the first line that sounds like trouble. */
function reason(lines: readonly string[]): string | undefined {
  for (const line of lines) {
    const summary = /error loading model: (.+)/.exec(line)?.[1];
    if (summary !== undefined) return summary;
  }
  return lines.find((line) => /error|fail|unknown|missing|invalid|unable/i.test(line));
}

/** The model that something failed with. */
interface FailedModel {
  readonly path: string;
  /** Layers of it on devices. */
  readonly gpuLayers?: number;
}

/** llama.cpp's names of backends, as its buffers are called. */
const BUFFERS: Readonly<Record<string, GpuBackend>> = {
  CUDA: "cuda",
  Vulkan: "vulkan",
  MTL: "metal",
  Metal: "metal",
};

/** The error of a device that had no room, where that is what llama.cpp said. */
function deviceFull(
  { path, gpuLayers }: FailedModel,
  lines: readonly string[],
): BrainjarError | undefined {
  const said = lines.join("\n");
  const [, buffer = "", number = "0"] = /allocate (CUDA|Vulkan|MTL|Metal)(\d*) buffer/.exec(said) ??
    [];
  const backend = BUFFERS[buffer];
  if (backend === undefined) return undefined;
  const bytes = /buffer of size (\d+)/.exec(said)?.[1];
  const device = `${backend}:${number}`;
  const layers = gpuLayers === undefined ? "" : ` (it has ${gpuLayers} now)`;
  return new BrainjarError(
    "device-out-of-memory",
    `${device} has no ${
      bytes === undefined ? "memory" : `${formatAmount(Number(bytes))} of memory`
    } left for the model: ${path}`,
    {
      kind: "engine",
      hint: `Put fewer layers there with --gpu-layers${layers}, or take a smaller --context-size ` +
        "or --kv-cache-type q8_0: somebody else may have taken what was free",
      cause: said,
    },
  );
}

/**
 * Turns what the engine threw, and what it said before, into an error for a person.
 *
 * The cause is text without a stack: nobody who reads it can act on the engine's own lines.
 */
export function engineFailure(
  failure: keyof typeof FAILURES,
  model: FailedModel,
  error: unknown,
  lines: readonly string[],
): BrainjarError {
  if (error instanceof BrainjarError) return error;
  const architecture = /unknown model architecture: '([^']*)'/.exec(lines.join("\n"))?.[1];
  if (architecture !== undefined) {
    return new BrainjarError(
      "unsupported-architecture",
      `The engine has no architecture named '${architecture}': ${model.path}`,
      { hint: "Use a model of an architecture that llama.cpp supports", cause: lines.join("\n") },
    );
  }
  const full = deviceFull(model, lines);
  if (full !== undefined) return full;
  const said = reason(lines) ?? messageOf(error);
  const [sentence, hint] = FAILURES[failure];
  return new BrainjarError(failure, `${sentence}: ${model.path}`, {
    kind: "engine",
    hint: `${hint}: ${said.replace(/\.$/, "")}`,
    cause: [messageOf(error), ...lines].join("\n"),
  });
}

/** The error of an engine that can't be started on this machine, for nothing or some devices. */
export function engineUnavailable(
  error: unknown,
  lines: readonly string[],
  gpu: EngineBackend = "off",
): BrainjarError {
  if (error instanceof BrainjarError) return error;
  // Its trial process ends without a word where a device that was named isn't there.
  if (gpu !== "off" && Deno.env.get(VISIBLE_DEVICES[gpu]) !== undefined) return noDevice(gpu);
  const said = reason(lines) ?? messageOf(error);
  return new BrainjarError("engine-unavailable", "The engine can't be started on this machine", {
    kind: "engine",
    hint: gpu === "off"
      ? `It is fetched at the first run, needs glibc on Linux and the permissions of deno.json: ${said}`
      : `It needs a driver that works with --gpu ${gpu}; --gpu off does without: ${said}`,
    cause: [messageOf(error), ...lines].join("\n"),
  });
}
