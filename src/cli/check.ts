import { describeModel } from "../gguf/describe_model.ts";
import type { ValidationReport } from "../report/description.ts";
import { advise } from "./advise.ts";
import type { Command } from "./brainjar.ts";
import { appendSummary, readFormat, renderCheck } from "./check_output.ts";
import type { Plan } from "./plan.ts";
import { planJars } from "./plan.ts";
import { readSettings } from "./settings.ts";
import { sayWhichModel } from "./which_model.ts";
import { openWorld } from "./world.ts";

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
    const plan = await advise(await planJars(settings, await world.readMemory(), world), world);
    const report = reportOf(plan);
    if (!quiet) output.answer(await renderCheck(format, report, startedAt));
    const summary = Deno.env.get("GITHUB_STEP_SUMMARY");
    if (format === "github" && summary) await appendSummary(report, summary, say);
    return plan.validation.ok ? 0 : 1;
  } finally {
    await world.close();
  }
};

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
