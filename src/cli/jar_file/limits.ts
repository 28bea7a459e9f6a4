// A jar file may be somebody else's: of a repository that is checked, of a pull request. What it can
// make brainjar do ends here, within a second or two.

/**
 * Bytes of a jar file and all that it extends. A hundred jars with a page of prompt each are less, and
 * the worst that so many can hold, a hundred thousand empty lists, takes some 40 MB of memory.
 */
export const MAX_BYTES = 256 * 1024;

/**
 * Jars in all. Every jar has a context and a state of its own in one process, so a large machine runs
 * some dozens; so many are still planned, with advice and all, in about a second.
 */
export const MAX_JARS = 256;

/** Files in all, the one that was named among them: people have a base or two, and one for each machine. */
export const MAX_FILES = 64;

/** Files that extend one another in a row. Nobody follows more than a few. */
export const MAX_EXTENDS_DEPTH = 32;

/** Lists and objects in each other: a jar file has three levels. Parsers that recurse end on 10,000. */
export const MAX_LEVELS = 32;
