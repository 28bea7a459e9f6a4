import type { RecordedStart } from "../../report/schema/transcript.ts";
import { shellWord } from "../../report/shell_word.ts";

/**
 * The command line that gives the same thoughts again: the one that the transcript has, else what
 * follows from its first line.
 *
 * @example
 * ```ts
 * import { repeatLine } from "./repeat.ts";
 * const line = repeatLine({
 *   event: "start",
 *   schema: "brainjar.transcript/1",
 *   mode: "single",
 *   turns: 2,
 *   sampling: { seed: 7 },
 *   jars: [{ id: "subject", role: "subject", model: "my model.gguf", contextSize: 64 }],
 * });
 * if (line !== "brainjar run --mode single --model 'my model.gguf' --turns 2 --seed 7") {
 *   throw new Error(line);
 * }
 * ```
 */
export function repeatLine({ command, mode, turns, sampling, jars }: RecordedStart): string {
  if (command !== undefined) return ["brainjar", ...command].map(shellWord).join(" ");
  const models = new Set(jars.map(({ model }) => model));
  const [model] = models;
  const named = models.size === 1 && model !== undefined
    ? ["--model", model]
    : jars.flatMap(({ id, model }) => [`--model-${id}`, model]);
  const sampled = SAMPLING.flatMap(([key, flag]) => {
    const value = sampling[key];
    return typeof value === "number" ? [flag, String(value)] : [];
  });
  return [
    ...["brainjar", "run"],
    ...(mode === "jars" ? ["--jars", "FILE"] : ["--mode", mode]),
    ...named,
    ...(turns === undefined ? [] : ["--turns", String(turns)]),
    ...sampled,
  ].map(shellWord).join(" ");
}

const SAMPLING = [
  ["maxTokens", "--max-tokens"],
  ["temperature", "--temperature"],
  ["topP", "--top-p"],
  ["seed", "--seed"],
] as const;
