import { defined } from "../budget/defined.ts";
import type { InstancePlace } from "../budget/validation.ts";
import type { LoadedEvent } from "../experiment/events.ts";
import type { SampledProcess } from "../experiment/memory/memory_sample.ts";
import type { JarView, PlaceView } from "./run_view.ts";

/** A jar's place before its process is there. */
export function placeOf({ launcher, isHere, limitBytes, requestBytes }: InstancePlace): PlaceView {
  return { isHere, requestBytes, ...defined({ launcher, limitBytes }) };
}

/** Where its process is now. */
export function placed(
  { place }: JarView,
  { host, job }: Pick<LoadedEvent, "host" | "job">,
): { readonly place?: PlaceView } {
  if (place === undefined) return {};
  const { host: _, job: __, heldBytes: ___, ...rest } = place;
  return { place: { ...rest, ...defined({ host, job }) } };
}

/** Its process as a look at memory saw it; what it held at most stays. */
export function seenPlace({ place }: JarView, process: SampledProcess | undefined) {
  if (place === undefined) return {};
  const { host, job, heldBytes: _, mostHeldBytes = 0, ...rest } = place;
  const most = Math.max(mostHeldBytes, process?.mostHeldBytes ?? 0);
  return {
    place: {
      ...rest,
      ...process ?? defined({ host, job }),
      ...most > 0 && { mostHeldBytes: most },
    },
  };
}
