import type { Changes } from "../changes.ts";
import type { Recommendation } from "../recommendation.ts";
import type { Validation } from "../validation.ts";
import type { RecommendInput } from "./input.ts";
import { mostThatPass } from "./most_that_pass.ts";
import { deviceOf } from "./needed.ts";

/** Whether fewer layers on devices could help: some device is short, and there are layers on one. */
export function isShortOfLayers(validation: Validation): boolean {
  return validation.issues.some(deviceOf) && mostLayers(validation) > 0;
}

/** The most layers that were asked for, and not found, on devices. */
function mostLayers({ instances }: Validation): number {
  const asked = instances.flatMap(({ gpuLayers }) => gpuLayers?.isFound === false ? gpuLayers : []);
  return Math.max(0, ...asked.map(({ count }) => count));
}

/**
 * The most layers that every device has room for, besides other changes; all that there were is not
 * among them. Where the devices have room for none, nothing.
 */
export async function fewerLayers(
  { validation, tryWith }: Pick<RecommendInput, "validation" | "tryWith">,
  besides: Changes = {},
): Promise<Changes | undefined> {
  const most = mostLayers(validation);
  const fails = (tried: Validation | undefined) =>
    tried === undefined || tried.issues.some(deviceOf);
  const at = (gpuLayers: number) => tryWith({ ...besides, gpuLayers });
  if (most === 0 || fails(await at(0))) return undefined;
  const { count } = await mostThatPass(at, fails, { least: 0, greatest: most - 1 });
  return { ...besides, gpuLayers: count };
}

/** Whether a validation passes with fewer layers on devices than there are, since no more had room. */
export function couldHaveMoreLayers({ ok, instances }: Validation): boolean {
  return ok &&
    instances.some(({ gpuLayers }) =>
      gpuLayers !== undefined && gpuLayers.isFound && gpuLayers.count < gpuLayers.of
    );
}

/**
 * What a validation that passes with some layers on devices would pass with all of them by: the first
 * of a smaller cache and a smaller context that is enough.
 */
export async function moreLayers(input: RecommendInput): Promise<Recommendation[]> {
  const { validation, tryWith, kvCacheTypes, contextSize } = input;
  if (!couldHaveMoreLayers(validation)) return [];
  const [least] = validation.instances.flatMap(({ gpuLayers }) => gpuLayers ?? [])
    .filter(({ isFound }) => isFound).toSorted((a, b) => (a.count - a.of) - (b.count - b.of));
  if (least === undefined) return [];
  const { count, of } = least;
  const alternatives: Changes[] = [
    // The largest and the smallest: what lies between is seldom what decides.
    ...new Set([...kvCacheTypes.slice(0, 1), ...kvCacheTypes.slice(-1)]),
  ].map((kvCacheType) => ({ kvCacheType }));
  const half = Math.floor(contextSize / 2);
  for (const changes of [...alternatives, { contextSize: half }]) {
    const tried = await tryWith(changes);
    const isEnough = tried?.ok && !couldHaveMoreLayers(tried);
    if (isEnough) return [{ kind: "more-layers", count, of, changes }];
  }
  return [];
}
