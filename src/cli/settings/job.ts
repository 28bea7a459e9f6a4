import { basename, dirname, join, resolve } from "node:path";
import configuration from "../../../deno.json" with { type: "json" };
import { defined } from "../../budget/defined.ts";
import { BrainjarError } from "../../budget/error.ts";
import { expandHome } from "../../gguf/environment.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { isPath } from "../../gguf/locate.ts";
import { isUrl, pathOf, shownUrl } from "../../gguf/sources/url.ts";
import { devicesNeeded } from "../../jar_process/launchers/asked_of.ts";
import type { Job, JobJar, JobKind, JobPlan } from "../../job_files/job.ts";
import { resolveLinks } from "../../plan/model_path.ts";
import { shellWord } from "../../report/shell_word.ts";
import type { FlagDefinition } from "../flags/flags.ts";
import type { FlagValues } from "../flags/values.ts";
import { settledJarFile } from "../jar_file/settled.ts";

/** Flags whose values are settled before they are written down. */
const SETTLED = [
  "mode",
  "jars",
  "model",
  "gpu",
  "gpu-layers",
  "devices",
  "json",
  "no-color",
] as const;

/** Where a jar file is that comes with a job. */
const JAR_FILE = "/etc/brainjar/jars.json";

/** Kinds whose jars live in an image: files of this machine aren't there. */
const IMAGES: readonly JobKind[] = ["kubernetes", "compose"];

/**
 * A job of planned jars: what check and run are to be told there, so that they come to the same figures.
 * Paths are whole, names in caches are the files that they stand for, and which layers lie on devices is
 * settled.
 *
 * @throws {BrainjarError} kind `usage`: `model-not-local`, `log-in-pod`
 */
export function jobOf(kind: JobKind, values: FlagValues, { jars, settings }: JobPlan): Job {
  if (kind === "kubernetes" && values.get("log") !== undefined) {
    throw new BrainjarError("log-in-pod", 'Flag "--log" names a file, which is gone with its pod', {
      hint: "Leave it out: kubectl logs job/brainjar has what the run tells",
    });
  }
  const folder = values.get("models-at");
  const planned = jars.map(({ demand, options, header }): JobJar => ({
    demand,
    model: modelThere(header.parts[0]?.path ?? "", folder),
    folders: foldersThere(header, folder),
    contextSize: options.contextSize,
  }));
  const { mode, jarFile } = settings;
  const same = [...modelWords(planned), ...deviceWords(planned)];
  const comes = IMAGES.includes(kind) &&
    (jarFile !== undefined || settings.jars.some(({ prompt }) => prompt !== undefined));
  const set = jarFile === undefined ? ["--mode", mode] : ["--jars", resolve(jarFile)];
  /** What comes with the job has its prompts in it. */
  const words = (command: "check" | "run", hasJarFile: boolean) => [
    ...hasJarFile ? ["--jars", JAR_FILE] : set,
    ...same,
    ...values.typedFor(command, hasJarFile ? [...SETTLED, "prompt"] : SETTLED, wholePath),
  ];
  return {
    version: configuration.version,
    typed: ["brainjar", "plan", ...values.typedFor("plan", ["output"], shownValue)].map(shellWord)
      .join(" "),
    jars: planned,
    criterion: settings.policy.criterion,
    checked: words("check", comes),
    // Where the run itself isn't in an image, it reads the jar file that was named.
    run: words("run", comes && kind === "kubernetes"),
    ...comes && { jarFile: { path: JAR_FILE, text: settledJarFile(settings, planned) } },
    ...defined({ image: values.get("image"), cpus: values.get("cpus") }),
  };
}

/** Where a model's first file lies where the jar runs. */
function modelThere(path: string, folder: string | undefined): string {
  if (folder !== undefined) return join(resolve(expandHome(folder)), basename(pathOf(path)));
  if (!isUrl(path)) return resolve(path);
  throw new BrainjarError("model-not-local", `Model is a URL: "${shownUrl(path)}"`, {
    hint: "Say with --models-at FOLDER where its file lies where the jars run",
  });
}

/** Folders of a model's files, and those that links in a cache lead to. */
function foldersThere({ parts }: GgufHeader, folder: string | undefined): string[] {
  if (folder !== undefined) return [resolve(expandHome(folder))];
  const paths = parts.flatMap(({ path }) => [resolve(path), resolveLinks(resolve(path))]);
  return [...new Set(paths.map(dirname))];
}

/** One model for all jars, or each jar's. */
function modelWords(jars: readonly JobJar[]): string[] {
  const [first] = jars;
  if (first !== undefined && jars.every(({ model }) => model === first.model)) {
    return ["--model", first.model];
  }
  return jars.flatMap(({ demand, model }) => [`--model-${demand.id}`, model]);
}

/** What lies on devices, as it was planned: there it may be found otherwise. */
function deviceWords(jars: readonly JobJar[]): string[] {
  const [backend] = jars.flatMap(({ demand }) => demand.footprint.devices ?? [])
    .map(({ id }) => id.replace(/:.*$/, ""));
  if (backend === undefined) return ["--gpu", "off"];
  return [
    ...["--gpu", backend],
    ...jars.flatMap((jar) => [
      `--gpu-layers-${jar.demand.id}`,
      devicesNeeded(jar.demand) === 0 ? "0" : String(jar.demand.gpuLayers?.count ?? "all"),
    ]),
  ];
}

function wholePath({ type }: FlagDefinition, value: string): string {
  return type === "path" ? resolve(expandHome(value)) : value;
}

function shownValue({ type }: FlagDefinition, value: string): string {
  return type === "model" && !isPath(value) ? shownUrl(value) : value;
}
