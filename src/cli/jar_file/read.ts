import { BrainjarError } from "../../budget/error.ts";
import type { Policy } from "../../budget/policy.ts";
import { parseSize } from "../../budget/size.ts";
import { printable } from "../../report/printable.ts";
import { expandHome } from "../../gguf/environment.ts";
import { isPath } from "../../gguf/locate.ts";
import { DEFAULT_ROLE } from "../../plan/settings.ts";
import { defined } from "../../budget/defined.ts";
import { cacheTypeOf } from "../flags/flags.ts";
import { beside, type ReadJarFile, readJarFiles, tooManyJars } from "./files.ts";
import type { JarSet, NamedJar } from "./jar_set.ts";
import { type JarFileLimits, ONE_RUN } from "./limits.ts";
import type { JarFile } from "./schema.ts";
import type { JarSource } from "./source.ts";

type JarEntry = NonNullable<JarFile["jars"]>[number];

/** What is known of where a jar's file names its model and its prompt, and how. */
type Places = Pick<NamedJar, "modelPlace" | "modelWritten" | "promptIsFile" | "promptPlace">;

/** A jar as its file has it, with that. */
type PlacedJar = JarEntry & Places;

/** What a file and the files it extends say together. */
interface Merged {
  readonly defaults: Partial<PlacedJar>;
  readonly jars: readonly PlacedJar[];
  readonly policy: NonNullable<JarFile["policy"]>;
}

/**
 * Reads a jar file and what it extends.
 *
 * Of files that extend each other the nearer one wins, key by key; a jar that both name is one jar.
 *
 * @throws {BrainjarError} of kind `usage`, each with file, line and column: `jar-file-syntax`,
 * `jar-file-unknown-key`, `jar-file-invalid`, `duplicate-jar`, `jar-file-cycle`, and with the file
 * alone `jar-file-not-found`, `jar-file-unreadable`, `jar-file-too-large`,
 * `jar-file-too-many-files`, `jar-file-too-many-jars`, `jar-file-too-deep`, `no-subject`.
 */
export function readJarFile(given: string, limits: JarFileLimits = ONE_RUN): JarSet {
  const path = expandHome(given);
  const { defaults, jars, policy } = mergeFiles(readJarFiles(path, limits), limits);
  const set: JarSet = {
    mode: "jars",
    jarFile: path,
    jars: jars.map((jar) => toNamedJar(overridden(defaults, jar))),
    policy: toPolicy(policy),
  };
  if (!set.jars.some((jar) => jar.role === "subject")) {
    throw new BrainjarError("no-subject", `No jar in ${printable(path)} is a subject`, {
      hint: 'Give it "jars": [{ "name": "mind" }]; a role that isn\'t said is subject',
    });
  }
  return set;
}

/**
 * What a file and all that it extends say together: what stands later overrides, and what a file
 * says itself overrides what it extends.
 *
 * A file that is extended twice counts where it stands last, since it would override itself alone,
 * and each is gone through once. Jars stand in the order in which they are named first.
 */
function mergeFiles(top: ReadJarFile, limits: JarFileLimits): Merged {
  const jars = new Map<string, PlacedJar | undefined>(
    namedFirst(top).map((name) => [name, undefined]),
  );
  if (jars.size > limits.jars) throw tooManyJars(top.source.path, jars.size, limits);
  let defaults: Partial<PlacedJar> = {};
  let policy: Merged["policy"] = {};
  for (const { file, source } of overridingOrder(top)) {
    defaults = overridden(defaults, placed(file.defaults ?? {}, ["defaults"], source));
    policy = { ...policy, ...file.policy };
    for (const [index, jar] of (file.jars ?? []).entries()) {
      const before = jars.get(jar.name) ?? {};
      jars.set(jar.name, overridden(before, placed(jar, ["jars", index], source)));
    }
  }
  return { defaults, jars: [...jars.values()].filter((jar) => jar !== undefined), policy };
}

/** What one entry says over what another does, key by key; so in its sampling. */
function overridden<Entry extends Partial<PlacedJar>>(
  { sampling: base, ...rest }: Partial<PlacedJar>,
  entry: Entry,
): Entry {
  const { sampling } = entry;
  return { ...rest, ...entry, ...(base ?? sampling) && { sampling: { ...base, ...sampling } } };
}

/** The names of all jars, each where it stands first. */
function namedFirst(top: ReadJarFile): string[] {
  const seen = new Set<ReadJarFile>();
  const names = new Set<string>();
  const visit = (read: ReadJarFile) => {
    if (seen.has(read)) return;
    seen.add(read);
    read.bases.forEach(visit);
    read.file.jars?.forEach(({ name }) => names.add(name));
  };
  visit(top);
  return [...names];
}

/** All files, each where it stands last, so that each overrides those before it. */
function overridingOrder(top: ReadJarFile): ReadJarFile[] {
  const seen = new Set<ReadJarFile>();
  const visitFromTheEnd = (read: ReadJarFile) => {
    if (seen.has(read)) return;
    seen.add(read);
    read.bases.toReversed().forEach(visitFromTheEnd);
  };
  visitFromTheEnd(top);
  return [...seen].reverse();
}

/** With its model's and its prompt's paths as they are from here, and where they were named. */
function placed<Entry extends Partial<JarEntry>>(
  entry: Entry,
  path: readonly PropertyKey[],
  source: JarSource,
): Entry & Places {
  const { model, prompt } = entry;
  const promptIsFile = prompt !== undefined && isPromptFile(prompt);
  return {
    ...entry,
    ...model !== undefined && {
      model: isPath(model) ? beside(model, source.path) : model,
      modelWritten: model,
      modelPlace: () => source.placeOf([...path, "model"]),
    },
    ...prompt !== undefined && {
      prompt: promptIsFile ? beside(prompt, source.path) : prompt,
      promptIsFile,
      promptPlace: () => source.placeOf([...path, "prompt"]),
    },
  };
}

/** Whether a prompt is the path of a file: one line that ends in .txt or .md. */
export function isPromptFile(prompt: string): boolean {
  return /^[^\n\r]+\.(txt|md)$/i.test(prompt.trimEnd());
}

function toNamedJar(jar: PlacedJar): NamedJar {
  const { name, role = DEFAULT_ROLE, ramLimit, sampling } = jar;
  const { model, modelPlace, modelWritten, prompt, promptIsFile, promptPlace } = jar;
  const { launcher, contextSize, batchSize, flashAttention, mmap, kvCacheType, gpuLayers } = jar;
  const ramLimitBytes = ramLimit === undefined ? undefined : parseSize(String(ramLimit));
  return {
    id: name,
    role,
    ...defined({ model, modelPlace, modelWritten, ramLimitBytes }),
    ...defined({ prompt, promptIsFile, promptPlace, launcher }),
    ...sampling && { sampling: defined(sampling) },
    context: defined({
      contextSize,
      batchSize,
      flashAttention,
      mmap,
      gpuLayers,
      kvCacheType: cacheTypeOf(kvCacheType),
    }),
  };
}

function toPolicy(policy: Merged["policy"]): Partial<Policy> {
  const { safetyMargin, allocationHeadroom, loadHeadroom, criterion, shareWeights } = policy;
  const bytes = (size: string | number | undefined) =>
    size === undefined ? undefined : parseSize(String(size), { allowZero: true });
  return defined({
    safetyMarginPercent: safetyMargin,
    allocationHeadroomBytes: bytes(allocationHeadroom),
    loadHeadroomBytes: bytes(loadHeadroom),
    criterion,
    shareWeights,
  });
}
