import { collectGarbage } from "./collect.ts";

/** What the C library is asked for. */
const SYMBOLS = {
  malloc_trim: { parameters: ["usize"], result: "i32", nonblocking: true },
  mallopt: { parameters: ["i32", "i32"], result: "i32" },
} as const;

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

let library: Library | undefined;
let looked = false;

/** glibc where there is one and this process may call it. */
function openLibrary(): Library | undefined {
  if (looked) return library;
  looked = true;
  // musl has neither this name nor the function; other systems return memory by themselves.
  if (Deno.build.os !== "linux") return undefined;
  // Asked first, because opening it without permission would stop and ask the user.
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
  try {
    library = Deno.dlopen("libc.so.6", SYMBOLS);
  } catch {
    library = undefined;
  }
  return library;
}

/** glibc's number for the most arenas it may have (malloc.h). */
const M_ARENA_MAX = -8;

/**
 * Has the C library serve all threads from one arena instead of one for each.
 *
 * What a context leaves behind in many arenas is small and scattered, so that trimming can't give
 * the pages back: over 46 deaths of one mind, anonymous memory grew by 15 % with glibc's own
 * choice and by 4 % with one arena. llama.cpp allocates before it computes, so threads hardly wait
 * for each other. Answers whether it was done; on systems without glibc nothing happens.
 *
 * @example
 * ```ts
 * import { useOneArena } from "./trim.ts";
 * useOneArena();
 * ```
 */
export function useOneArena(): boolean {
  return openLibrary()?.symbols.mallopt(M_ARENA_MAX, 1) === 1;
}

/**
 * Frees what JavaScript no longer holds and asks the C library to give freed memory back to the
 * kernel.
 *
 * glibc keeps what is freed in its arenas, so that after a model or a context is disposed 100 MiB
 * and more stay with the process, and anonymous memory grows with every death. Resolves to whether
 * the C library was asked; on systems without glibc nothing happens.
 *
 * @example
 * ```ts
 * import { trimMemory } from "./trim.ts";
 * await trimMemory();
 * ```
 */
export async function trimMemory(): Promise<boolean> {
  collectGarbage();
  const opened = openLibrary();
  if (opened === undefined) return false;
  await opened.symbols.malloc_trim(0n);
  return true;
}
