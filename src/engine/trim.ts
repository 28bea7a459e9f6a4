import { collectGarbage } from "./collect.ts";

/** What the C library is asked for. */
const SYMBOLS = {
  malloc_trim: { parameters: ["usize"], result: "i32", nonblocking: true },
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
