/** Variables by which schedulers tell a process what they call it. */
const VARIABLES: readonly (readonly [scheduler: string, variable: string])[] = [
  ["slurm", "SLURM_JOB_ID"],
  ["pbs", "PBS_JOBID"],
  ["lsf", "LSB_JOBID"],
  ["systemd", "INVOCATION_ID"],
];

/**
 * What the scheduler that started this process calls it: `slurm:151`. Nothing where none did.
 *
 * @param read a variable of the environment
 *
 * @example
 * ```ts
 * import { schedulerJob } from "./scheduler_job.ts";
 * const environment: Record<string, string> = { SLURM_JOB_ID: "151" };
 * if (schedulerJob((name) => environment[name]) !== "slurm:151") throw new Error("Slurm's");
 * if (schedulerJob(() => undefined) !== undefined) throw new Error("Nobody's");
 * ```
 */
export function schedulerJob(read: (name: string) => string | undefined): string | undefined {
  for (const [scheduler, variable] of VARIABLES) {
    const id = read(variable);
    if (id !== undefined && id !== "") return `${scheduler}:${id}`;
  }
  return undefined;
}
