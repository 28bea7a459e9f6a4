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
export function repeatLine(start: RecordedStart): string {
  const { mode, turns, sampling, promptFormat, jars } = start;
  const contexts = new Set(jars.map(({ contextSize }) => contextSize));
  return [
    ...["brainjar", "run"],
    ...(mode === "jars" ? ["--jars", "FILE"] : ["--mode", mode]),
    ...models(start),
    ...(contexts.size === 1 ? ["--context-size", ...[...contexts].map(String)] : []),
    ...jars.flatMap(({ id, ramLimitBytes }) => flag(`--ram-limit-${id}`, ramLimitBytes, "B")),
    ...flag("--turns", turns),
    ...sampled(sampling, ""),
    ...jars.flatMap((jar) => sampled(jar.sampling ?? {}, `-${jar.id}`)),
    ...flag("--prompt-format", promptFormat === "auto" ? undefined : promptFormat),
    ...flag("--seed", sampling.seed),
  ].map(shellWord).join(" ");
}

function models({ jars }: RecordedStart): string[] {
  const [first, ...others] = new Set(jars.map(({ model }) => model));
  if (first !== undefined && others.length === 0) return ["--model", first];
  return jars.flatMap(({ id, model }) => [`--model-${id}`, model]);
}

/** How thoughts are sampled, of the run or of one jar. */
function sampled(
  { maxTokens, temperature, topP }: Partial<RecordedStart["sampling"]>,
  ofJar: string,
): string[] {
  return [
    ...flag(`--max-tokens${ofJar}`, maxTokens),
    ...flag(`--temperature${ofJar}`, temperature),
    ...flag(`--top-p${ofJar}`, topP),
  ];
}

function flag(name: string, value: number | string | undefined, unit = ""): string[] {
  return value === undefined ? [] : [name, `${value}${unit}`];
}
