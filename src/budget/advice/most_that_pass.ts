/** More layers than these are tried where one fails: a graph may need less with one layer more. */
const LOOK_BEYOND = 2;

/**
 * The most layers that pass on devices, and what was found with one more, which doesn't. What one
 * layer more takes there is nearly always more, so the number is found by halving, and some more are
 * tried. RAM has no say: fewer layers would leave it more to hold.
 *
 * @param range `least` isn't tried: where even that fails, it is answered all the same
 *
 * @example
 * ```ts
 * import { mostThatPass } from "./most_that_pass.ts";
 * const { count } = await mostThatPass((count) => count, (count) => count > 21, {
 *   least: 0,
 *   greatest: 33,
 * });
 * if (count !== 21) throw new Error("21 of 33");
 * ```
 */
export async function mostThatPass<Tried>(
  at: (count: number) => Tried | Promise<Tried>,
  fails: (tried: Tried) => boolean,
  { least, greatest }: { readonly least: number; readonly greatest: number },
): Promise<{ readonly count: number; readonly refused?: Tried }> {
  const all = await at(greatest);
  if (!fails(all)) return { count: greatest };
  let passes = least;
  let refused = all;
  let failing = greatest;
  while (failing - passes > 1) {
    const middle = Math.floor((passes + failing) / 2);
    const tried = await at(middle);
    if (fails(tried)) [failing, refused] = [middle, tried];
    else passes = middle;
  }
  for (let count = passes + 2; count <= passes + 1 + LOOK_BEYOND && count < greatest; count++) {
    const tried = await at(count);
    if (fails(tried)) continue;
    passes = count;
    refused = await at(count + 1);
  }
  return { count: passes, refused };
}
