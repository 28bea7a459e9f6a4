import type { Changes, RamLimit } from "../changes.ts";
import { type Role, ROLES } from "../demand.ts";
import type { RecommendInput } from "./input.ts";
import { freeMemory, machineFor, raisedLimits } from "./larger_machine.ts";
import { fewerLayers, isShortOfLayers, moreLayers } from "./layers.ts";
import { roundLimit } from "./limits.ts";
import { deviceOf } from "./needed.ts";
import { MB, roundSize } from "../size.ts";
import { sum } from "../sum.ts";
import type { Recommendation } from "../recommendation.ts";
import type { Validation } from "../validation.ts";
import { waterFill } from "./water_fill.ts";

/** A context smaller than this is no use to a mind that has to read a prompt. */
export const SMALLEST_CONTEXT = 512;

/** The least important first: whose limit is lowered, and who dies. */
const LEAST_IMPORTANT_FIRST: readonly Role[] = ROLES.toReversed();

/**
 * What to do about a failed validation: every recommendation was validated and passed. Single
 * changes come first, fewer layers on devices before others; only where none is enough, several
 * together; where nothing is, the machine that would do (src/budget/README.md, "Layer 1"). Of one that
 * passed, what would have all layers on devices, where some have no room there.
 */
export async function recommend(input: RecommendInput): Promise<Recommendation[]> {
  const { validation } = input;
  if (validation.ok) return await moreLayers(input);
  const trials = new Trials(input);
  const found: Recommendation[] = [];
  const isShort = isShortOfLayers(validation);
  const fewer = isShort ? await fewerLayers(input) : undefined;
  if (fewer) found.push(...await trials.passing(fewer));
  for (const alternatives of singleChanges(input)) {
    const passing = await trials.firstPassing(alternatives);
    if (passing) found.push(passing);
  }
  const freed = await freeMemory(input);
  if (freed) found.push(freed);
  if (found.length === 0 && isShort) found.push(...await layersTogether(input, trials));
  if (found.length === 0) {
    // All jars with less free beside them before one of them alone.
    const { together, alone } = combinedChanges(input);
    const last = await trials.firstPassing(together) ??
      await trials.firstPassing(trials.withLessHeadroom(({ mode }) => mode !== "single")) ??
      await trials.firstPassing(alone) ??
      await trials.firstPassing(trials.withLessHeadroom(({ mode }) => mode === "single"));
    // What a scheduler doesn't offer, no larger machine here has.
    const isOffered = validation.issues.every(({ code }) => code !== "no-machine-offered");
    if (last) found.push(last);
    else if (isOffered) found.push(await machineFor(input));
  }
  // Not a way to fit but a way to do without: last, and never instead of one.
  if (!thrashes(validation)) return found;
  const slow = new Trials(input);
  const passing = await slow.firstPassing([{ criterion: "floor" }]) ??
    await slow.firstPassing(slow.withLessHeadroom(() => true));
  return passing ? [...found, passing] : found;
}

function thrashes({ issues }: Validation): boolean {
  return issues.some(({ code }) => code === "would-thrash") &&
    issues.every(({ code }) => code !== "would-be-killed");
}

/** What was tried and didn't pass, in the order of the tries. */
class Trials {
  readonly #tryWith: RecommendInput["tryWith"];
  readonly #failed: { readonly changes: Changes; readonly validation: Validation }[] = [];

  constructor({ tryWith }: RecommendInput) {
    this.#tryWith = tryWith;
  }

  async firstPassing(alternatives: readonly Changes[]): Promise<Recommendation | undefined> {
    for (const changes of alternatives) {
      const validation = await this.#tryWith(changes);
      if (validation?.ok) {
        const { requiredBytes, pools } = validation;
        const devices = pools.slice(1).filter(({ sumBytes }) => sumBytes > 0)
          .map(({ id, requiredBytes: bytes }) => ({ id, bytes }));
        return {
          ...{ kind: "changes", changes, requiredBytes },
          ...(devices.length === 0 ? {} : { devices }),
        };
      }
      if (validation) this.#failed.push({ changes, validation });
    }
    return undefined;
  }

  /** The same of one alternative, as a list of one or none. */
  async passing(changes: Changes): Promise<Recommendation[]> {
    const passing = await this.firstPassing([changes]);
    return passing === undefined ? [] : [passing];
  }

