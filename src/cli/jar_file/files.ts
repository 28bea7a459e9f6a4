import { dirname, isAbsolute, join } from "node:path";
import { BrainjarError } from "../../budget/error.ts";
import { expandHome } from "../../gguf/environment.ts";
import { printable } from "../../report/printable.ts";
import { type JarFileLimits, MAX_EXTENDS_DEPTH, MAX_FILES } from "./limits.ts";
import { checkNames } from "./names.ts";
import { schemaError } from "./schema_error.ts";
import { JAR_FILE_SCHEMA, type JarFile } from "./schema.ts";
import { type JarSource, readJarSource } from "./source.ts";

/** A jar file that was read, and those that it extends. */
export interface ReadJarFile {
  readonly source: JarSource;
  readonly file: JarFile;
  /** In the order in which it names them; a file that is extended again is the same object. */
  readonly bases: readonly ReadJarFile[];
  /** Files that extend one another in a row from here, itself among them. */
  readonly depth: number;
}

/** A file that is being read, or that extends one that is. */
interface OpenFile {
  readonly path: string;
  readonly realPath: string;
}

/**
 * Reads a jar file and all that it extends, each once.
 *
 * @throws {BrainjarError} of kind `usage`: what `readJarSource` throws, `jar-file-unknown-key`,
 * `jar-file-invalid`, `duplicate-jar`, `jar-file-cycle`, and beyond the limits `jar-file-too-many-files`,
 * `jar-file-too-many-jars`, `jar-file-too-deep`.
 */
export function readJarFiles(path: string, limits: JarFileLimits): ReadJarFile {
  const known = new Map<string, ReadJarFile>();
  let opened = 0;
  let bytesLeft = limits.bytes;

  const read = (path: string, chain: readonly OpenFile[]): ReadJarFile => {
    const again = known.get(path);
    if (chain.length + (again?.depth ?? 1) > MAX_EXTENDS_DEPTH) throw tooDeep(path);
    if (again !== undefined) return again;
    opened++;
    if (opened > MAX_FILES) throw tooManyFiles(path);
    const source = readJarSource(path, {
      bytesLeft,
      mostBytes: limits.bytes,
      isExtended: chain.length > 0,
    });
    bytesLeft -= source.bytes;
    const file = checkShape(source, limits);
    const here = [...chain, { path, realPath: Deno.realPathSync(path) }];
    const written = typeof file.extends === "string" ? [file.extends] : file.extends ?? [];
    const bases = written.map((base, index) => {
      const path = beside(base, source.path);
      const key = typeof file.extends === "string" ? ["extends"] : ["extends", index];
      checkBase(path, here, () => source.placeOf(key));
      return read(path, here);
    });
    const depth = 1 + Math.max(0, ...bases.map((base) => base.depth));
    const found = { source, file, bases, depth };
    known.set(path, found);
    return found;
  };

  return read(path, []);
}

/** A path that a jar file names, as it is from here. */
export function beside(given: string, file: string): string {
  const path = expandHome(given);
  return isAbsolute(path) ? path : join(dirname(file), path);
}

/** What the file says, if that is right; lists are counted first, since each mistake in one is an object. */
function checkShape(source: JarSource, limits: JarFileLimits): JarFile {
  const { jars, extends: bases } = source.value;
  if (Array.isArray(jars) && jars.length > limits.jars) {
    throw tooManyJars(source.path, jars.length, limits);
  }
  if (Array.isArray(bases) && bases.length > MAX_FILES) throw tooManyFiles(source.path);
  const result = JAR_FILE_SCHEMA.safeParse(source.value, { reportInput: true });
  if (!result.success) throw schemaError(result.error, source);
  checkNames(result.data, source);
  return result.data;
}

/** Throws where a path leads nowhere, or to a file that is being read already. */
function checkBase(path: string, chain: readonly OpenFile[], placeOf: () => string): void {
  const realPath = realPathOf(path);
  if (realPath === undefined) {
    throw new BrainjarError(
      "jar-file-not-found",
      `Jar file not found: ${printable(path)} (named at ${placeOf()})`,
      { hint: "What a jar file extends is looked for from its own folder" },
    );
  }
  const cycleStart = chain.findIndex((file) => file.realPath === realPath);
  if (cycleStart < 0) return;
  const cycle = [...chain.slice(cycleStart).map((file) => file.path), path].map(printable);
  throw new BrainjarError(
    "jar-file-cycle",
    `Jar files extend each other in a cycle at ${placeOf()}: ${cycle.join(" → ")}`,
    { hint: "Take one extends out" },
  );
}

function realPathOf(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch {
    return undefined;
  }
}

/** The error for more jars than there may be in a file and what it extends. */
export function tooManyJars(
  path: string,
  count: number,
  { jars, place }: JarFileLimits,
): BrainjarError {
  return new BrainjarError(
    "jar-file-too-many-jars",
    `Jar file ${printable(path)} has ${count} jars, more than the ${jars} of ${place}`,
    { hint: "Leave some out, or give them to several processes, each with a jar file of its own" },
  );
}

function tooManyFiles(path: string): BrainjarError {
  return new BrainjarError(
    "jar-file-too-many-files",
    `Jar files extend more than ${MAX_FILES} files in all, at ${printable(path)}`,
    { hint: "Put what they say into fewer files" },
  );
}

function tooDeep(path: string): BrainjarError {
  return new BrainjarError(
    "jar-file-too-deep",
    `Jar files extend each other more than ${MAX_EXTENDS_DEPTH} deep, at ${printable(path)}`,
    { hint: "Let one of them extend what it needs itself: a list names several" },
  );
}
