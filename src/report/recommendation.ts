import { type Changes, limitFor, type RamLimit } from "../budget/changes.ts";
import type { AllocatedKind, MachineMemory } from "../budget/memory.ts";
import { formatAmount, formatEnough } from "../budget/size.ts";
import { type PoolBytes, RAM } from "../budget/pools/pools.ts";
import type { Recommendation } from "../budget/recommendation.ts";
import type { Validation } from "../budget/validation.ts";
import type { Shape } from "./schema/shape.ts";
import type { VALIDATION_SCHEMA } from "./schema/validation.ts";

/** A recommendation as the validation of `run --json` has it. */
type RecommendationJson = Shape<typeof VALIDATION_SCHEMA>["recommendations"][number];

/** What a recommendation's flags are named by. */
type Judged = Pick<Validation, "mode" | "instances">;

/** One change as it is said, and the flags that it is typed with. */
type ChangeText = readonly [words: string, flags: readonly string[]];

/** How a limit on what is allocated is lifted. */
const LIFT: Readonly<Record<AllocatedKind, string>> = {
  data: "Lift the limit on data (ulimit -d, LimitDATA=)",
  committed: "Have the kernel promise more (vm.overcommit_memory, vm.overcommit_ratio)",
  "address-space": "Lift the limit on address space (ulimit -v, LimitAS=)",
};

/** The kinds of such limits that decide a figure: no larger machine is of use while they stand. */
function decidingLimits({ sources }: MachineMemory): AllocatedKind[] {
  const kinds = sources.flatMap(({ decides, counts }) => decides && counts ? [counts] : []);
  return [...new Set(kinds)];
}

/**
 * The sentence for a recommendation; it names every flag with its value.
 *
 * @param validation The failed one that the recommendation is for.
 */
export function recommendationMessage(
  recommendation: Recommendation,
  validation: Judged & Pick<Validation, "memory" | "places">,
): string {
  switch (recommendation.kind) {
    case "changes": {
      const texts = changeTexts(recommendation.changes, validation);
      const required = requiredWords(recommendation, validation);
      const [first, second] = texts;
      if (first === undefined) return `Leave out ${omitted(recommendation)}${required}`;
      const advice = second === undefined ? first[0] : "Use together";
      return `${advice}: ${texts.flatMap(([, flags]) => flags).join(" ")}${required}`;
    }
    case "free-memory": {
      const { bytes, devices = [] } = recommendation;
      const amounts = [
        ...bytes > 0 ? [`${formatEnough(bytes)} more is available`] : [],
        ...devices.map(({ id, bytes }) => `${formatEnough(bytes)} more is available on ${id}`),
      ];
      return `Close other programs until ${amounts.join(" and ")}`;
    }
    case "more-layers": {
      const { count, of, changes } = recommendation;
      const flags = changeTexts(changes, validation).flatMap(([, flags]) => flags);
      return `${count} of ${of} layers fit on devices; all would with ${flags.join(" ")}`;
    }
    case "machine": {
      const flags = changeTexts(recommendation.changes ?? {}, validation)
        .flatMap(([, flags]) => flags);
      const { devices = [], ramIsEnough } = recommendation;
      const cards = devices.map(({ id, totalBytes, availableBytes }) =>
        `a device of ${formatEnough(totalBytes)} as ${id}, ${
          formatEnough(availableBytes)
        } of it available`
      ).join(", and ");
      if (ramIsEnough) {
        return `Use ${cards}${flags.length > 0 ? `, and ${flags.join(" ")}` : ""}`;
      }
      const where = decidingLimits(validation.memory).map((kind) => LIFT[kind]).join("; ");
      return `${where === "" ? "Use" : `${where}, on`} a machine with at least ` +
        `${formatEnough(recommendation.totalBytes)} RAM, ` +
        `${formatEnough(recommendation.availableBytes)} of it available` +
        (cards === "" ? "" : `, and ${cards}`) +
        (flags.length > 0 ? `, and ${flags.join(" ")}` : "");
    }
  }
}

/** What of this machine it would take; nothing where no jar takes any of it. */
function requiredWords(
  { requiredBytes, devices = [] }: Extract<Recommendation, { readonly kind: "changes" }>,
  { places, instances }: Judged & Pick<Validation, "places">,
): string {
  if (places !== undefined && instances.length === 0) return "";
  const here = places === undefined || places.length === instances.length ? "" : " here";
  const onDevices = devices.map(({ id, bytes }) => `, ${formatAmount(bytes)} on ${id}`);
  return ` (${formatAmount(requiredBytes)} required${here}${onDevices.join("")})`;
}

/**
 * The flags that carry a recommendation out, each with its value; none where no flag does.
 *
 * @param validation The failed one that the recommendation is for.
 *
 * @example
 * ```ts
 * import { recommendationFlags } from "./recommendation.ts";
 * const flags = recommendationFlags(
 *   { kind: "changes", changes: { contextSize: 4096, mmap: false }, requiredBytes: 1 },
 *   { mode: "single", instances: [] },
 * );
 * if (flags.join(" ") !== "--context-size 4096 --no-mmap") throw new Error(flags.join(" "));
 * ```
 */