  /** Those that failed and only a headroom was too much for, with the headroom that there is. */
  withLessHeadroom(isWanted: (changes: Changes) => boolean): Changes[] {
    return this.#failed
      // No flag shares weights: it is said by what to leave out, and alone.
      .filter(({ changes }) => !changes.shareWeights && isWanted(changes))
      .flatMap(({ changes, validation }) =>
        lessHeadroom(validation).map((less) => ({ ...changes, ...less }))
      );
  }
}

/** Each entry is one kind of change; of its alternatives the first that passes is taken. */
function singleChanges(input: RecommendInput): Changes[][] {
  const { validation } = input;
  const shortBytes = shortfall(validation, headroomOf(validation));
  return [
    raisedLimits(validation).map((ramLimits) => ({ ramLimits })),
    ...LEAST_IMPORTANT_FIRST.map((role) => lowerOneLimit(validation, role, shortBytes)),
    scaledLimits(validation, shortBytes).map((ramLimits) => ({ ramLimits })),
    smallerContexts(input).map((contextSize) => ({ contextSize })),
    input.kvCacheTypes.map((kvCacheType) => ({ kvCacheType })),
    input.mmap ? [{ mmap: false }] : [],
    validation.shareWeights ? [] : [{ shareWeights: true }],
    hasOtherRoles(validation) ? [{ mode: "single" }] : [],
    validation.issues.some(deviceOf) ? [{ gpu: "off" }] : [],
    lessHeadroom(validation),
  ];
}

/** Mildest first, and few enough of them that the answer doesn't take long. */
function combinedChanges(
  input: RecommendInput,
): { readonly together: Changes[]; readonly alone: Changes[] } {
  const { validation } = input;
  const sizes = smallerContexts(input);
  const middle = Math.floor((sizes.length - 1) / 2);
  const contexts = sizes.filter((_, index) => [0, middle, sizes.length - 1].includes(index));
  const cacheTypes = input.kvCacheTypes.slice(-1);
  // Without a headroom, for those that then get what there is of it.
  const roomy = LEAST_IMPORTANT_FIRST.flatMap((role) =>
    lowerOneLimit(validation, role, shortfall(validation, 0))
  );
  const scaled = [headroomOf(validation), 0].flatMap((headroomBytes) =>
    scaledLimits(validation, shortfall(validation, headroomBytes))
  );
  const limitSets = scaled.length > 0 ? distinct(scaled) : raisedLimits(validation);
  const together = [
    ...contexts.flatMap((contextSize) =>
      cacheTypes.map((kvCacheType): Changes => ({ contextSize, kvCacheType }))
    ),
    ...limitSets.flatMap((ramLimits) => [
      ...cacheTypes.map((kvCacheType): Changes => ({ ramLimits, kvCacheType })),
      ...contexts.map((contextSize): Changes => ({ ramLimits, contextSize })),
      ...contexts.flatMap((contextSize) =>
        cacheTypes.map((kvCacheType): Changes => ({ ramLimits, contextSize, kvCacheType }))
      ),
    ]),
  ];
  const each: Changes[] = [
    ...contexts.map((contextSize): Changes => ({ contextSize })),
    ...limitSets.map((ramLimits): Changes => ({ ramLimits })),
    ...together,
  ];
  const unmapped = input.mmap ? each.map((changes): Changes => ({ ...changes, mmap: false })) : [];
  const alone: Changes[] = hasOtherRoles(validation)
    ? [...each, ...unmapped].map((changes) => ({ ...changes, mode: "single" }))
    : [];
  return { together: [...roomy, ...together, ...unmapped], alone };
}

/** Fewer layers with what leaves more room for the others, the mildest that passes. */
async function layersTogether(input: RecommendInput, trials: Trials): Promise<Recommendation[]> {
  const [kvCacheType] = input.kvCacheTypes.slice(-1);
  const sizes = smallerContexts(input);
  const cache: Changes[] = kvCacheType === undefined ? [] : [{ kvCacheType }];
  const contexts = [sizes[0], sizes.at(-1)].flatMap((contextSize): Changes[] =>
    contextSize === undefined
      ? []
      : [{ contextSize }, ...cache.map((one) => ({ contextSize, ...one }))]
  );
  for (const besides of [...cache, ...contexts]) {
    const changes = await fewerLayers(input, besides);
    const passing = changes === undefined ? [] : await trials.passing(changes);
    if (passing.length > 0) return passing;
  }
  return [];
}

function distinct(limitSets: readonly RamLimit[][]): RamLimit[][] {
  return [...new Map(limitSets.map((limits) => [JSON.stringify(limits), limits])).values()];
}

