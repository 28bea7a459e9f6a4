import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import type { InstanceDemand } from "../../src/budget/demand.ts";
import type { MachineMemory } from "../../src/budget/memory.ts";
import type { Policy } from "../../src/budget/policy.ts";
import type { Changes } from "../../src/budget/changes.ts";
import { recommend } from "../../src/budget/advice/recommend.ts";
import type { Recommendation } from "../../src/budget/recommendation.ts";
import type { Validation } from "../../src/budget/validation.ts";
import { withLimits } from "../../src/budget/advice/limits.ts";
import { footprint, gb, jar, machine, matrix, SEED_TOTAL_GB, validate } from "./cases.ts";

const SEED = 20260214;

/** A world small enough to reckon by hand: a jar is its weights and a cache of its context. */
interface World {
  readonly limits: readonly (number | undefined)[];
  readonly memory: MachineMemory;
  readonly contextSize: number;
  readonly weightsGb: number;
  /** Of the weights, what is copied into anonymous memory besides, as long as they are mapped. */
  readonly repackedGb: number;
  readonly gbPerThousandTokens: number;
  readonly policy: Partial<Policy>;
  readonly tried: Changes[];
}

const BARE: Partial<Policy> = { allocationHeadroomBytes: 0, loadHeadroomBytes: 0 };

const WORLD: World = {
  limits: [],
  memory: machine(16),
  contextSize: 8192,
  weightsGb: 2,
  repackedGb: 0,
  gbPerThousandTokens: 0.25,
  policy: BARE,
  tried: [],
};

function validateWorld(
  world: World,
  changes: Changes,
  size: Partial<MachineMemory> = {},
): Validation {
  const context = changes.contextSize ?? world.contextSize;
  const half = changes.kvCacheType === "q8_0" ? 0.5 : changes.kvCacheType === "q4_0" ? 0.25 : 1;
  const cache = (context / 1024) * world.gbPerThousandTokens * half;
  const file = changes.mmap === false ? 0 : world.weightsGb;
  const anonymous = changes.mmap === false ? world.weightsGb : world.repackedGb;
  const print = footprint(anonymous + cache, anonymous + cache + file, anonymous, anonymous + file);
  const jars: InstanceDemand[] = matrix(world.limits, { footprint: print })
    .slice(0, changes.mode === "single" ? 1 : 3);
  return validate(withLimits(jars, changes.ramLimits ?? []), { ...world.memory, ...size }, {
    ...world.policy,
    ...(changes.allocationHeadroom
      ? { allocationHeadroomBytes: changes.allocationHeadroom.bytes }
      : {}),
    ...(changes.loadHeadroom ? { loadHeadroomBytes: changes.loadHeadroom.bytes } : {}),
    ...(changes.criterion ? { criterion: changes.criterion } : {}),
    ...(changes.shareWeights ? { shareWeights: true } : {}),
  });
}

function recommendFor(more: Partial<World>, kvCacheTypes = ["q8_0", "q4_0"]) {
  const world: World = { ...WORLD, tried: [], ...more };
  return recommend({
    validation: validateWorld(world, {}),
    tryWith: (changes, size) => {
      world.tried.push(changes);
      return validateWorld(world, changes, size);
    },
    contextSize: world.contextSize,
    kvCacheTypes,
    mmap: true,
  });
}

/** Each in few words: the changes with their values, else the kind. */
function inShort(recommendations: readonly Recommendation[]): string[] {
  return recommendations.map((one) =>
    one.kind === "changes" ? changesInShort(one.changes) : one.kind
  );
}

function changesInShort(
  { ramLimits = [], allocationHeadroom, loadHeadroom, ...others }: Changes,
): string {
  return [
    ...ramLimits.map(({ role, text }) => `${role} ${text}`),
    ...Object.entries(others).map(([name, value]) => `${name} ${value}`),
    ...(allocationHeadroom ? [`allocation ${allocationHeadroom.text}`] : []),
    ...(loadHeadroom ? [`load ${loadHeadroom.text}`] : []),
  ].join(" ");
}

Deno.test("recommend: nothing where it passes", async () => {
  assertEquals(await recommendFor({ memory: machine(64) }), []);
});

Deno.test("recommend: a lower limit for one role, for all, or one jar alone", async () => {
  const found = await recommendFor({
    limits: [8, 10, 12],
    memory: machine(SEED_TOTAL_GB, 31),
    policy: { shareWeights: false },
  });
  assertEquals(inShort(found), [
    "god 8.5",
    "observer 6.5",
    "subject 4.5",
    "god 10.6 observer 8.8 subject 7.0",
    "shareWeights true",
    "mode single",
  ]);
});

