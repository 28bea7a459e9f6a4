import type { Changes, RamLimit } from "./changes.ts";
import { type Role, ROLES } from "./demand.ts";
import { roundLimit } from "./limits.ts";
import { GB } from "./size.ts";
import { totalBytesFor } from "./policy.ts";
import { sum } from "./sum.ts";
import type { Recommendation, Validation } from "./validation.ts";
import { waterFill } from "./water_fill.ts";

/** What could still be changed. */
interface RecommendInput {
  /** One that failed; for one that passed nothing is recommended. */
  readonly validation: Validation;
  /**
   * Estimates and validates anew with these changes; `undefined` where they can't be made (a cache
   * type that the model doesn't take). Errors go through.
   */
  readonly tryWith: (changes: Changes) => Validation | undefined | Promise<Validation | undefined>;
  /** Tokens of the largest context there is now. */
  readonly contextSize: number;
  /** Cache types smaller than the one in use, largest first. */
  readonly kvCacheTypes: readonly string[];
  /** Whether weights are mapped now. */
  readonly mmap: boolean;
}

/** A context smaller than this is no use to a mind that has to read a prompt. */
const SMALLEST_CONTEXT = 512;

/** The least important first: whose limit is lowered, and who dies. */
const LEAST_IMPORTANT_FIRST: readonly Role[] = ROLES.toReversed();

/**
 * What to do about a failed validation: every recommendation was validated and passed. Single
 * changes come first; only where none is enough, several together; where nothing is, the machine that
 * would do (src/budget/README.md, "Layer 1").
 */
export async function recommend(input: RecommendInput): Promise<Recommendation[]> {
  const { validation } = input;
  if (validation.ok) return [];
  const found: Recommendation[] = [];
  for (const alternatives of singleChanges(input)) {
    const passing = await firstPassing(input, alternatives);
    if (passing) found.push(passing);
  }
  if (validation.issues.every(({ limit }) => limit === "available")) {
    found.push({ kind: "free-memory", bytes: largestExcess(validation) });
  }
  if (found.length === 0) {
    found.push(await firstPassing(input, combinedChanges(input)) ?? machineFor(validation));
  }
  // Not a way to fit but a way to do without: last, and never instead of one.
  const slow = await firstPassing(input, thrashes(validation) ? [{ criterion: "floor" }] : []);
  return slow ? [...found, slow] : found;
}

/** The jars that don't fit in their own limits. */
function tooLargeForLimit({ warnings }: Validation): string[] {
  return warnings.flatMap((one) => one.code === "limit-below-footprint" ? [one.id] : []);
}

function thrashes({ issues }: Validation): boolean {
  return issues.some(({ code }) => code === "would-thrash") &&
    issues.every(({ code }) => code !== "would-be-killed");
}

async function firstPassing(
  { validation: failed, tryWith }: RecommendInput,
  alternatives: readonly Changes[],
): Promise<Recommendation | undefined> {
  const before = tooLargeForLimit(failed);
  for (const changes of alternatives) {
    const validation = await tryWith(changes);
    // A limit that its own jar doesn't fit in is no advice, even where the sum fits.
    if (!validation?.ok || tooLargeForLimit(validation).some((id) => !before.includes(id))) {
      continue;
    }
    return { kind: "changes", changes, requiredBytes: validation.requiredBytes };
  }
  return undefined;
}

/** Each entry is one kind of change; of its alternatives the first that passes is taken. */
function singleChanges(input: RecommendInput): Changes[][] {
  const { validation } = input;
  return [
    ...LEAST_IMPORTANT_FIRST.map((role) => lowerOneLimit(validation, role)),
    scaledLimits(validation).map((ramLimits) => ({ ramLimits })),
    smallerContexts(input).map((contextSize) => ({ contextSize })),
    input.kvCacheTypes.map((kvCacheType) => ({ kvCacheType })),
    input.mmap ? [{ mmap: false }] : [],
    validation.shareWeights ? [] : [{ shareWeights: true }],
    hasOtherRoles(validation) ? [{ mode: "single" }] : [],
  ];
}

/** Mildest first, and few enough of them that the answer doesn't take long. */
function combinedChanges(input: RecommendInput): Changes[] {
  const sizes = smallerContexts(input);
  const middle = Math.floor((sizes.length - 1) / 2);
  const contexts = sizes.filter((_, index) => [0, middle, sizes.length - 1].includes(index));
  const cacheTypes = input.kvCacheTypes.slice(-1);
  const limitSets = scaledLimits(input.validation);
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
  const alone: Changes[] = [
    ...contexts.map((contextSize): Changes => ({ contextSize })),
    ...limitSets.map((ramLimits): Changes => ({ ramLimits })),
    ...together,
  ];
  const unmapped = input.mmap ? alone.map((changes): Changes => ({ ...changes, mmap: false })) : [];
  const single: Changes[] = hasOtherRoles(input.validation)
    ? [...alone, ...unmapped].map((changes) => ({ ...changes, mode: "single" }))
    : [];
  return [...together, ...unmapped, ...single];
}

/** Whether mode single would leave jars out; it would put a jar file's own aside altogether. */
function hasOtherRoles({ mode }: Validation): boolean {
  return mode !== "single" && mode !== "jars";
}

function smallerContexts({ contextSize }: RecommendInput): number[] {
  const sizes: number[] = [];
  let size = 2 ** Math.floor(Math.log2(Math.max(1, contextSize - 1)));
  for (; size >= SMALLEST_CONTEXT; size /= 2) sizes.push(size);
  return sizes;
}

function largestExcess(validation: Validation): number {
  return Math.max(0, ...validation.issues.map(({ excessBytes }) => excessBytes));
}

function lowerOneLimit(validation: Validation, role: Role): Changes[] {
  const jars = validation.instances.filter((instance) => instance.role === role);
  const limit = Math.max(...jars.map(({ ramLimitBytes }) => ramLimitBytes ?? 0));
  if (jars.length === 0 || limit === 0) return [];
  const lowered = limit - largestExcess(validation) / jars.length;
  const footprint = Math.max(...jars.map(({ footprintBytes }) => footprintBytes));
  // A context sized by its limit shrinks with it, so today's footprint needn't be the least.
  const least = lowered < footprint ? [0] : [footprint, 0];
  return least.flatMap((minimum) => {
    const ramLimit = roundLimit(role, lowered, minimum);
    return ramLimit ? [{ ramLimits: [ramLimit] }] : [];
  });
}

/** All limits lowered in proportion: down to the footprints as they are, and without regard to them. */
function scaledLimits(validation: Validation): RamLimit[][] {
  const limited = validation.instances.filter(({ ramLimitBytes }) => ramLimitBytes !== undefined);
  const roles = LEAST_IMPORTANT_FIRST.filter((role) => limited.some((jar) => jar.role === role));
  // One role's limit is lowered by `lowerOneLimit`.
  if (roles.length < 2) return [];
  const amount = sum(limited.map(({ requiredBytes }) => requiredBytes)) - largestExcess(validation);
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

function machineFor(validation: Validation): Recommendation {
  const { requiredBytes, safetyMarginPercent } = validation;
  return {
    kind: "machine",
    totalBytes: Math.ceil(totalBytesFor(requiredBytes, { safetyMarginPercent }) / GB) * GB,
    availableBytes: Math.ceil(Math.ceil((requiredBytes / GB) * 10) * (GB / 10)),
  };
}
