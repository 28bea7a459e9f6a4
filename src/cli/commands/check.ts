import { exitCode } from "../../budget/exit_codes.ts";
import { adviseOn } from "../../plan/advise.ts";
import { openHost } from "../../plan/host.ts";
import { planOn } from "../../plan/plan.ts";
import { type ReservedPlan, reserveOn } from "../../plan/reserve.ts";
import type { Settings } from "../../plan/settings.ts";
import { validationReport } from "../../report/validation_report.ts";
import type { Command } from "../brainjar.ts";
import { readSettings } from "../settings/settings.ts";
import { appendSummary, readFormat, renderCheck, reservationText } from "./check_output.ts";

/** `brainjar check`: all of layer 1, and its verdict as the exit code. */
export const command: Command = async ({ values, output }) => {
  const startedAt = new Date();
  const format = readFormat(values);
  const quiet = values.get("quiet");
  const say = quiet ? () => {} : (text: string) => output.say(text);
  const settings = await readSettings(values, { say });
  const judged = await judge(settings, values.get("reserve"));
  const report = validationReport(judged);
  if (!quiet) output.answer(await renderCheck(format, report, startedAt));
  // Where a script asked for nothing else, the token is the answer.
  else if (judged.reservation) output.answer(`${judged.reservation.token}\n`);
  if (format === "github" || format === "junit") say(reservationText(report));
  const summary = Deno.env.get("GITHUB_STEP_SUMMARY");
  if (format === "github" && summary) await appendSummary(report, summary, say);
  return exitCode(report.validation.ok ? "success" : "refused");
};

/** The plan with its verdict: with what is reserved where that was asked for and it fits, with advice where it doesn't. */
async function judge(settings: Settings, reserveSeconds?: number): Promise<ReservedPlan> {
  await using host = openHost(settings);
  const plan = await planOn(host, settings, await host.readMemory());
  const judged = reserveSeconds === undefined
    ? { plan }
    : await reserveOn(host, plan, reserveSeconds);
  return judged.plan.validation.ok ? judged : { plan: await adviseOn(host, judged.plan) };
}
