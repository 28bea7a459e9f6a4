import { exitCode } from "../../budget/exit_codes.ts";
import { type RecommendedLimits, recommendLimitsOn } from "../../plan/limits.ts";
import { jsonText } from "../../report/printable.ts";
import { recommendJson, recommendText } from "../../report/recommended_limits.ts";
import type { Command } from "../command.ts";
import type { FlagValues } from "../flags/values.ts";
import { shellWord } from "../../report/shell_word.ts";
import { openPlanning } from "../settings/planning.ts";

/** `brainjar recommend`: RAM limits, and the contexts they leave room for, that pass. */
export const command: Command = async (input) => {
  const { values, output } = input;
  const { settings, host: opened } = await openPlanning(input);
  await using host = opened;
  const recommended = await recommendLimitsOn(host, settings);
  const typed = typedForRun(values, recommended).map(shellWord);
  output.answer(
    values.get("json")
      ? jsonText(recommendJson(recommended, typed)) + "\n"
      : recommendText(recommended, typed) + "\n",
  );
  return exitCode(recommended.result.ok ? "success" : "refused");
};

/** What a run is to be asked for besides: not which machine, since it happens on its own. */
export function typedForRun(
  values: FlagValues,
  { result, contextSize }: RecommendedLimits,
): readonly string[] {
  const typed = values.typedFor("run", [
    ...["mode", "total-memory", "available-memory", "json", "no-color"] as const,
    ...contextSize === undefined ? [] : ["context-size"] as const,
  ]);
  const unnamed = Deno.env.get("BRAINJAR_MODEL");
  // A jar file's own models would be overridden.
  const isTyped = values.given("model") !== undefined || result.validation.mode === "jars";
  return unnamed && !isTyped ? ["--model", unnamed, ...typed] : typed;
}
