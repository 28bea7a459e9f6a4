import { BrainjarError } from "../../budget/error.ts";
import { expandHome } from "../../gguf/environment.ts";
import { requestsOf } from "../../job_files/asked.ts";
import type { Job, JobFile, JobKind, JobPlan } from "../../job_files/job.ts";
import { COORDINATOR_BYTES } from "../../jar_process/own_limit.ts";
import { loadModule } from "../../load_module.ts";
import { planOn } from "../../plan/plan.ts";
import { planJson } from "../../report/plan/plan_json.ts";
import { planText } from "../../report/plan/plan_text.ts";
import { jsonText } from "../../report/printable.ts";
import type { Command } from "../command.ts";
import type { FlagValues } from "../flags/values.ts";
import { openPlanning } from "../settings/planning.ts";

/** Flags that only mean something with `--for`, and which kinds hear them. */
const HEARD_BY: Readonly<Record<"image" | "models-at" | "cpus" | "output", readonly JobKind[]>> = {
  image: ["kubernetes", "compose"],
  "models-at": ["slurm", "kubernetes", "compose", "systemd"],
  cpus: ["slurm", "kubernetes", "compose"],
  output: ["slurm", "kubernetes", "compose", "systemd"],
};

/** `brainjar plan`: what jars in processes of their own ask for, on paper; with machines, where they go. */
export const command: Command = async (input) => {
  const { values, output } = input;
  const kind = values.get("for");
  rejectUnheard(values, kind);
  const machines = values.get("machines");
  if (machines !== undefined) {
    if (kind !== undefined) {
      throw new BrainjarError(
        "conflicting-flags",
        'Flags "--machines" and "--for" exclude each other',
        { hint: "Ask for the files of one machine's jars at a time" },
      );
    }
    const { planMachines } = await loadModule<typeof import("./plan_machines.ts")>(
      import.meta,
      "./plan_machines.ts",
    );
    return await planMachines(machines, input);
  }
  const { settings, host: opened } = await openPlanning(input);
  await using host = opened;
  const plan = await planOn(host, settings, await host.readMemory());
  const files = kind === undefined ? [] : await filesOf(kind, values, plan);
  const target = values.get("output");
  if (target !== undefined) {
    const { writeNewFiles } = await loadModule<typeof import("../terminal/new_files.ts")>(
      import.meta,
      "../terminal/new_files.ts",
    );
    const paths = await writeNewFiles(expandHome(target), files);
    output.say(paths.map((path) => `Written: ${path}\n`).join(""));
  }
  if (files.length > 0 && !values.get("json")) {
    if (target === undefined) output.answer(files.map(({ text }) => text).join("\n"));
    return 0;
  }
  const requests = {
    jars: requestsOf(plan.jars, settings.policy.criterion),
    coordinatorBytes: COORDINATOR_BYTES,
  };
  output.answer(
    values.get("json")
      ? `${jsonText(planJson(requests, settings, files))}\n`
      : `${planText(requests)}\n`,
  );
  return 0;
};

/**
 * Throws where a flag would mean nothing.
 *
 * @throws {BrainjarError} `conflicting-flags`
 */
function rejectUnheard(values: FlagValues, kind: JobKind | undefined): void {
  for (const [name, kinds] of Object.entries(HEARD_BY)) {
    const flag = name as keyof typeof HEARD_BY;
    if (values.given(flag) === undefined || (kind !== undefined && kinds.includes(kind))) continue;
    throw new BrainjarError(
      "conflicting-flags",
      kind === undefined
        ? `Flag "--${name}" needs --for`
        : `Flags "--for ${kind}" and "--${name}" exclude each other`,
      { hint: `It is for --for ${kinds.join(", ")}` },
    );
  }
}

/** What makes the files of each kind; only its own code is loaded. */
const MAKERS: Readonly<Record<JobKind, () => Promise<(job: Job) => JobFile[]>>> = {
  slurm: async () =>
    (await loadModule<typeof import("../../job_files/slurm.ts")>(
      import.meta,
      "../../job_files/slurm.ts",
    )).slurmFiles,
  kubernetes: async () =>
    (await loadModule<typeof import("../../job_files/kubernetes.ts")>(
      import.meta,
      "../../job_files/kubernetes.ts",
    )).kubernetesFiles,
  compose: async () =>
    (await loadModule<typeof import("../../job_files/compose.ts")>(
      import.meta,
      "../../job_files/compose.ts",
    )).composeFiles,
  systemd: async () =>
    (await loadModule<typeof import("../../job_files/systemd.ts")>(
      import.meta,
      "../../job_files/systemd.ts",
    )).systemdFiles,
};

async function filesOf(kind: JobKind, values: FlagValues, plan: JobPlan): Promise<JobFile[]> {
  const { jobOf } = await loadModule<typeof import("../settings/job.ts")>(
    import.meta,
    "../settings/job.ts",
  );
  const make = await MAKERS[kind]();
  return make(jobOf(kind, values, plan));
}
