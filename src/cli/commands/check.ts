import { defined } from "../../budget/defined.ts";
import { BrainjarError } from "../../budget/error.ts";
import { exitCode } from "../../budget/exit_codes.ts";
import { isWithoutTokenizer } from "../../llama_cpp/loading/tokenizer.ts";
import { loadModule } from "../../load_module.ts";
import { type Host, openHost } from "../../plan/host.ts";
import { type Plan, planOn } from "../../plan/plan.ts";
import type { ReservedPlan } from "../../plan/reserve.ts";
import type { Settings } from "../../plan/settings.ts";
import { validationReport } from "../../report/validation_report.ts";
import type { Command, CommandInput } from "../command.ts";
import type { FlagValues } from "../flags/values.ts";
import type { Launching } from "../run/launch.ts";
import { readSettings } from "../settings/settings.ts";
import { tellSlowServers } from "../terminal/slow_servers.ts";
import {
  appendSummary,
  readFormat,
  renderCheck,
  reservationText,
  shortCheck,
} from "./check_output.ts";

/**
 * `brainjar check`: all of layer 1, and its verdict as the exit code. A script that names no model has
 * forgotten one: only a person at a terminal, who reads that it is used, gets the demo brain.
 */
export const command: Command = async ({ values, output, dryLoadCommand, jarCommand }) => {
  const startedAt = new Date();
  const format = readFormat(values);
  const quiet = values.get("quiet");
  const say = quiet ? () => {} : (text: string) => output.say(text);
  const asked = await readSettings(values, { say, modelRequired: !output.interactive });
  const only = values.get("only");
  const settings = only === undefined ? asked : (await oneJar()).onlyJar(asked, only);
  const launching = await launchingOf(settings, values, { jarCommand, say });
  await using host = tellSlowServers(
    openHost({ ...settings, ...defined({ dryLoadCommand }), say: (line) => say(`${line}\n`) }),
    { interactive: output.interactive, say },
  );
  await launching?.askOffers();
  const judged = await judge(host, settings, { values, launching });
  for (const { name, header } of modelsOf(judged)) {
    if (isWithoutTokenizer(header)) {
      say(`warning: ${name} has no tokenizer: run makes no text with it\n`);
    }
  }
  const report = validationReport(judged);
  const isShort = !quiet && output.answersTerminal && !values.get("full") &&
    !values.get("json") && values.given("format") === undefined;
  // Where a script asked for nothing else, the token is the answer.
  const answer = quiet
    ? () => output.answer(tokenText(judged))
    : isShort
    ? async () => await output.answerParagraphs(await shortCheck(report))
    : async () => output.answer(await renderCheck(format, report, startedAt));
  await tell(answer, judged, host);
  if (format === "github" || format === "junit") say(reservationText(report));
  const summary = Deno.env.get("GITHUB_STEP_SUMMARY");
  if (format === "github" && summary) await appendSummary(report, summary, say);
  return exitCode(report.validation.ok ? "success" : "refused");
};

/** What few checks ask for: one of the jars, where it is started. */
async function oneJar() {
  return await loadModule<typeof import("../settings/one_jar.ts")>(
    import.meta,
    "../settings/one_jar.ts",
  );
}

/** How the jars would be started that a run has in processes of their own; nothing where there are none. */
async function launchingOf(
  settings: Settings,
  values: FlagValues,
  { jarCommand, say }: {
    readonly jarCommand: CommandInput["jarCommand"] | undefined;
    readonly say: (text: string) => void;
  },
): Promise<Launching | undefined> {
  if (settings.jars.every(({ launcher }) => launcher === undefined)) return undefined;
  // Where it is started nothing starts it once more, whatever a jar file says.
  const isStarted = values.get("own-limit") !== undefined;
  const isTyped = values.get("launcher") !== undefined || values.perJar("launcher").size > 0;
  if (isStarted && !isTyped) return undefined;
  const { readLaunching } = await loadModule<typeof import("../run/launch.ts")>(
    import.meta,
    "../run/launch.ts",
  );
  const excluded = isStarted
    ? { flag: "own-limit", hint: "Say what starts the jar, or what it was started with" }
    : values.get("reserve") === undefined
    ? undefined
    : { flag: "reserve", hint: "Jars in processes of their own reserve what they need themselves" };
  return readLaunching(settings, jarCommand, {
    ...defined({ excluded }),
    say: (line) => say(`${line}\n`),
  });
}

function tokenText({ reservation }: ReservedPlan): string {
  return reservation === undefined ? "" : `${reservation.token}\n`;
}

/** Prints the answer. What is held by a token that nobody could read is given back. */
async function tell(
  answer: () => boolean | Promise<boolean>,
  { reservation }: ReservedPlan,
  host: Host,
): Promise<void> {
  let isRead = false;
  try {
    isRead = await answer();
  } finally {
    if (!isRead && reservation) {
      await (await host.openLedger())?.releaseToken(reservation.token);
    }
  }
}

/** The jars' models, each once. */
function modelsOf({ plan }: ReservedPlan) {
  return new Map(plan.jars.map(({ demand: { model: name }, header }) => [name, { name, header }]))
    .values();
}

/**
 * The plan with its verdict; what is reserved where that was asked for, advice where it fails. Most
 * checks need neither, and don't read their code.
 */
async function judge(
  host: Host,
  settings: Settings,
  { values, launching }: {
    readonly values: FlagValues;
    readonly launching: Launching | undefined;
  },
): Promise<ReservedPlan> {
  const reserveSeconds = values.get("reserve");
  const ownLimitBytes = values.get("own-limit");
  if (ownLimitBytes !== undefined) {
    if (reserveSeconds !== undefined) {
      throw new BrainjarError(
        "conflicting-flags",
        'Flags "--own-limit" and "--reserve" exclude each other',
        { hint: "What was asked a scheduler for is kept by the scheduler" },
      );
    }
    // What would help is more than was asked for, and not another setting.
    return { plan: await (await oneJar()).planInOwnLimit(host, settings, ownLimitBytes) };
  }
  const apart = (plan: Plan) => launching?.apart(plan) ?? plan;
  const plan = apart(await planOn(host, settings, await host.readMemory()));
  let judged: ReservedPlan = { plan };
  if (reserveSeconds !== undefined) {
    const { reserveOn } = await loadModule<typeof import("../../plan/reserve.ts")>(
      import.meta,
      "../../plan/reserve.ts",
    );
    judged = await reserveOn(host, plan, reserveSeconds);
  }
  const { validation } = judged.plan;
  const isFull = validation.instances.every(({ gpuLayers }) =>
    gpuLayers === undefined || gpuLayers.count === gpuLayers.of
  );
  if (validation.ok && isFull) return judged;
  const { adviseOn } = await loadModule<typeof import("../../plan/advise.ts")>(
    import.meta,
    "../../plan/advise.ts",
  );
  return { ...judged, plan: await adviseOn(host, judged.plan, apart) };
}
