import type { RecordedStart } from "../../report/schema/transcript.ts";
import { shellWord } from "../../report/shell_word.ts";

/**
 * The command line that gives the same thoughts again, as its first line has it: of the jars with their
 * contexts and limits, the sampling and the turns. Prompts that were changed by files stand in the
 * transcript, and have to be given as files again.
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
 * const words = "--mode single --model 'my model.gguf' --context-size 64 --turns 2 --seed 7";
 * if (line !== `brainjar run ${words}`) {
 *   throw new Error(line);
 * }
 * ```
 */
export function repeatLine({ mode, turns, sampling, jars }: RecordedStart): string {
  const models = new Set(jars.map(({ model }) => model));
  const [model] = models;
  const named = models.size === 1 && model !== undefined
    ? ["--model", model]
    : jars.flatMap(({ id, model }) => [`--model-${id}`, model]);
  const contexts = new Set(jars.map(({ contextSize }) => contextSize));
  const limits = jars.flatMap(({ id, ramLimitBytes }) =>
    ramLimitBytes === undefined ? [] : [`--ram-limit-${id}`, `${ramLimitBytes}B`]
  );
  const sampled = SAMPLING.flatMap(([key, flag]) => {
    const value = sampling[key];
    return typeof value === "number" ? [flag, String(value)] : [];
  });
  return [
    ...["brainjar", "run"],
    ...(mode === "jars" ? ["--jars", "FILE"] : ["--mode", mode]),
    ...named,
    ...(contexts.size === 1 ? ["--context-size", ...[...contexts].map(String)] : []),
    ...limits,
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
