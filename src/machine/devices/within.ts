/** A driver that didn't answer in time. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";

  /** @param seconds how long it was waited for */
  constructor(readonly seconds: number) {
    super(`it didn't answer within ${seconds} s`);
  }
}

/**
 * What was answered within so many milliseconds; else a `NoAnswer` is thrown, and what was waited
 * for goes on by itself: a native call can't be interrupted.
 */
export async function within<Value>(milliseconds: number, answer: Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer(milliseconds / 1000)), milliseconds);
  });
  try {
    return await Promise.race([answer, end]);
  } finally {
    clearTimeout(timer);
    // Whoever gave up doesn't hear of what comes later.
    answer.catch(() => {});
  }
}

/** What glibc runs when a process ends, before everything that was registered earlier. */
const SYMBOLS = {
  on_exit: { parameters: ["pointer", "pointer"], result: "i32" },
} as const;

/**
 * Lets this process end although a native call hangs: its library may hold a lock that its
 * destructor waits for, which `exit` runs. From here on the process ends with `_exit`, which runs
 * nothing more; the exit code stays.
 *
 * Answers whether it could be arranged: where there is no glibc, a process ends without it.
 */
export function endWithoutDestructors(): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    const { symbols } = Deno.dlopen("libc.so.6", SYMBOLS);
    const handle = Deno.dlopen("libc.so.6", { _exit: { type: "pointer" } });
    // A static of type pointer is the symbol's own address.
    return symbols.on_exit(handle.symbols._exit, null) === 0;
  } catch {
    return false;
  }
}
