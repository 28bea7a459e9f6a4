import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeEachOpening } from "./patches.ts";

/** How hard it tries: the usual collection, or again and again until nothing more comes of it. */
type Flavor = "regular" | "last-resort";

let collect: ((flavor: Flavor) => void) | undefined;
let looked = false;

/** V8's own collector, which it shows to contexts that are made after it was told to. */
function findCollector(): ((flavor: Flavor) => void) | undefined {
  if (looked) return collect;
  looked = true;
  try {
    setFlagsFromString("--expose-gc");
    const found: unknown = runInNewContext("gc");
    if (typeof found === "function") {
      collect = (flavor) => found({ type: "major", execution: "sync", flavor });
    }
  } catch {
    // Another runtime: it collects when it likes.
  }
  return collect;
}

/**
 * Has V8 free what JavaScript no longer holds, now and not when it sees fit.
 *
 * Reading the header of a model with 128 thousand tokens leaves 80 MiB of strings behind, which V8
 * would keep while the model is loaded, and as long as nothing else asks for memory. One collection
 * may leave some of that: with the processors busy, a load in fourteen took 14 MiB more, and none
 * did with the last resort. Answers whether it was done; it takes some tens of milliseconds.
 */
export function collectGarbage(flavor: Flavor = "regular"): boolean {
  const collector = findCollector();
  collector?.(flavor);
  return collector !== undefined;
}

/** Bytes that V8 took meanwhile, used or not, which are worth a collection. */
const WORTH_COLLECTING = 4 * 1024 ** 2;

function heapBytes(): number {
  const { heapTotal, external } = Deno.memoryUsage();
  return heapTotal + external;
}

/**
 * Does `work` and has V8 collect whenever a file is opened meanwhile and the heap has grown since.
 *
 * V8 lets a heap grow far beyond what is used while there is memory; where memory is what a jar is
 * about, a header of 128 thousand tokens passes in 60 MiB instead of 110.
 *
 * @example
 * ```ts
 * import { collectMeanwhile } from "./collect_garbage.ts";
 * if (await collectMeanwhile(() => Promise.resolve(7)) !== 7) throw new Error("Its result");
 * ```
 */
export async function collectMeanwhile<Result>(work: () => Promise<Result>): Promise<Result> {
  let before = heapBytes();
  return await beforeEachOpening(() => {
    if (heapBytes() - before < WORTH_COLLECTING) return;
    collectGarbage();
    before = heapBytes();
  }, work);
}
