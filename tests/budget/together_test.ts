import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { JarFootprint } from "../../src/budget/demand.ts";
import { addedBytes, requiredBytes, type RequiredDemand } from "../../src/budget/required.ts";

const SEED = 20260418;

/** A jar that takes `loading` for a moment, then `model` and `context`, `process` of it once. */
function footprint(
  process: number,
  model: number,
  context: number,
  loading: number,
  mapped = 0,
): JarFootprint {
  const lastingBytes = process + model + context;
  const floorBytes = Math.max(loading, lastingBytes);
  return {
    floorBytes,
    workingSetBytes: Math.max(floorBytes, lastingBytes + mapped),
    shared: { floorBytes: process + model, workingSetBytes: process + model + mapped },
    loading: { bytes: loading, lastingBytes, processBytes: process },
  };
}

function total(jars: readonly RequiredDemand[], shareWeights: boolean): number {
  return addedBytes(jars, { criterion: "floor", shareWeights })
    .reduce((sum, bytes) => sum + bytes, 0);
}

Deno.test("together: what is needed only while loading is filled by later contexts", () => {
  const jar = { model: "a", footprint: footprint(10, 20, 5, 50) };
  assertEquals(total([jar], true), 50);
  assertEquals(total([jar, jar, jar], true), 50);
  assertEquals(total([jar, jar, jar, jar, jar, jar], true), 60);
});

Deno.test("together: separate loads share the process, and load one after another", () => {
  const jar = { model: "a", footprint: footprint(10, 20, 5, 50) };
  assertEquals(total([jar, jar], false), 35 + 25 + 15);
  assertEquals(total([jar, jar, jar], false), 35 + 25 + 25 + 15);
  const other = { model: "b", footprint: footprint(10, 40, 5, 52) };
  assertEquals(total([jar, other], true), 35 + 45 + 15);
});

Deno.test("together: the program's own pages count for the working set, once", () => {
  const jar = (program: number) => {
    const alone = footprint(10, 20, 5, 0, 30 + program);
    const loading = { bytes: 0, lastingBytes: 35, processBytes: 10, programBytes: program };
    return { model: "a", footprint: { ...alone, loading } };
  };
  const need = (program: number, criterion: "floor" | "working-set") =>
    addedBytes([jar(program), jar(program)], { criterion, shareWeights: false })
      .reduce((sum, bytes) => sum + bytes, 0);
  assertEquals(need(0, "working-set"), 2 * 65 - 10);
  assertEquals(need(7, "working-set"), need(0, "working-set") + 7);
  assertEquals(need(7, "floor"), need(0, "floor"));
});

Deno.test("together: RAM limits are reserved whole", () => {
  const jar = { model: "a", footprint: footprint(10, 20, 5, 30), ramLimitBytes: 100 };
  assertEquals(total([jar, jar], false), 200);
  assertEquals(total([jar, jar], true), 200 - 30);
});

Deno.test("together: in any order the same, never more than each alone, never less with more", () => {
  const size = fc.integer({ min: 0, max: 1000 });
  const jar = fc.record({
    model: fc.constantFrom("a", "b", "c"),
    context: size,
    limit: fc.option(fc.integer({ min: 1, max: 4000 }), { nil: undefined }),
  }).map(({ model, context, limit }): RequiredDemand => {
    const weights = { a: 100, b: 900, c: 10 }[model] ?? 0;
    return {
      model,
      footprint: footprint(50, weights, context, weights * 2 + 60, weights),
      ...(limit === undefined ? {} : { ramLimitBytes: limit }),
    };
  });
  fc.assert(
    fc.property(fc.array(jar, { maxLength: 6 }), fc.boolean(), fc.gen(), (jars, share, gen) => {
      const all = total(jars, share);
      const shuffled = [...jars].sort(() => gen(fc.integer, { min: -1, max: 1 }));
      assertEquals(total(shuffled, share), all);
      const alone = jars.reduce((sum, one) => sum + requiredBytes(one, "floor"), 0);
      assert(all <= alone, `${all} of ${alone}`);
      for (const one of addedBytes(jars, { criterion: "floor", shareWeights: share })) {
        assert(one >= 0, `adds ${one}`);
      }
    }),
    { seed: SEED, numRuns: 500 },
  );
});
