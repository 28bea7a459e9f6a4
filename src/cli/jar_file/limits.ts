// A jar file may be somebody else's: of a repository that is checked, of a pull request. What it can
// make brainjar do ends here, within a second or two.

/** What a jar file and all that it extends may have. */
export interface JarFileLimits {
  /** Bytes of all files. */
  readonly bytes: number;
  /** Jars in all. */
  readonly jars: number;
  /** Where so many jars are, for a sentence. */
  readonly place: string;
}

/**
 * Jars of one run. A hundred with a page of prompt each are fewer bytes, and the worst that so many
 * can hold, a hundred thousand empty lists, takes some 40 MB of memory. Every jar has a context and a
 * state of its own in one process, so a large machine runs some dozens; so many are still planned,
 * with advice and all, in about a second.
 */
export const ONE_RUN: JarFileLimits = { bytes: 256 * 1024, jars: 256, place: "one process" };

/**
 * Jars that are placed on many machines: who places them made the file, or had it made. At a hundred
 * bytes a jar they are 4 MB, which are read in half a second.
 */
export const PLACED_JARS: JarFileLimits = {
  bytes: 4 * 1024 ** 2,
  jars: 40_000,
  place: "one placement",
};

/** Files in all, the one that was named among them: people have a base or two, and one for each machine. */
export const MAX_FILES = 64;

/** Files that extend one another in a row. Nobody follows more than a few. */
export const MAX_EXTENDS_DEPTH = 32;

/** Lists and objects in each other: a jar file has three levels. Parsers that recurse end on 10,000. */
export const MAX_LEVELS = 32;
