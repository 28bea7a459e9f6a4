import { describeModel } from "../../gguf/describe_model.ts";
import type { ValidationReport } from "../../report/validation_report.ts";
import type { Command } from "../brainjar.ts";
import { appendSummary, readFormat, renderCheck, reservationText } from "./check_output.ts";
import type { Plan } from "../../plan/plan.ts";
import { planJars } from "../../plan/plan.ts";
import type { Reserved } from "../../plan/reserve.ts";
import { readSettings } from "../settings/settings.ts";
import type { FlagValues } from "../flags/values.ts";
import { sayWhichModel } from "../which_model.ts";
import { openWorld, type World } from "../../plan/host.ts";

/** `brainjar check`: all of layer 1, and its verdict as the exit code. */
export const check: Command = async ({ values, output }) => {
  const startedAt = new Date();
  const format = readFormat(values);
  const quiet = values.has("quiet");
  const say = quiet ? () => {} : (text: string) => output.say(text);
  const settings = await readSettings(values, {
    environmentModel: Deno.env.get("BRAINJAR_MODEL"),
    say,
  });
  sayWhichModel(settings, { say });
  const world = openWorld(settings);
  try {
    const first = await planJars(settings, await world.readMemory(), world);
    const { plan: judged, reservation } = await reserveIfAsked(first, values, world);
    const plan = judged.validation.ok ? judged : await adviseOn(judged, world);
    const report = { ...reportOf(plan), ...(reservation === undefined ? {} : { reservation }) };
    if (!quiet) output.answer(await renderCheck(format, report, startedAt));
    // Where a script asked for nothing else, the token is the answer.
    else if (reservation) output.answer(`${reservation.token}\n`);
    if (format === "github" || format === "junit") say(reservationText(report));
    const summary = Deno.env.get("GITHUB_STEP_SUMMARY");
    if (format === "github" && summary) await appendSummary(report, summary, say);
    return plan.validation.ok ? 0 : 1;
  } finally {
    await world.close();
  }
};

async function reserveIfAsked(plan: Plan, values: FlagValues, world: World): Promise<Reserved> {
  const seconds = values.duration("reserve");
  if (seconds === undefined) return { plan };
  const { reserve }: typeof import("../../plan/reserve.ts") = await import(
    "../../plan/reserve.ts" as string
  );
  return await reserve(plan, seconds, world);
}

/** What would help is only looked for, and its code only loaded, where something is wrong. */
async function adviseOn(plan: Plan, world: World): Promise<Plan> {
  const { advise }: typeof import("../../plan/advise.ts") = await import(
    "../../plan/advise.ts" as string
  );
  return await advise(plan, world);
}

/** What the validation report is made of. */
export function reportOf(plan: Plan): ValidationReport {
  const headers = new Map(plan.jars.map((jar) => [jar.demand.model, jar.header]));
  return {
    validation: plan.validation,
    estimator: plan.settings.estimator,
    models: [...headers.values()].map(describeModel),
    instances: plan.jars.map(({ demand, options, footprint }) => ({
      id: demand.id,
      contextSize: options.contextSize,
      bytes: footprint.bytes,
      confidence: footprint.confidence,
    })),
  };
}
