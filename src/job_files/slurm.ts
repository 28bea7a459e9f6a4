import { formatAmount, MB } from "../budget/size.ts";
import { devicesNeeded } from "../jar_process/launchers/asked_of.ts";
import { printable } from "../report/printable.ts";
import { COORDINATOR_BYTES } from "../jar_process/own_limit.ts";
import { apart, type Asked, askedBy, checkWords, runWords } from "./figures.ts";
import { devicesOfRun, type Job, type JobFile, type JobJar } from "./job.ts";
import { shellCommand } from "./shell_command.ts";

/**
 * A batch script of Slurm's: one heterogeneous job with a component for each jar, the run itself beside
 * the first. Each jar's own step is what holds it to its limit.
 */
export function slurmFiles(job: Job): JobFile[] {
  const { jars, version, typed } = job;
  const asked = jars.map((jar, at) => askedBy(launcherOf(job, at), jar, job));
  const components = jars.map((jar, at) => componentOf(job, jar, at, asked[at]));
  const checks = jars.flatMap((jar, at) => {
    const mine = asked[at];
    return mine === undefined ? [] : shellCommand([
      ...["srun", ...mine.launcher.split(" ").slice(1)],
      ...["--ntasks=1", `--mem=${mine.limitBytes / MB}M`, ...gpusOf(devicesNeeded(jar.demand))],
      ...checkWords(job, jar, mine),
    ]);
  });
  const lines = [
    "#!/bin/bash",
    ...comments([
      `brainjar ${version}: ${apart(jars.length, "process")}, as one job of Slurm's`,
      `made by: ${printable(typed)}`,
      "submitted by: sbatch THIS-FILE",
      ...jars.length > 1
        ? [
          `It takes ${jars.length} nodes: no two components of a job share one. Where there are fewer,`,
          `have a run start a job for each jar: brainjar run --launcher slurm`,
        ]
        : [],
      "brainjar and the models lie under the same paths on every node.",
    ]),
    ...components.flatMap((lines, at) => at === 0 ? lines : ["#SBATCH hetjob", ...lines]),
    "",
    "set -eu",
    "export MALLOC_ARENA_MAX=1",
    "",
    ...comments([
      "Each jar where it will live, before anything is loaded: its model's file, its floor on that",
      "processor, that machine's memory.",
    ]),
    ...checks,
    "",
    ...comments(["The run. Each jar is a step of the job, which Slurm holds to the jar's limit."]),
    ...shellCommand(["exec", ...runWords(job, asked)]),
  ];
  return [{ name: "brainjar.sbatch", text: `${lines.join("\n")}\n` }];
}

/** A jar's launcher: a step in its own component, on processors that no other step has. */
function launcherOf({ jars, cpus }: Job, at: number): string {
  return [
    "slurm",
    ...jars.length > 1 ? [`--het-group=${at}`] : [],
    "--exact",
    ...cpus === undefined ? [] : [`--cpus-per-task=${cpus}`],
  ].join(" ");
}

function gpusOf(count: number): string[] {
  return count === 0 ? [] : [`--gpus=${count}`];
}

/** The lines of one component, with what its figures are. */
function componentOf(
  job: Job,
  jar: JobJar,
  at: number,
  asked: Asked | undefined,
): string[] {
  const { cpus } = job;
  const limitBytes = asked?.limitBytes ?? 0;
  const memoryBytes = at === 0 ? limitBytes + COORDINATOR_BYTES : limitBytes;
  const words = [
    ...at === 0 ? ["--job-name=brainjar"] : [],
    ...["--nodes=1", "--ntasks=1", `--mem=${memoryBytes / MB}M`],
    ...cpus === undefined ? [] : [`--cpus-per-task=${cpus}`],
    ...gpusOf(at === 0 ? devicesOfRun(job) : devicesNeeded(jar.demand)),
  ];
  return [
    ...comments([
      ...asked?.why ?? [],
      ...at === 0
        ? [
          `the run itself ${
            formatAmount(COORDINATOR_BYTES)
          }: its process, which holds no model, and an srun for each jar`,
        ]
        : [],
    ]),
    `#SBATCH ${words.join(" ")}`,
  ];
}

function comments(lines: readonly string[]): string[] {
  return lines.map((line) => `# ${line}`);
}
