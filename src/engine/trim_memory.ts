import { openCLibrary } from "./c_library.ts";
import { collectGarbage } from "./collect_garbage.ts";

/** glibc's number for the most arenas it may have (malloc.h). */
const M_ARENA_MAX = -8;

/**
 * Has the C library serve all threads from one arena instead of one for each.
 *
 * What a context leaves behind in many arenas is small and scattered, so that trimming can't give
 * the pages back: over 46 deaths of one mind, anonymous memory grew by 15 % with glibc's own
 * choice and by 4 % with one arena. llama.cpp allocates before it computes, so threads hardly wait
 * for each other. Answers whether it was done; on systems without glibc nothing happens.
 */
export function useOneArena(): boolean {
  return openCLibrary()?.symbols.mallopt(M_ARENA_MAX, 1) === 1;
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
