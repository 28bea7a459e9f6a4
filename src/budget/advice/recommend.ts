import type { Changes, RamLimit } from "../changes.ts";
import { type Role, ROLES } from "../demand.ts";
import { roundLimit } from "./limits.ts";
import type { MachineMemory } from "../memory.ts";
import { neededAvailableBytes, neededMachine } from "./needed.ts";
import { MB, roundSize } from "../size.ts";
import { sum } from "../sum.ts";
import type { Recommendation, Validation } from "../validation.ts";
import { waterFill } from "./water_fill.ts";

/** A machine by its size. */
type MemorySize = Pick<MachineMemory, "totalBytes" | "availableBytes">;

/** What could still be changed. */
interface RecommendInput {
  /** One that failed; for one that passed nothing is recommended. */
  readonly validation: Validation;
  /**
   * Estimates and validates anew with these changes, on a machine of another size where one is
   * given; `undefined` where they can't be made (a cache type that the model doesn't take). Errors
   * go through.
   */
  readonly tryWith: (
    changes: Changes,
    memory?: MemorySize,
  ) => Validation | undefined | Promise<Validation | undefined>;
  /** Tokens of the largest context there is now. */
  readonly contextSize: number;
  /** Cache types smaller than the one in use, largest first. */
  readonly kvCacheTypes: readonly string[];
  /** Whether weights are mapped now. */
  readonly mmap: boolean;
}

/** A context smaller than this is no use to a mind that has to read a prompt. */
export const SMALLEST_CONTEXT = 512;

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
  const trials = new Trials(input);
  const found: Recommendation[] = [];
  for (const alternatives of singleChanges(input)) {
    const passing = await trials.firstPassing(alternatives);
    if (passing) found.push(passing);
  }
  const freed = await freeMemory(input);
  if (freed) found.push(freed);
  if (found.length === 0) {
    // All jars with less free beside them before one of them alone.
    const { together, alone } = combinedChanges(input);
    found.push(
      await trials.firstPassing(together) ??
        await trials.firstPassing(trials.withLessHeadroom(({ mode }) => mode !== "single")) ??
        await trials.firstPassing(alone) ??
        await trials.firstPassing(trials.withLessHeadroom(({ mode }) => mode === "single")) ??
        await machineFor(input),
    );
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
        return { kind: "changes", changes, requiredBytes: validation.requiredBytes };
      }
      if (validation) this.#failed.push({ changes, validation });
    }
    return undefined;
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
  const watched = issues.map((issue) => issue.code === "available-memory" ? issue.shortBytes : 0);
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
    issues.every(({ code }) => code === "load-refused" || code === "allocation-refused");
  const room = memory.availableBytes - requiredBytes;
  if (!isShort || room < 0) return [];
  const there = roundSize(Math.max(0, room - READINGS_DIFFER_BYTES), "down");
  const { allocationHeadroomBytes, loadHeadroomBytes } = validation;
  return [{
    ...(allocationHeadroomBytes > there.bytes ? { allocationHeadroom: there } : {}),
    ...(loadHeadroomBytes > there.bytes ? { loadHeadroom: there } : {}),
  }];
}

/** Limits that hold their own jars, for those that don't. */
function raisedLimits({ issues, instances }: Validation): RamLimit[][] {
  const tooSmall = issues.flatMap((issue) => issue.code === "over-limit" ? [issue.id] : []);
  const limits = instances.filter(({ id }) => tooSmall.includes(id))
    .map(({ id, role, footprintBytes }) => ({ role, id, ...roundSize(footprintBytes, "up") }));
  return limits.length === 0 ? [] : [limits];
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

/** How much more must become available, where that alone would do. */
async function freeMemory(
  { validation, tryWith }: RecommendInput,
): Promise<Recommendation | undefined> {
  const { memory: { totalBytes, availableBytes, sources } } = validation;
  // What a limit of this process leaves doesn't grow when others end.
  if (sources.some(({ figure, decides, counts }) => figure === "available" && decides && counts)) {
    return undefined;
  }
  const needed = neededAvailableBytes(validation, totalBytes);
  if (needed <= availableBytes || needed > totalBytes) return undefined;
  const { bytes } = roundSize(needed - availableBytes, "up");
  const freed = Math.min(totalBytes, availableBytes + bytes);
  const passing = await tryWith({}, { totalBytes, availableBytes: freed });
  return passing?.ok ? { kind: "free-memory", bytes: freed - availableBytes } : undefined;
}

/** The machine that would hold the jars as they are, those with too small a limit with a larger one. */
async function machineFor({ validation, tryWith }: RecommendInput): Promise<Recommendation> {
  const [ramLimits] = raisedLimits(validation);
  const changes: Changes = ramLimits === undefined ? {} : { ramLimits };
  // What is required is the same on any machine.
  const asked = ramLimits === undefined ? validation : await tryWith(changes) ?? validation;
  return {
    kind: "machine",
    ...neededMachine(asked),
    ...(ramLimits === undefined ? {} : { changes }),
  };
}
