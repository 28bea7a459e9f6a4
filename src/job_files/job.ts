import { devicesNeeded } from "../jar_process/launchers/asked_of.ts";
import type { Criterion, InstanceDemand } from "../budget/demand.ts";
import type { Plan } from "../plan/planned_jars.ts";

/** Where a job is to be started. */
export type JobKind = "slurm" | "kubernetes" | "compose" | "systemd";

/** One jar of a job. */
export interface JobJar {
  readonly demand: InstanceDemand;
  /** Its model's first file, where the jar runs. */
  readonly model: string;
  /** Folders that its model's files lie in there, and those that their links lead to. */
  readonly folders: readonly string[];
  /** Tokens. */
  readonly contextSize: number;
}

/** Jars that are to be started somewhere, and a run that has them think. */
export interface Job {
  /** brainjar's own version: all of the job must have the same. */
  readonly version: string;
  /** The command line that this was made by, for people. */
  readonly typed: string;
  readonly jars: readonly JobJar[];
  readonly criterion: Criterion;
  /** Words after `brainjar check` where the jars live: which jars there are, on which models. */
  readonly checked: readonly string[];
  /** Words after `brainjar run` where that runs: the same and its own, but for its launchers. */
  readonly run: readonly string[];
  /** A jar file that these words name, where it has to come with the job. */
  readonly jarFile?: { readonly path: string; readonly text: string };
  /** What has brainjar in it, where that is an image. */
  readonly image?: string;
  /** Processors to ask for beside each jar's memory. */
  readonly cpus?: number;
}

/** A file that starts a job, or a part of it. */
export interface JobFile {
  readonly name: string;
  readonly text: string;
}

/** What of a plan a job is made of. */
export type JobPlan = Pick<Plan, "jars" | "settings">;

/** Devices that the run itself needs: it plans on those that it sees. */
export function devicesOfRun({ jars }: Pick<Job, "jars">): number {
  return Math.max(0, ...jars.map(({ demand }) => devicesNeeded(demand)));
}
