import { formatAmount } from "../budget/size.ts";
import { type LauncherChoice, readLauncher } from "../jar_process/launchers/read_launcher.ts";
import { limitOf, requestOf } from "../jar_process/launchers/asked_of.ts";
import { printable } from "../report/printable.ts";
import type { Job, JobJar } from "./job.ts";

/** What one jar is asked for, and a run's words that start it so. */
export interface Asked {
  /** What `--launcher-JAR` is given. */
  readonly launcher: string;
  /** What it is held to, in bytes. */
  readonly limitBytes: number;
  /** What it uses where it has it, in bytes. */
  readonly requestBytes: number;
  /** Where the two come from, a line each, for comments. */
  readonly why: readonly string[];
}

/**
 * What a jar is asked for by a launcher that holds jars to a limit: by the launcher's own words, so that
 * the run asks for the same.
 */
export function askedBy(launcher: string, jar: JobJar, { criterion }: Job): Asked {
  const choice = readLauncher(launcher);
  const limitBytes = choice && limitOf(choice, jar.demand, criterion);
  if (choice === undefined || limitBytes === undefined) {
    throw new RangeError(`${launcher} holds no jar to a limit`);
  }
  const requestBytes = requestOf(jar.demand, criterion);
  return { launcher, limitBytes, requestBytes, why: whyOf(jar, choice, limitBytes, requestBytes) };
}

function whyOf(
  { demand, contextSize, model }: JobJar,
  choice: LauncherChoice,
  limitBytes: number,
  requestBytes: number,
): string[] {
  const { floorBytes, workingSetBytes, devices = [] } = demand.footprint;
  const added = choice.kind === "known" ? choice.launcher.limit?.addedBytes ?? 0 : 0;
  const isRequest = floorBytes + added < requestBytes;
  return [
    `'${printable(demand.id)}' (${demand.role}): ${printable(model)} with ${contextSize} tokens`,
    `floor ${amount(floorBytes)}: what can't be given back, at its highest; killed below`,
    `working set ${amount(workingSetBytes)}: with less, weights are read from disk for each token`,
    requestBytes === workingSetBytes
      ? `request ${amount(requestBytes)}: the working set`
      : `request ${amount(requestBytes)}: by --criterion, or its RAM limit`,
    isRequest
      ? `limit ${amount(limitBytes)}: the request, in whole MB (floor + accounting: ${
        amount(floorBytes + added)
      })`
      : `limit ${amount(limitBytes)}: the floor + ${amount(added)} that is accounted beside it`,
    ...devices.map(({ id, bytes }) => `on ${id}: ${amount(bytes)}`),
  ];
}

function amount(bytes: number): string {
  return `${formatAmount(bytes)} (${bytes} B)`;
}

/** Words of `brainjar check` for one jar where it is started, before it is. */
export function checkWords(
  job: Job,
  jar: JobJar,
  { limitBytes }: Pick<Asked, "limitBytes">,
): string[] {
  return [
    "brainjar",
    "check",
    ...job.checked,
    ...["--only", jar.demand.id, "--own-limit", `${limitBytes}B`],
  ];
}

/** What starts each jar, in words of `brainjar run` and `brainjar check`. */
export function launcherWords({ jars }: Job, asked: readonly Asked[]): string[] {
  return jars.flatMap(({ demand: { id } }, at) => {
    const launcher = asked[at]?.launcher;
    return launcher === undefined ? [] : [`--launcher-${id}`, launcher];
  });
}

/** Words of `brainjar run` with what starts each jar. */
export function runWords(job: Job, asked: readonly Asked[]): string[] {
  return ["brainjar", "run", ...job.run, ...launcherWords(job, asked)];
}

/**
 * How many jars live apart, as people count.
 *
 * @example
 * ```ts
 * import { apart } from "./figures.ts";
 * if (apart(1, "pod") !== "a jar in a pod of its own") throw new Error(apart(1, "pod"));
 * if (apart(3, "process") !== "3 jars in processes of their own") throw new Error();
 * ```
 */
export function apart(count: number, home: "pod" | "container" | "process"): string {
  return count === 1
    ? `a jar in a ${home} of its own`
    : `${count} jars in ${home}${home === "process" ? "es" : "s"} of their own`;
}
