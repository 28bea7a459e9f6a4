import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { ModelPool, type ModelReference } from "../../src/experiment/jar/model_pool.ts";
import { thoughtSeed } from "../../src/experiment/thought_seed.ts";
import { FakeClock } from "./fake_clock.ts";
import { FakeEngine } from "./fake_engine.ts";

const SEED = 20_263;
const LOAD = { mmap: true };

Deno.test("models: one load for all who hold it, disposed with the last", async () => {
  const step = fc.record({ path: fc.constantFrom("a", "b"), releases: fc.option(fc.nat(20)) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, share) => {
      const engine = new FakeEngine({ clock: new FakeClock() });
      const pool = new ModelPool(engine, share);
      const held: { path: string; reference: ModelReference }[] = [];
      const check = () => {
        const paths = held.map(({ path }) => path);
        assertEquals(engine.models, share ? new Set(paths).size : paths.length);
        if (share) assertEquals(pool.has("a"), paths.includes("a"));
      };
      for (const { path, releases } of steps) {
        if (releases === null) held.push({ path, reference: await pool.acquire(path, LOAD) });
        else if (held.length > 0) {
          const [gone] = held.splice(releases % held.length, 1);
          await gone?.reference.release();
          await gone?.reference.release();
        }
        check();
      }
      for (const { reference } of held.splice(0)) await reference.release();
      check();
    }),
    { seed: SEED, numRuns: 200 },
  );
});

Deno.test("models: a load that failed is tried anew", async () => {
  const engine = new FakeEngine({
    clock: new FakeClock(),
    behave: (operation, count) => operation === "load" && count === 1 ? "fail" : "ok",
  });
  const pool = new ModelPool(engine, true);
  await assertRejects(() => pool.acquire("a", LOAD), Error, "load broke");
  assert(!pool.has("a"));
  await (await pool.acquire("a", LOAD)).release();
  assertEquals(engine.counts.load, 2);
});

Deno.test("models: other layers on devices are another load, and each has its own end", async () => {
  const engine = new FakeEngine({ clock: new FakeClock() });
  const pool = new ModelPool(engine, true);
  const here = await pool.acquire("a", LOAD);
  const there = await pool.acquire("a", { ...LOAD, gpuLayers: 2 });
  const alsoThere = await pool.acquire("a", { ...LOAD, gpuLayers: 2 });
  assertEquals([pool.has("a"), pool.has("a", 2), pool.has("a", 3)], [true, true, false]);
  assertEquals(engine.models, 2);
  await here.release();
  await there.release();
  assertEquals([pool.has("a"), pool.has("a", 2), engine.models], [false, true, 1]);
  pool.forget("a", 2);
  await alsoThere.release();
  assertEquals(engine.models, 0);
});

Deno.test("models: not disposed before what it is kept for has settled", async () => {
  const engine = new FakeEngine({ clock: new FakeClock() });
  const reference = await new ModelPool(engine, true).acquire("a", LOAD);
  const { promise, reject } = Promise.withResolvers<void>();
  reference.until(promise);
  const released = reference.release();
  await Promise.resolve();
  assertEquals(engine.counts.dispose, 0);
  reject(new Error("A context that broke is gone too"));
  await released;
  assertEquals([engine.counts.dispose, engine.models], [1, 0]);
});

Deno.test("seeds: the documented ones, never the engine's own 'random'", () => {
  assertEquals(
    [thoughtSeed(7, "subject", 1), thoughtSeed(7, "god", 1), thoughtSeed(7, "subject", 2)],
    [487539453, 1373556343, 2040602689],
  );
  const seeds = new Set<number>();
  for (let turn = 1; turn <= 1000; turn++) {
    for (const id of ["subject", "observer", "god"]) seeds.add(thoughtSeed(1, id, turn));
  }
  assert(seeds.size > 2990, `${seeds.size} of 3000 differ`);
  assert([...seeds].every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31));
});
