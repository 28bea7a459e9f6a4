import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;
let looked = false;

/** V8's own collector, which it shows to contexts that are made after it was told to. */
function findCollector(): (() => void) | undefined {
  if (looked) return collect;
  looked = true;
  try {
    setFlagsFromString("--expose-gc");
    const found: unknown = runInNewContext("gc");
    if (typeof found === "function") collect = () => found();
  } catch {
    // Another runtime: it collects when it likes.
  }
  return collect;
}

/**
 * Has V8 free what JavaScript no longer holds, now and not when it sees fit.
 *
 * Reading the header of a model with 128 thousand tokens leaves 80 MiB of strings behind, which V8
 * would keep while the model is loaded, and as long as nothing else asks for memory. Answers
 * whether it was done; it takes some tens of milliseconds.
 *
 * @example
 * ```ts
 * import { collectGarbage } from "./collect.ts";
 * if (!collectGarbage()) throw new Error("V8 has a collector");
 * ```
 */
export function collectGarbage(): boolean {
  const collector = findCollector();
  collector?.();
  return collector !== undefined;
}

/** Milliseconds between two looks at the heap: more often than a large header is read on. */
const LOOK_EVERY = 5;

/** Bytes that V8 took meanwhile, used or not, which are worth a collection. */
const WORTH_COLLECTING = 4 * 1024 ** 2;

function heapBytes(): number {
  const { heapTotal, external } = Deno.memoryUsage();
  return heapTotal + external;
}

/**
 * Does `work` and has V8 collect whenever the heap has grown meanwhile.
 *
 * V8 lets a heap grow far beyond what is used while there is memory; where memory is what a jar is
 * about, a header of 128 thousand tokens passes in 50 MiB instead of 100.
 *
 * @example
 * ```ts
 * import { collectMeanwhile } from "./collect.ts";
 * if (await collectMeanwhile(() => Promise.resolve(7)) !== 7) throw new Error("Its result");
 * ```
 */
export async function collectMeanwhile<Result>(work: () => Promise<Result>): Promise<Result> {
  let before = heapBytes();
  const timer = setInterval(() => {
    if (heapBytes() - before < WORTH_COLLECTING) return;
    collectGarbage();
    before = heapBytes();
  }, LOOK_EVERY);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
