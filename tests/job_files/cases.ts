import fc from "fast-check";
import type { InstanceDemand, JarFootprint } from "../../src/budget/demand.ts";
import { MB } from "../../src/budget/size.ts";
import type { Job, JobJar } from "../../src/job_files/job.ts";
import type { PlannedJar } from "../../src/plan/planned_jars.ts";
import { options } from "../llama_cpp/sample_header.ts";

/** A jar's demand with these figures alone in a process. */
export function demandOf(
  figures: Pick<JarFootprint, "floorBytes" | "workingSetBytes" | "devices">,
  id = "subject",
): InstanceDemand {
  return {
    id,
    role: "subject",
    model: "/models/brain 8b.gguf",
    footprint: { ...figures, shared: { floorBytes: 0, workingSetBytes: 0 } },
  };
}

/** Of planned jars what their requests are made of. */
export function plannedJars(
  demands: readonly InstanceDemand[],
): Pick<PlannedJar, "demand" | "options">[] {
  return demands.map((demand) => ({
    demand,
    options: options({ contextSize: 4096 }),
  }));
}

/** What a jar with half of its weights mapped needs. */
export const FIGURES = { floorBytes: 1200 * MB + 1, workingSetBytes: 5400 * MB };

/** What a jar with all of its weights on a card needs. */
export const ON_CARD = {
  floorBytes: 400 * MB,
  workingSetBytes: 401 * MB,
  devices: [{ id: "cuda:0", bytes: 4100 * MB, sharedBytes: 0, processBytes: 0 }],
};

/** A jar of a job. */
export function jobJar(id: string, figures = FIGURES, model = "/models/brain 8b.gguf"): JobJar {
  return {
    demand: demandOf(figures, id),
    model,
    folders: [model.replace(/\/[^/]*$/, "")],
    contextSize: 4096,
  };
}

/** Three jars on a model, and a run of three turns. */
export const MATRIX: Job = {
  version: "0.1.0",
  typed: "brainjar plan --mode matrix --model 'brain 8b.gguf' --turns 3",
  jars: [jobJar("subject"), jobJar("observer"), jobJar("god")],
  criterion: "working-set",
  checked: ["--mode", "matrix", "--model", "/models/brain 8b.gguf", "--gpu", "off"],
  run: ["--mode", "matrix", "--model", "/models/brain 8b.gguf", "--gpu", "off", "--turns", "3"],
};

/** The same with one of them on a card, in an image, on processors of their own. */
export const MORE: Job = {
  ...MATRIX,
  jars: [jobJar("subject"), jobJar("peer_a", ON_CARD), jobJar("God.2")],
  image: "registry/brainjar:1",
  cpus: 4,
};

/** Anything that a command line may hold: no byte of it is 0, and it isn't empty. */
export const WORD = fc.oneof(
  fc.string({ unit: "binary", minLength: 1 }),
  fc.string({
    unit: fc.constantFrom(..."ab /'\"\\$`%!;&|<>(){}[]*?~#=:,.-\n\t\r\u001b\u0085\u202e\u00e9"),
  }),
  fc.constantFrom(
    ...["$(touch x)", "`id`", "$HOME", "${HOME}", "$$", "%t%%", "a b", "'", '"', "--", "off", "y"],
    ...[
      "\n#SBATCH --mem=1",
      "x\n---\nkind: Pod",
      "$(VAR)",
      ";",
      "\\",
      "~",
      "1e3",
      "0x1",
      "null",
      "# x",
    ],
  ),
).filter((word) => word !== "" && !word.includes("\0") && isWhole(word));

/** Half of a surrogate pair is in no path. */
function isWhole(word: string): boolean {
  return word.isWellFormed();
}

/** The matrix, on a model of that name, with another word in its commands. */
export function jobWith(word: string, job: Job = MATRIX): Job {
  const model = `/models/${word}`;
  return {
    ...job,
    typed: word,
    jars: [jobJar("subject", FIGURES, model), jobJar("observer", FIGURES, model)],
    checked: ["--model", model, "--cpu", word],
    run: ["--model", model, "--cpu", word],
  };
}

/** Words of a check in the file of `jobWith`. */
export function checkedWith(word: string, jar: string, limitBytes: number): string[] {
  return [
    ...["check", "--model", `/models/${word}`, "--cpu", word],
    ...["--only", jar, "--own-limit", `${limitBytes}B`],
  ];
}
