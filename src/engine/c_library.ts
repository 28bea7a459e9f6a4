/** What the C library is asked for. */
const SYMBOLS = {
  malloc_trim: { parameters: ["usize"], result: "i32", nonblocking: true },
  mallopt: { parameters: ["i32", "i32"], result: "i32" },
  madvise: { parameters: ["usize", "usize", "i32"], result: "i32" },
} as const;

type CLibrary = Deno.DynamicLibrary<typeof SYMBOLS>;

let library: CLibrary | undefined;
let looked = false;

/** glibc, where there is one and this process may call it. */
export function openCLibrary(): CLibrary | undefined {
  if (looked) return library;
  looked = true;
  // musl has neither this name nor all the functions; other systems return memory by themselves.
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
