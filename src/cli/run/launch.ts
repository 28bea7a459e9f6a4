import configuration from "../../../deno.json" with { type: "json" };
import { aloneFootprint } from "../../budget/alone.ts";
import { defined } from "../../budget/defined.ts";
import { BrainjarError, lineOf } from "../../budget/error.ts";
import { RAM } from "../../budget/pools/pools.ts";
import { poolsNeeded } from "../../budget/pools/reservations.ts";
import { requiredOn } from "../../budget/required.ts";
import type { InstancePlace, NoMachineIssue, Validation } from "../../budget/validation.ts";
import type { StartDryLoads } from "../../engine/dry_load_process.ts";
import type { PlaceOf } from "../../experiment/jar/place.ts";
import {
  askedOf,
  launcherName,
  limitOf,
  requestOf,
  startsHere,
} from "../../jar_process/launchers/asked_of.ts";
import {
  askOffers,
  type OfferedMachine,
  offerIssue,
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
  /**
   * Asks schedulers for their machines, each once for each choice of machines. One that doesn't answer
   * is told to people, and left out of what layer 1 judges.
   */
  askOffers(): Promise<void>;
  /**
   * The plan with what each of them shares with nobody, and what layer 1 then says: of this machine, and
   * of what schedulers offered.
   */
  apart(plan: Plan): Plan;
  /**
   * @param cpu the processor that they were planned for
   * @param hearWait hears how long each start takes
   */
  placesOf(plan: Plan, cpu: CpuFeatures, hearWait: HearWait): PlaceOf;
}

/** What stands in the way of jars in processes of their own. */
export interface Excluded {
  /** A flag without its dashes. */
  readonly flag: string;
  readonly hint: string;
}

/** What a run or a check knows of how its jars are started. */
export interface LaunchOptions {
  /** A flag that was given and means one process. */
  readonly excluded?: Excluded;
  /** How long a start may take, where somebody said so. */
  readonly startSeconds?: number;
  /** Tells people what couldn't be found out. */
  readonly say: (line: string) => void;
}

/**
 * How a run's jars are started that aren't to live in its own process; nothing where all of them are.
 *
 * @param own starts this program as a jar, where the system tells how
 * @throws {BrainjarError} what `readLauncher` and `checkLaunchers` throw, and `conflicting-flags`
 */
export function readLaunching(
  { jars }: Pick<Settings, "jars">,
  own: StartDryLoads | undefined,
  { excluded, startSeconds, say }: LaunchOptions,
): Launching | undefined {
  const choices = new Map<string, LauncherChoice>();
  for (const { id, launcher } of jars) {
    const choice = launcher === undefined ? undefined : readLauncher(launcher, didYouMean);
    if (choice !== undefined) choices.set(id, choice);
  }
  if (choices.size === 0) return undefined;
  if (excluded !== undefined) {
    throw new BrainjarError(
      "conflicting-flags",
      `Flags "--launcher" and "--${excluded.flag}" exclude each other`,
      { hint: excluded.hint },
    );
  }
  const start = own?.();
  checkLaunchers({ choices, own: start });
  let offers: Offers = new Map();
  return {
    askOffers: async () => {
      offers = await askAll(choices, say);
    },
    apart: (plan) => apart(plan, choices, offers),
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
  };
}

/** The machines that each jar's scheduler offers, by jar; those whose scheduler doesn't tell are absent. */
type Offers = ReadonlyMap<string, readonly OfferedMachine[]>;

async function askAll(
  choices: ReadonlyMap<string, LauncherChoice>,
  say: (line: string) => void,
): Promise<Offers> {
  const answers = new Map<string, Promise<OfferedMachine[] | undefined>>();
  const offers = new Map<string, readonly OfferedMachine[]>();
  for (const [id, choice] of choices) {
    if (choice.kind !== "known" || choice.launcher.offers === undefined) continue;
    const { launcher: { name, offers: offered }, words } = choice;
    const key = offersWords(offered, words).join(" ");
    const asking = answers.get(key) ?? askOffers(offered, words).catch((error) => {
      say(`warning: ${name} doesn't say which machines it has: ${lineOf(error)}`);
      return undefined;
    });
    answers.set(key, asking);
    const machines = await asking;
    if (machines !== undefined) offers.set(id, machines);
  }
  return offers;
}

function apart(plan: Plan, choices: ReadonlyMap<string, LauncherChoice>, offers: Offers): Plan {
  const jars = plan.jars.map((jar): PlannedJar => {
    if (!choices.has(jar.demand.id)) return jar;
    const footprint = aloneFootprint(jar.demand.footprint);
    return { ...jar, demand: { ...jar.demand, footprint } };
  });
  const here = jars.filter(({ demand: { id } }) => isHere(choices.get(id)));
  const { policy } = plan.settings;
  const shareWeights = policy.shareWeights && jars.some(({ demand: { id } }) => !choices.has(id));
  const settings = { ...plan.settings, policy: { ...policy, shareWeights } };
  const judged = validatePlanned(here, settings, plan.memory);
  const issues = jars.flatMap((jar) => issuesOf(jar, choices, { offers, settings }));
  const places = jars.map((jar) => placeOf(jar, choices.get(jar.demand.id), settings));
  return { ...plan, settings, jars, validation: { ...withIssues(judged, issues), places } };
}

/** Whether a jar takes this machine's memory: nothing chosen means the run's own process. */
function isHere(choice: LauncherChoice | undefined): boolean {
  return choice === undefined || startsHere(choice);
}

/** What no machine that is offered has. */
function issuesOf(
  { demand }: PlannedJar,
  choices: ReadonlyMap<string, LauncherChoice>,
  { offers, settings }: { readonly offers: Offers; readonly settings: Settings },
): NoMachineIssue[] {
  const choice = choices.get(demand.id);
  const machines = offers.get(demand.id);
  if (choice === undefined || machines === undefined) return [];
  const { memoryBytes, gpus } = askedOf(choice, demand, settings.policy.criterion);
  const issue = offerIssue({ id: demand.id, memoryBytes, gpus }, launcherName(choice), machines);
  return issue === undefined ? [] : [issue];
}

function withIssues(judged: Validation, issues: readonly NoMachineIssue[]): Validation {
  if (issues.length === 0) return judged;
  return { ...judged, ok: false, verdict: "fail", issues: [...judged.issues, ...issues] };
}

function placeOf(
  { demand }: PlannedJar,
  choice: LauncherChoice | undefined,
  { policy: { criterion } }: Settings,
): InstancePlace {
  const { id, role, model, ramLimitBytes, footprint } = demand;
  const devices = poolsNeeded(demand).filter((pool) => pool !== RAM)
    .map((pool) => ({ id: pool, requiredBytes: requiredOn(pool, demand, criterion) }));
  return {
    id,
    role,
    model,
    ...defined({ ramLimitBytes: ramLimitBytes && Math.ceil(ramLimitBytes) }),
    ...choice && defined({
      launcher: launcherName(choice),
      limitBytes: limitOf(choice, demand, criterion),
    }),
    isHere: isHere(choice),
    requestBytes: requestOf(demand, criterion),
    floorBytes: Math.ceil(footprint.floorBytes),
    workingSetBytes: Math.ceil(footprint.workingSetBytes),
    ...defined({ gpuLayers: demand.gpuLayers }),
    ...devices.length > 0 && { devices },
  };
}
