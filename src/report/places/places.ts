import { RAM } from "../../budget/pools/pools.ts";
import { formatAmount } from "../../budget/size.ts";
import { sum } from "../../budget/sum.ts";
import type { InstancePlace, InstanceValidation, Validation } from "../../budget/validation.ts";

/** What decides where jars are said to live. */
type Placed = Pick<Validation, "places" | "instances" | "criterion">;

/** Each jar's figures in the run's order, also of those that this machine isn't asked for. */
export function everyInstance(validation: Placed): readonly InstanceValidation[] {
  const { places, instances } = validation;
  if (places === undefined) return instances;
  return places.map((place) =>
    instances.find(({ id }) => id === place.id) ?? neededElsewhere(place, validation)
  );
}

/** What a jar needs on another machine, as this one would be asked for it. */
function neededElsewhere(
  { isHere: _, launcher: __, limitBytes: ___, devices = [], requestBytes, ...place }: InstancePlace,
  { criterion }: Placed,
): InstanceValidation {
  const pools = [{ id: RAM, requiredBytes: requestBytes }, ...devices];
  return {
    ...place,
    footprintBytes: criterion === "floor" ? place.floorBytes : place.workingSetBytes,
    requiredBytes: requestBytes,
    sharedBytes: 0,
    pools: pools.map((pool) => ({ ...pool, sharedBytes: 0 })),
  };
}

/** Where a jar is to live; nothing where all jars live in the run's own process. */
export function placeIn({ places = [] }: Pick<Validation, "places">, id: string) {
  return places.find((place) => place.id === id);
}

/** Jars that take no memory of this machine. */
export function elsewhere({ places = [] }: Pick<Validation, "places">): readonly InstancePlace[] {
  return places.filter(({ isHere }) => !isHere);
}

/**
 * Where a jar lives, in words.
 *
 * @example
 * ```ts
 * import { livesWords } from "./places.ts";
 * const words = livesWords({ launcher: "slurm", isHere: false });
 * if (words !== "in a process of its own, started by slurm") throw new Error(words);
 * if (livesWords({ isHere: true }) !== "in the run's process") throw new Error("In-process");
 * ```
 */
export function livesWords(
  { launcher, isHere }: Pick<InstancePlace, "launcher" | "isHere">,
): string {
  if (launcher === undefined) return "in the run's process";
  return `in a process of its own${isHere ? " here" : ""}, started by ${launcher}`;
}

/**
 * What a jar's process is held to, and what it asks for, in words.
 *
 * @example
 * ```ts
 * import { MB } from "../../budget/size.ts";
 * import { askedWords } from "./places.ts";
 * const words = askedWords({ limitBytes: 60 * MB, requestBytes: 50 * MB });
 * if (words !== "limit 60.00 MB, request 50.00 MB") throw new Error(words);
 * ```
 */
export function askedWords(
  { limitBytes, requestBytes }: Pick<InstancePlace, "limitBytes" | "requestBytes">,
): string {
  const request = formatAmount(requestBytes);
  return limitBytes === undefined
    ? `no limit (it needs ${request})`
    : `limit ${formatAmount(limitBytes)}, request ${request}`;
}

/** What is asked for on other machines, in words. */
export function askedElsewhere(places: readonly InstancePlace[]): string {
  const requests = formatAmount(sum(places.map(({ requestBytes }) => requestBytes)));
  const limits = places.flatMap(({ limitBytes }) => limitBytes ?? []);
  const limited = limits.length === places.length
    ? ` within limits of ${formatAmount(sum(limits))}`
    : "";
  return `${requests}${limited}`;
}
