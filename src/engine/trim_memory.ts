import { openCLibrary } from "./c_library.ts";
import { collectGarbage } from "./collect_garbage.ts";

/** glibc's numbers for what can be set (malloc.h). */
const M_TRIM_THRESHOLD = -1;
const M_ARENA_MAX = -8;

/** Free bytes at an arena's end from which on they go back; glibc's own figure, before it grows. */
const TRIM_THRESHOLD_BYTES = 128 * 1024;

/**
 * Has the C library give back what is freed: all threads served from one arena instead of one for
 * each, and the free end of an arena returned at once, however large the blocks that were freed.
 *
 * What a context leaves behind in many arenas is small and scattered, so that trimming can't give
 * the pages back: over 46 deaths of one mind, anonymous memory grew by 15 % with glibc's own
 * choice and by 4 % with one arena. llama.cpp allocates before it computes, so threads hardly wait
 * for each other.
 *
 * Arenas that exist already stay, and `malloc_trim` cuts none of their ends: `free` does, above a
 * threshold that glibc raises with the largest block that was freed, up to 64 MiB. Fixed, it keeps
 * anonymous memory at 35 MiB after 40 loads, where it was 171 in a process that didn't start with
 * `MALLOC_ARENA_MAX=1`.
 *
 * Answers whether it was done; on systems without glibc nothing happens.
 */
export function returnFreedMemory(): boolean {
  const symbols = openCLibrary()?.symbols;
  if (symbols === undefined) return false;
  const isOneArena = symbols.mallopt(M_ARENA_MAX, 1) === 1;
  return symbols.mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES) === 1 && isOneArena;
}

/**
 * Frees what JavaScript no longer holds and asks the C library to give freed memory back to the
 * kernel.
 *
 * glibc keeps what is freed in its arenas, so that after a model or a context is disposed 100 MiB
 * and more stay with the process, and anonymous memory grows with every death. Resolves to whether
 * the C library was asked; on systems without glibc nothing happens.
 */
export async function trimMemory(): Promise<boolean> {
  collectGarbage("last-resort");
  const opened = openCLibrary();
  if (opened === undefined) return false;
  await opened.symbols.malloc_trim(0n);
  return true;
}
