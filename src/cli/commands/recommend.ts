import { defined } from "../../budget/defined.ts";
import { exitCode } from "../../budget/exit_codes.ts";
import { openHost } from "../../plan/host.ts";
import { recommendLimitsOn } from "../../plan/limits.ts";
import { jsonText } from "../../report/printable.ts";
import { recommendJson, recommendText } from "../../report/recommended_limits.ts";
import type { Command } from "../command.ts";
import { readSettings } from "../settings/settings.ts";

/** `brainjar recommend`: RAM limits, and the contexts they leave room for, that pass. */
export const command: Command = async ({ values, output, dryLoadCommand }) => {
  const settings = await readSettings(values, { say: (text) => output.say(text) });
  await using host = openHost({ ...settings, ...defined({ dryLoadCommand }) });
  const recommended = await recommendLimitsOn(host, settings);
  output.answer(
    values.get("json")
      ? jsonText(recommendJson(recommended)) + "\n"
      : recommendText(recommended) + "\n",
  );
  return exitCode(recommended.result.ok ? "success" : "refused");
};
