import { BrainjarError } from "../budget/error.ts";

/** The operations of the engine that may fail. */
export type EngineFailure = "model-load-failed" | "context-failed" | "think-failed";

const SENTENCES: Readonly<Record<EngineFailure, (model: string) => string>> = {
  "model-load-failed": (model) => `Failed to load the model: ${model}`,
  "context-failed": (model) => `Failed to create a context on the model: ${model}`,
  "think-failed": (model) => `The engine failed while thinking with the model: ${model}`,
};

const HINTS: Readonly<Record<EngineFailure, string>> = {
  "model-load-failed": "The file may be damaged, incomplete, or newer than the engine",
  "context-failed": "Try a smaller --context-size, or another --kv-cache-type",
  "think-failed": "Try again with a smaller --context-size or --batch-size",
};

/** What llama.cpp says is wrong: its own summary, else the first line that sounds like trouble. */
function reason(lines: readonly string[]): string | undefined {
  for (const line of lines) {
    const summary = /error loading model: (.+)/.exec(line)?.[1];
    if (summary !== undefined) return summary;
  }
  return lines.find((line) => /error|fail|unknown|missing|invalid|unable/i.test(line));
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Turns what the engine threw, and what it said before, into an error for a person.
 *
 * The cause is text without a stack: nobody who reads it can act on the engine's own lines.
 *
 * @example
 * ```ts
 * import { engineFailure } from "./failure.ts";
 * const lines = ["error loading model architecture: unknown model architecture: 'brain'"];
 * const error = engineFailure("model-load-failed", "a.gguf", new Error("Failed"), lines);
 * if (error.code !== "unsupported-architecture") throw error;
 * ```
 */
export function engineFailure(
  failure: EngineFailure,
  model: string,
  error: unknown,
  lines: readonly string[],
): BrainjarError {
  if (error instanceof BrainjarError) return error;
  const architecture = /unknown model architecture: '([^']*)'/.exec(lines.join("\n"))?.[1];
  if (architecture !== undefined) {
    return new BrainjarError(
      "unsupported-architecture",
      `The engine has no architecture named '${architecture}': ${model}`,
      { hint: "Use a model of an architecture that llama.cpp supports", cause: lines.join("\n") },
    );
  }
  const said = reason(lines) ?? text(error);
  return new BrainjarError(failure, SENTENCES[failure](model), {
    kind: "engine",
    hint: `${HINTS[failure]}: ${said.replace(/\.$/, "")}`,
    cause: [text(error), ...lines].join("\n"),
  });
}

/**
 * The error of an engine that can't be started on this machine.
 *
 * @example
 * ```ts
 * import { engineUnavailable } from "./failure.ts";
 * const error = engineUnavailable(new Error("No binary"), []);
 * if (error.kind !== "engine" || !error.hint?.includes("No binary")) throw error;
 * ```
 */
export function engineUnavailable(error: unknown, lines: readonly string[]): BrainjarError {
  const said = reason(lines) ?? text(error);
  return new BrainjarError("engine-unavailable", "The engine can't be started on this machine", {
    kind: "engine",
    hint:
      `It is fetched at the first run, needs glibc on Linux and the permissions of deno.json: ${said}`,
    cause: [text(error), ...lines].join("\n"),
  });
}
