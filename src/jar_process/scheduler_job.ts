import { defined } from "../budget/defined.ts";
import type { Whereabouts } from "../experiment/jar/entrance.ts";

/** Variables by which schedulers tell a process what they call it. */
const VARIABLES: readonly (readonly [scheduler: string, variable: string])[] = [
  ["slurm", "SLURM_JOB_ID"],
  ["pbs", "PBS_JOBID"],
  ["lsf", "LSB_JOBID"],
  ["systemd", "INVOCATION_ID"],
];

/** Variables by which schedulers tell a process what they call the machine. */
const NODES: readonly string[] = ["SLURMD_NODENAME"];

/** What the scheduler that started this process calls it: `slurm:151`. Nothing where none did. */
function schedulerJob(read: (name: string) => string | undefined): string | undefined {
  for (const [scheduler, variable] of VARIABLES) {
    const id = read(variable);
    if (id !== undefined && id !== "") return `${scheduler}:${id}`;
  }
  return undefined;
}

/**
 * Where this process is: the machine, as its scheduler calls it if one started it, and its name there.
 *
 * @example
 * ```ts
 * import { whereabouts } from "./scheduler_job.ts";
 * const environment: Record<string, string> = { SLURM_JOB_ID: "151", SLURMD_NODENAME: "node2" };
 * const { host, job } = whereabouts((name) => environment[name], () => "node2.lab.example");
 * if (host !== "node2" || job !== "slurm:151") throw new Error("Slurm's");
 * if (whereabouts(() => undefined, () => "desk").host !== "desk") throw new Error("Nobody's");
 * ```
 */
export function whereabouts(
  read: (name: string) => string | undefined,
  hostname: () => string,
): Whereabouts {
  const named = NODES.map(read).find((name) => name !== undefined && name !== "");
  return { host: named ?? hostname(), ...defined({ job: schedulerJob(read) }) };
}
