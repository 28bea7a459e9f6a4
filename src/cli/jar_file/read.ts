import { dirname, isAbsolute, join } from "node:path";
import { ROLES } from "../../budget/demand.ts";
import { BrainjarError } from "../../budget/error.ts";
import type { Policy } from "../../budget/policy.ts";
import { parseSize } from "../../budget/size.ts";
import { printable } from "../../report/printable.ts";
import { expandHome } from "../../gguf/environment.ts";
import { isPath } from "../../gguf/locate.ts";
import { DEFAULT_ROLE } from "../../plan/settings.ts";
import { defined } from "../../budget/defined.ts";
import { cacheTypeOf } from "../flags/flags.ts";
import { schemaError } from "./schema_error.ts";
import type { JarSet, NamedJar } from "./jar_set.ts";
import { JAR_FILE_SCHEMA, type JarFile } from "./schema.ts";
import { type JarSource, readJarSource } from "./source.ts";

type JarEntry = NonNullable<JarFile["jars"]>[number];

/** A jar as its file has it, with where its model was named, and how. */
type PlacedJar = JarEntry & Pick<NamedJar, "modelPlace" | "modelWritten">;

/** What a file and the files it extends say together. */
interface Merged {
  readonly defaults: Partial<PlacedJar>;
  readonly jars: readonly PlacedJar[];
  readonly policy: NonNullable<JarFile["policy"]>;
}

const NOTHING: Merged = { defaults: {}, jars: [], policy: {} };

/**
 * Reads a jar file and what it extends.
 *
 * Of files that extend each other the nearer one wins, key by key; a jar that both name is one jar.
 *
 * @throws {BrainjarError} of kind `usage`, each with file, line and column: `jar-file-syntax`,
 * `jar-file-unknown-key`, `jar-file-invalid`, `duplicate-jar`, `jar-file-cycle`, and without them
 * `jar-file-not-found`, `jar-file-unreadable`, `no-subject`.
 */
export function readJarFile(given: string): JarSet {
  const path = expandHome(given);
  const { defaults, jars, policy } = readMerged(path, []);
  const set: JarSet = {
    mode: "jars",
    jarFile: path,
    jars: jars.map((jar) => toNamedJar({ ...defaults, ...jar })),
    policy: toPolicy(policy),
  };
  if (!set.jars.some((jar) => jar.role === "subject")) {
    throw new BrainjarError("no-subject", `No jar in ${printable(path)} is a subject`, {
      hint: 'Give it "jars": [{ "name": "mind" }]; a role that isn\'t said is subject',
    });
  }
  return set;
}

/** A file that is read, or that extends one that is. */
interface OpenFile {
  readonly path: string;
  readonly realPath: string;
}

function readMerged(path: string, chain: readonly OpenFile[]): Merged {
  const source = readJarSource(path);
  const result = JAR_FILE_SCHEMA.safeParse(source.value, { reportInput: true });
  if (!result.success) throw schemaError(result.error, source);
  const file = result.data;
  rejectDuplicates(file, source);
  const here = [...chain, { path, realPath: Deno.realPathSync(path) }];
  const bases = typeof file.extends === "string" ? [file.extends] : file.extends ?? [];
  const below = bases.map((base, index) => {
    const key = typeof file.extends === "string" ? ["extends"] : ["extends", index];
    return readBase(base, source.placeOf(key), source.path, here);
  });
  const own: Merged = {
    defaults: placed(file.defaults ?? {}, ["defaults"], source),
    jars: (file.jars ?? []).map((jar, index) => placed(jar, ["jars", index], source)),
    policy: file.policy ?? {},
  };
  return [...below, own].reduce(merge, NOTHING);
}

function readBase(base: string, place: string, from: string, chain: readonly OpenFile[]): Merged {
  const path = beside(base, from);
  const realPath = realPathOf(path);
  if (realPath === undefined) {
    throw new BrainjarError(
      "jar-file-not-found",
      `Jar file not found: ${printable(path)} (named at ${place})`,
      { hint: "What a jar file extends is looked for from its own folder" },
    );
  }
  const cycleStart = chain.findIndex((file) => file.realPath === realPath);
  if (cycleStart >= 0) {
    const cycle = [...chain.slice(cycleStart).map((file) => file.path), path].map(printable);
    throw new BrainjarError(
      "jar-file-cycle",
      `Jar files extend each other in a cycle at ${place}: ${cycle.join(" → ")}`,
      { hint: "Take one extends out" },
    );
  }
  return readMerged(path, chain);
}

function realPathOf(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch {
    return undefined;
  }
}

/** A path of a jar file, as it is from here. */
function beside(given: string, file: string): string {
  const path = expandHome(given);
  return isAbsolute(path) ? path : join(dirname(file), path);
}

/** With its model's path as it is from here, and where that was named. */
function placed<Entry extends Partial<JarEntry>>(
  entry: Entry,
  path: readonly PropertyKey[],
  source: JarSource,
): Entry & Pick<PlacedJar, "modelPlace" | "modelWritten"> {
  const { model } = entry;
  if (model === undefined) return entry;
  return {
    ...entry,
    model: isPath(model) ? beside(model, source.path) : model,
    modelWritten: model,
    modelPlace: source.placeOf([...path, "model"]),
  };
}

function merge(below: Merged, above: Merged): Merged {
  const jars = new Map(below.jars.map((jar) => [jar.name, jar]));
  for (const jar of above.jars) jars.set(jar.name, { ...jars.get(jar.name), ...jar });
  return {
    defaults: { ...below.defaults, ...above.defaults },
    jars: [...jars.values()],
    policy: { ...below.policy, ...above.policy },
  };
}

function rejectDuplicates({ jars = [] }: JarFile, source: JarSource): void {
  const first = new Map<string, number>();
  jars.forEach(({ name }, index) => {
    const other = first.get(name);
    if (other !== undefined) {
      throw new BrainjarError(
        "duplicate-jar",
        `Two jars are named "${name}" at ${source.placeOf(["jars", other, "name"])} and ${
          source.placeOf(["jars", index, "name"])
        }`,
        { hint: "Each jar needs a name of its own" },
      );
    }
    first.set(name, index);
  });
  const misnamed = jars.findIndex(({ name, role = DEFAULT_ROLE }) =>
    ROLES.some((known) => known === name) && name !== role
  );
  if (misnamed < 0) return;
  throw new BrainjarError(
    "jar-file-invalid",
    `Jar "${jars[misnamed]?.name}" can't be called after a role that it doesn't have at ${
      source.placeOf(["jars", misnamed, "name"])
    }`,
    { hint: "Flags such as --ram-limit-god name a role's jars; give it that role or another name" },
  );
}

function toNamedJar(jar: PlacedJar): NamedJar {
  const { name, role = DEFAULT_ROLE, model, modelPlace, modelWritten, ramLimit, prompt } = jar;
  const { contextSize, batchSize, flashAttention, mmap, kvCacheType } = jar;
  const ramLimitBytes = ramLimit === undefined ? undefined : parseSize(String(ramLimit));
  return {
    id: name,
    role,
    ...defined({ model, modelPlace, modelWritten, ramLimitBytes, introduction: prompt }),
    context: defined({
      contextSize,
      batchSize,
      flashAttention,
      mmap,
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