Deno.test("recommend: the largest context that passes, a smaller cache, no mapping", async () => {
  // Three jars of 2 GB weights (shared) and 2 GB cache: 8 of 6.8 GB.
  const found = await recommendFor({ memory: machine(8) });
  assertEquals(inShort(found), [
    "contextSize 4096",
    "kvCacheType q8_0",
    "mode single",
    "criterion floor",
  ]);
  // 2 GB of repacked weights are in memory twice as long as the file is mapped.
  const repacked = await recommendFor({ memory: machine(10), repackedGb: 2 });
  assertEquals(inShort(repacked).includes("mmap false"), true);
});

Deno.test("recommend: a jar that would be killed isn't told to read from disk", async () => {
  const found = await recommendFor({ memory: machine(4), weightsGb: 0.1 });
  assertEquals(inShort(found).includes("criterion floor"), false);
});

Deno.test("recommend: a limit below its own jar's footprint is no advice", async () => {
  // God's limit would have to fall under the 4 GB it needs.
  const found = await recommendFor({
    limits: [undefined, undefined, 5],
    memory: machine(8),
  });
  assertEquals(inShort(found).some((text) => text.includes("god")), false);
});

Deno.test("recommend: a limit is rounded down to no less than its jar's footprint", async () => {
  const demand = jar("subject", { limitGb: 5, footprint: footprint(1, 4.02) });
  const memory = machine(5, 4.05);
  const recommendWith = (least: number) =>
    recommend({
      validation: validate([demand], memory, BARE),
      // `least` stands for a footprint that the callback alone knows of.
      tryWith: ({ ramLimits }) =>
        ramLimits && validate(
          withLimits([{ ...demand, footprint: footprint(1, least) }], ramLimits),
          memory,
          BARE,
        ),
      contextSize: 512,
      kvCacheTypes: [],
      mmap: false,
    });
  assertEquals(inShort(await recommendWith(4.02))[0], "subject 4147MB");
  // The sum fits, but the jar doesn't fit in its own limit.
  assertEquals(inShort(await recommendWith(4.05))[0], "machine");
});

Deno.test("recommend: a limit that its jar doesn't fit in is raised", async () => {
  const found = await recommendFor({ limits: [undefined, 1, undefined] });
  assertEquals(inShort(found), ["observer 4.0", "mode single"]);
  // And where another is too large besides, both are changed.
  const both = await recommendFor({ limits: [undefined, 1, 12] });
  assertEquals(inShort(both), ["god 9.6 observer 4.0", "mode single"]);
  const all = await recommendFor({ limits: [1, 1, 14] });
  assertEquals(inShort(all), ["god 9.6 observer 4.0 subject 4.0"]);
});

Deno.test("recommend: the headroom that there is, where nothing but that is missing", async () => {
  const policy = { allocationHeadroomBytes: gb(1), loadHeadroomBytes: gb(2) };
  // 8 GB for three jars.
  const found = await recommendFor({ policy, memory: machine(16, 9.46) });
  assertEquals(inShort(found), [
    "contextSize 4096",
    "kvCacheType q8_0",
    "mode single",
    "load 1.4",
    "free-memory",
  ]);
  const less = await recommendFor({ policy, memory: machine(16, 8.5), contextSize: 8192 });
  assertEquals(inShort(less).includes("allocation 508MB load 508MB"), true);
  assertEquals(less.at(-1), { kind: "free-memory", bytes: gb(1.5) });
  // No machine of 8 GB can have 10 available.
  const small = await recommendFor({ policy, memory: machine(9.5), contextSize: 512 });
  assertEquals(inShort(small), []);
  const smaller = await recommendFor({
    policy,
    memory: machine(3.5),
    contextSize: 512,
    gbPerThousandTokens: 0,
  });
  assertEquals(inShort(smaller), ["load 1.4"]);
});

Deno.test("recommend: with less headroom where a change alone isn't enough", async () => {
  const policy = { allocationHeadroomBytes: gb(1), loadHeadroomBytes: gb(2) };
  const found = await recommendFor({
    policy,
    limits: [undefined, undefined, 8],
    memory: machine(2.5),
    contextSize: 256,
    gbPerThousandTokens: 0,
  });
  assertEquals(inShort(found), ["god 2.1 allocation 405MB load 405MB"]);
});