export function recommendationFlags(
  recommendation: Recommendation,
  validation: Judged,
): readonly string[] {
  if (recommendation.kind !== "changes" && recommendation.kind !== "more-layers") return [];
  return changeTexts(recommendation.changes, validation).flatMap(([, flags]) => flags);
}

/** A recommendation as the validation of `run --json` has it. */
export function recommendationJson(
  recommendation: Recommendation,
  validation: Judged,
): RecommendationJson {
  const flags = recommendationFlags(recommendation, validation);
  switch (recommendation.kind) {
    case "changes": {
      const { requiredBytes, devices = [] } = recommendation;
      const required = {
        requiredBytes,
        pools: [{ id: RAM, requiredBytes }, ...devices.map(toJson)],
      };
      return flags.length > 0
        ? { kind: "flags", flags, ...required }
        : { kind: "omit", omitted: omitted(recommendation), flags, ...required };
    }
    case "free-memory": {
      const { bytes, devices = [] } = recommendation;
      return { kind: "free-memory", flags, bytes, pools: [{ id: RAM, bytes }, ...devices] };
    }
    case "more-layers": {
      const { count, of } = recommendation;
      return { kind: "more-layers", flags, count, of };
    }
    case "machine": {
      const { totalBytes, availableBytes, devices = [] } = recommendation;
      const pools = [{ id: RAM, totalBytes, availableBytes }, ...devices];
      return { kind: "machine", flags, totalBytes, availableBytes, pools };
    }
  }
}

function toJson({ id, bytes: requiredBytes }: PoolBytes) {
  return { id, requiredBytes };
}

/**
 * The flags of RAM limits: one for each jar where several may play a role, since a jar's own flag
 * would win over its role's.
 */
export function ramLimitFlags(
  limits: readonly RamLimit[],
  { mode, instances }: Judged,
): string[] {
  return limits.flatMap(({ role, id, text }) => {
    if (id !== undefined) return [`--ram-limit-${id} ${text}`];
    const jars = instances.filter((instance) => instance.role === role);
    const names = jars.length > 0 && mode !== "matrix" ? jars.map(({ id }) => id) : [role];
    return names.map((name) => `--ram-limit-${name} ${text}`);
  });
}

function changeTexts(changes: Changes, judged: Judged): ChangeText[] {
  const { ramLimits = [], contextSize, kvCacheType, criterion } = changes;
  const limits = ramLimits.filter(({ role }) => changes.mode !== "single" || role === "subject");
  const cacheType = kvCacheType?.toLowerCase();
  const flag = (name: string, value: unknown) => value === undefined ? [] : [`${name} ${value}`];
  const texts: ChangeText[] = [
    ["Run the subject alone, without the other roles' flags", flag("--mode", changes.mode)],
    [limitWords(limits, judged), ramLimitFlags(limits, judged)],
    [layerWords(changes, judged), layerFlags(changes, judged)],
    ["Compute on the processor alone", flag("--gpu", changes.gpu)],
    ["Use a smaller context", flag("--context-size", contextSize)],
    ["Use a smaller KV cache", flag("--kv-cache-type", cacheType)],
    ["Load weights without mapping the file", changes.mmap === false ? ["--no-mmap"] : []],
    [
      "Keep less free beside the jars",
      [
        ...flag("--allocation-headroom", changes.allocationHeadroom?.text),
        ...flag("--load-headroom", changes.loadHeadroom?.text),
      ],
    ],
    ["Accept that weights are read from disk for every token", flag("--criterion", criterion)],
  ];
  return texts.filter(([, flags]) => flags.length > 0);
}

/** A flag for each jar where they have not as many: a jar's own would win over that of all. */
function layerFlags({ gpuLayers }: Changes, { instances }: Judged): string[] {
  if (gpuLayers === undefined) return [];
  const counts = new Set(instances.map((jar) => jar.gpuLayers?.count));
  if (counts.size <= 1) return [`--gpu-layers ${gpuLayers}`];
  return instances.filter((jar) => (jar.gpuLayers?.count ?? 0) > gpuLayers)
    .map(({ id }) => `--gpu-layers-${id} ${gpuLayers}`);
}

function layerWords({ gpuLayers }: Changes, { instances }: Judged): string {
  const all = new Set(instances.map((jar) => jar.gpuLayers?.of));
  const [of] = all;
  const many = all.size === 1 && of !== undefined ? `${gpuLayers} of ${of} layers` : "fewer layers";
  return `Have ${many} on devices`;
}

function limitWords(limits: readonly RamLimit[], { instances }: Judged): string {
  const isRaised = instances.some((jar) =>
    (limitFor(jar, limits)?.bytes ?? 0) > (jar.ramLimitBytes ?? Infinity)
  );
  return isRaised ? "Raise RAM limits" : "Reduce RAM limits";
}

/** What is to be left out so that jars share weights, which no flag turns on. */
function omitted({ jarFile }: { readonly jarFile?: string }): string {
  const flag = "--no-share-weights";
  return jarFile === undefined ? flag : `${flag} or "shareWeights": false of ${jarFile}`;
}
