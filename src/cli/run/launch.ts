import configuration from "../../../deno.json" with { type: "json" };
import { aloneFootprint } from "../../budget/alone.ts";
import { defined } from "../../budget/defined.ts";
import { BrainjarError, lineOf } from "../../budget/error.ts";
import { formatAmount } from "../../budget/size.ts";
import type { StartDryLoads } from "../../engine/dry_load_process.ts";
import type { PlaceOf } from "../../experiment/jar/place.ts";
import {
  askedOf,
  launcherName,
  limitOf,
  startsHere,
} from "../../jar_process/launchers/asked_of.ts";
import {
  askOffers,
  checkOffered,
  type OfferedMachine,
  offersWords,
} from "../../jar_process/launchers/offers.ts";
import { type LauncherChoice, readLauncher } from "../../jar_process/launchers/read_launcher.ts";
import { checkLaunchers, placesOf } from "../../jar_process/launchers/start_jars.ts";
import type { HearWait } from "../../jar_process/watch_start.ts";
import type { CpuFeatures } from "../../llama_cpp/options.ts";
import { type Plan, type PlannedJar, validatePlanned } from "../../plan/planned_jars.ts";
import type { Settings } from "../../plan/settings.ts";
import { didYouMean } from "../flags/did_you_mean.ts";

/** Jars of a run that live in processes of their own. */
export interface Launching {
  /** The plan with what each of them shares with nobody, and what layer 1 then says of this machine. */
  apart(plan: Plan): Plan;
  /**
   * Layer 1 of jars that a scheduler starts: whether it has a machine for each.
   *
   * @throws {BrainjarError} `no-machine-offered`
   */
  checkOffers(plan: Plan): Promise<void>;
  /**
   * @param cpu the processor that they were planned for
   * @param hearWait hears how long each start takes
   */
  placesOf(plan: Plan, cpu: CpuFeatures, hearWait: HearWait): PlaceOf;
  /** What each is asked for elsewhere, a line each. */
  linesOf(plan: Plan): readonly string[];
}

/**
 * How a run's jars are started that aren't to live in its own process; nothing where all of them are.
 *
 * @param own starts this program as a jar, where the system tells how
 * @param say tells people what couldn't be found out
 * @throws {BrainjarError} what `readLauncher` and `checkLaunchers` throw, and `conflicting-flags`
 */
export function readLaunching(
  { jars }: Settings,
  own: StartDryLoads | undefined,
  { token, startSeconds, say }: {
    readonly token?: string;
    readonly startSeconds?: number;
    readonly say: (line: string) => void;
  },
): Launching | undefined {
  const choices = new Map<string, LauncherChoice>();
  for (const { id, launcher } of jars) {
    const choice = launcher === undefined ? undefined : readLauncher(launcher, didYouMean);
    if (choice !== undefined) choices.set(id, choice);
  }
  if (choices.size === 0) return undefined;
  if (token !== undefined) {
    throw new BrainjarError(
      "conflicting-flags",
      'Flags "--launcher" and "--token" exclude each other',
      {
        hint: "What a token holds is one process's: give it back first, or run in-process",
      },
    );
  }
  const start = own?.();
  checkLaunchers({ choices, own: start });
  return {
    apart: (plan) => apart(plan, choices),
    checkOffers: (plan) => checkOffers(plan, choices, say),
    placesOf: (plan, cpu, hearWait) =>
      placesOf({
        choices,
        own: start,
        version: configuration.version,
        cpu,
        hearWait,
        ...defined({ startSeconds }),
        jars: plan.jars.map(({ demand }) => demand),
      }),
    linesOf: ({ jars, settings: { policy } }) =>
      jars.flatMap(({ demand }) => {
        const choice = choices.get(demand.id);
        if (choice === undefined || startsHere(choice)) return [];
        const limit = limitOf(choice, demand, policy.criterion);
        const asked = limit === undefined ? "no limit" : formatAmount(limit);
        return [`'${demand.id}' is started by ${launcherName(choice)}, asked for ${asked}`];
      }),
  };
}

/** Each scheduler is asked once for each choice of machines. */
async function checkOffers(
  { jars, settings: { policy } }: Plan,
  choices: ReadonlyMap<string, LauncherChoice>,
  say: (line: string) => void,
): Promise<void> {
  const answers = new Map<string, Promise<OfferedMachine[] | undefined>>();
  for (const { demand } of jars) {
    const choice = choices.get(demand.id);
    if (choice?.kind !== "known" || choice.launcher.offers === undefined) continue;
    const { launcher: { name, offers }, words } = choice;
    const key = offersWords(offers, words).join(" ");
    const asking = answers.get(key) ?? askOffers(offers, words).catch((error) => {
      say(`warning: ${name} doesn't say which machines it has: ${lineOf(error)}`);
      return undefined;
    });
    answers.set(key, asking);
    const machines = await asking;
    if (machines === undefined) continue;
    const asked = askedOf(choice, demand, policy.criterion);
    checkOffered({ id: demand.id, ...asked }, name, machines);
  }
}

function apart(plan: Plan, choices: ReadonlyMap<string, LauncherChoice>): Plan {
  const jars = plan.jars.map((jar): PlannedJar => {
    if (!choices.has(jar.demand.id)) return jar;
    const footprint = aloneFootprint(jar.demand.footprint);
    return { ...jar, demand: { ...jar.demand, footprint } };
  });
  const here = jars.filter(({ demand: { id } }) => {
    const choice = choices.get(id);
    return choice === undefined || startsHere(choice);
  });
  const { policy } = plan.settings;
  const shareWeights = policy.shareWeights && jars.some(({ demand: { id } }) => !choices.has(id));
  const settings = { ...plan.settings, policy: { ...policy, shareWeights } };
  return { ...plan, settings, jars, validation: validatePlanned(here, settings, plan.memory) };
}