Deno.test("recommend: flags together only where none is enough alone", async () => {
  const found = await recommendFor({
    memory: machine(3.5),
    contextSize: 32768,
    weightsGb: 1,
  }, ["q8_0"]);
  assertEquals(inShort(found), ["contextSize 2048"]);
  const tighter = await recommendFor({
    memory: machine(1.6),
    contextSize: 32768,
    weightsGb: 1,
    gbPerThousandTokens: 0.3,
  }, ["q8_0"]);
  assertEquals(inShort(tighter), ["contextSize 512 kvCacheType q8_0"]);
});

Deno.test("recommend: where only available memory is short, how much to free", async () => {
  const found = await recommendFor({
    memory: machine(64, 1),
    contextSize: 512,
    gbPerThousandTokens: 0,
  }, []);
  assertEquals(inShort(found), ["free-memory", "criterion floor"]);
  assertEquals(found[0], { kind: "free-memory", bytes: gb(1) });
});

Deno.test("recommend: where nothing passes, what machine would", async () => {
  const found = await recommendFor({ memory: machine(1), weightsGb: 30, contextSize: 512 });
  assertEquals(inShort(found), ["machine", "criterion floor"]);
  const [machineNeeded] = found;
  if (machineNeeded?.kind !== "machine") throw new Error(JSON.stringify(found));
  // 30.375 GB / 0.85
  assertEquals(machineNeeded.totalBytes, gb(35.8));
  assertEquals(machineNeeded.availableBytes, gb(30.4));
  const there = {
    ...machine(1),
    totalBytes: machineNeeded.totalBytes,
    availableBytes: machineNeeded.availableBytes,
  };
  const again = validateWorld({ ...WORLD, weightsGb: 30, contextSize: 512, memory: there }, {});
  assertEquals(again.ok, true);
});

Deno.test("recommend: a change that can't be made is passed over, an error goes through", async () => {
  const validation = validate([jar("subject", { footprint: footprint(9, 9) })], machine(8));
  const input = { validation, contextSize: 4096, kvCacheTypes: ["q8_0"], mmap: true };
  const found = await recommend({ ...input, tryWith: () => undefined });
  assertEquals(found.map(({ kind }) => kind), ["machine"]);
  await assertRejects(
    () => recommend({ ...input, tryWith: () => Promise.reject(new Error("No engine")) }),
    Error,
    "No engine",
  );
});

Deno.test("recommend: every recommendation was tried and passes, in few tries", async () => {
  const anyLimit = fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        limits: fc.tuple(anyLimit, anyLimit, anyLimit),
        memory: fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 100 }))
          .map(([total, percent]) => machine(total, total * percent / 100)),
        contextSize: fc.integer({ min: 1, max: 131072 }),
        weightsGb: fc.integer({ min: 1, max: 20 }),
        repackedGb: fc.integer({ min: 0, max: 5 }),
        policy: fc.record({
          shareWeights: fc.boolean(),
          allocationHeadroomBytes: fc.constantFrom(0, gb(0.1), gb(1)),
          loadHeadroomBytes: fc.constantFrom(0, gb(0.3), gb(2)),
        }),
      }),
      async (more) => {
        const world: World = { ...WORLD, ...more, tried: [] };
        const validation = validateWorld(world, {});
        const found = await recommendFor(world);
        assertEquals(found.length > 0, !validation.ok);
        for (const one of found) {
          if (one.kind === "changes") {
            assertEquals(world.tried.includes(one.changes), true);
            const { ok, requiredBytes } = validateWorld(world, one.changes);
            assertEquals([ok, requiredBytes], [true, one.requiredBytes]);
          } else if (one.kind === "machine") {
            const { totalBytes, availableBytes } = one;
            assertEquals(availableBytes <= totalBytes, true);
            const there = { totalBytes, availableBytes };
            assertEquals(validateWorld(world, one.changes ?? {}, there).ok, true);
          } else if (one.kind === "free-memory") {
            const availableBytes = world.memory.availableBytes + one.bytes;
            assertEquals(availableBytes <= world.memory.totalBytes, true);
            assertEquals(validateWorld(world, {}, { availableBytes }).ok, true);
          } else throw new Error("There are no devices");
        }
        assertEquals(world.tried.length <= 150, true, `${world.tried.length}`);
      },
    ),
    { seed: SEED, numRuns: 200 },
  );
});