/**
 * Whether mode single would leave jars out and keep the subject as it is: a peer's own flags are none
 * of its, and it would put a jar file's jars aside altogether.
 */
function hasOtherRoles({ mode }: Validation): boolean {
  return mode === "matrix";
}

function smallerContexts({ contextSize }: RecommendInput): number[] {
  const sizes: number[] = [];
  let size = 2 ** Math.floor(Math.log2(Math.max(1, contextSize - 1)));
  for (; size >= SMALLEST_CONTEXT; size /= 2) sizes.push(size);
  return sizes;
}

function headroomOf({ allocationHeadroomBytes, loadHeadroomBytes }: Validation): number {
  return Math.max(allocationHeadroomBytes, loadHeadroomBytes);
}

/** By how much the sum of required is too large beside a headroom; 0 where it isn't. */
function shortfall(validation: Validation, headroomBytes: number): number {
  const { requiredBytes, usableBytes, memory, issues } = validation;
  const most = Math.min(usableBytes, memory.availableBytes - headroomBytes);
  const watched = issues.map((issue) =>
    issue.code === "available-memory" && deviceOf(issue) === undefined ? issue.shortBytes : 0
  );
  return Math.max(0, requiredBytes - most, ...watched);
}

/**
 * What the next reading of memory may find less, by another process a moment later, so that advice
 * on what is left holds for it too: up to 2 MB under a limit on data, some hundred KB in a control
 * group (measured).
 */
const READINGS_DIFFER_BYTES = 4 * MB;

/** The headroom that there is, where too little of it is all that is wrong; else nothing. */
function lessHeadroom(validation: Validation): Changes[] {
  const { issues, memory, requiredBytes } = validation;
  const isShort = issues.length > 0 &&
    issues.every((issue) =>
      (issue.code === "load-refused" || issue.code === "allocation-refused") && !deviceOf(issue)
    );
  const room = memory.availableBytes - requiredBytes;
  if (!isShort || room < 0) return [];
  const there = roundSize(Math.max(0, room - READINGS_DIFFER_BYTES), "down");
  const { allocationHeadroomBytes, loadHeadroomBytes } = validation;
  return [{
    ...(allocationHeadroomBytes > there.bytes ? { allocationHeadroom: there } : {}),
    ...(loadHeadroomBytes > there.bytes ? { loadHeadroom: there } : {}),
  }];
}

function lowerOneLimit(validation: Validation, role: Role, shortBytes: number): Changes[] {
  const jars = validation.instances.filter((instance) => instance.role === role);
  const limit = Math.max(...jars.map(({ ramLimitBytes }) => ramLimitBytes ?? 0));
  if (jars.length === 0 || limit === 0 || shortBytes === 0) return [];
  const lowered = limit - shortBytes / jars.length;
  const footprint = Math.max(...jars.map(({ footprintBytes }) => footprintBytes));
  // A context sized by its limit shrinks with it, so today's footprint needn't be the least.
  const least = lowered < footprint ? [0] : [footprint, 0];
  return least.flatMap((minimum) => {
    const ramLimit = roundLimit(role, lowered, minimum);
    return ramLimit ? [{ ramLimits: [ramLimit] }] : [];
  });
}

/** All limits lowered in proportion: down to the footprints as they are, and without regard to them. */
function scaledLimits(validation: Validation, shortBytes: number): RamLimit[][] {
  const limited = validation.instances.filter(({ ramLimitBytes }) => ramLimitBytes !== undefined);
  const roles = LEAST_IMPORTANT_FIRST.filter((role) => limited.some((jar) => jar.role === role));
  // One role's limit is lowered by `lowerOneLimit`.
  if (roles.length < 2) return [];
  const amount = sum(limited.map(({ requiredBytes }) => requiredBytes)) - shortBytes;
  const shares = roles.map((role) => {
    const jars = limited.filter((jar) => jar.role === role);
    return {
      weight: Math.max(...jars.map(({ ramLimitBytes }) => ramLimitBytes ?? 0)),
      minimum: Math.max(...jars.map(({ footprintBytes }) => footprintBytes)),
      count: jars.length,
    };
  });
  const anySize = shares.map((share) => ({ ...share, minimum: 0 }));
  return [shares, anySize].flatMap((shares) => {
    const amounts = waterFill(shares, amount);
    const limits = roles.flatMap((role, index) =>
      roundLimit(role, amounts?.[index] ?? 0, shares[index]?.minimum) ?? []
    );
    return amounts && limits.length === roles.length ? [limits] : [];
  });
}
