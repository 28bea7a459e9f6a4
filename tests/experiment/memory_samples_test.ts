import { assert, assertEquals } from "@std/assert";
import { GB, MB } from "../../src/budget/size.ts";
import type { MemorySample } from "../../src/experiment/memory/memory_sample.ts";
import { CONTEXT_BYTES, MODEL_BYTES, named, play, type StageOptions } from "./stage.ts";

/** What was heard of memory in a run, and what had been told of it before each. */
async function listen(options: StageOptions = {}) {
  const samples: MemorySample[] = [];
  const played = await play({ ...options, onMemory: (sample) => samples.push(sample) });
  return { ...played, samples };
}

const JAR_BYTES = MODEL_BYTES + CONTEXT_BYTES;

Deno.test("memory: sampled each second, and after loads, thoughts and deaths", async () => {
  const times: number[] = [];
  const { samples, clock } = await listen({
    turns: 4,
    engine: { milliseconds: { think: 2_500 } },
    memory: (now, memory) => (times.push(now), memory),
  });
  const seconds = clock.now() / 1000;
  assert(samples.length >= seconds, `${samples.length} in ${seconds} s`);
  assert(samples.length <= seconds + 30, "and hardly more than that");
  assertEquals(samples[0]?.turn, 0);
  assertEquals(samples.at(-1)?.turn, 4);
});

Deno.test("memory: at most ten samples a second, the last of what happened among them", async () => {
  const { samples, events, clock } = await listen({
    turns: 200,
    contextSize: 900,
    engine: { milliseconds: { think: 1 } },
  });
  assert(named(events, "thought").length > 500);
  assert(samples.length <= clock.now() / 100 + 1, `${samples.length} in ${clock.now()} ms`);
  assert(samples.length > clock.now() / 200);
});

Deno.test("memory: what a jar has reserved and filled, what is shared, and who is next", async () => {
  const { samples } = await listen({
    turns: 3,
    engine: { milliseconds: { think: 1_000 } },
  });
  const whole = samples.at(-1);
  const jar = { reservedBytes: JAR_BYTES, residentBytes: JAR_BYTES };
  assertEquals(
    whole?.jars,
    ["subject", "observer", "god"].map((id) => ({
      id,
      pools: [{ id: "ram", ...jar }],
    })),
  );
  assertEquals(whole?.shared, [
    { model: "demo.gguf", ids: ["subject", "observer", "god"], bytes: MODEL_BYTES },
  ]);
  assertEquals(whole?.pools, [{
    id: "ram",
    kind: "ram",
    totalBytes: 16 * GB,
    freeBytes: 15 * GB - MODEL_BYTES - 3 * CONTEXT_BYTES,
    reservedBytes: MODEL_BYTES + 3 * CONTEXT_BYTES,
    leastBytes: 500 * MB,
  }]);
  assertEquals(whole?.processBytes, MODEL_BYTES + 3 * CONTEXT_BYTES);
  assertEquals(whole?.next?.id, "god");
  assert(whole?.next?.why.startsWith("least important, if under 0.49 GB is available"));
});

Deno.test("memory: before all are loaded, and of models of their own", async () => {
  const { samples } = await listen({
    turns: 1,
    model: (id) => `${id}.gguf`,
    engine: { milliseconds: { load: 3_000 } },
  });
  const [first] = samples;
  assertEquals(first?.jars.map(({ pools }) => pools[0]), [
    { id: "ram", reservedBytes: JAR_BYTES, residentBytes: 0 },
    { id: "ram", reservedBytes: 0, residentBytes: 0 },
    { id: "ram", reservedBytes: 0, residentBytes: 0 },
  ]);
  assertEquals([first?.shared, first?.next], [[], undefined]);
  assertEquals(samples.at(-1)?.shared, []);
});

Deno.test("memory: a dead jar has nothing, and what the others share stays theirs", async () => {
  const { samples, events } = await listen({
    turns: 8,
    engine: { milliseconds: { think: 1_000 } },
    available: (now) => (now > 4_000 && now < 5_500 ? 0.1 : 15) * GB,
  });
  assertEquals(named(events, "death").map(({ id }) => id).slice(0, 1), ["god"]);
  const dead = samples.find(({ jars, turn }) =>
    turn > 0 && jars.some(({ id, pools }) => id === "god" && pools[0]?.reservedBytes === 0)
  );
  assertEquals(dead?.shared[0]?.ids, ["subject", "observer"]);
  assertEquals(dead?.next?.id, "observer");
});

Deno.test("memory: whoever is nearest to its own limit is next, and says how near", async () => {
  const { samples } = await listen({
    turns: 2,
    ramLimitBytes: { subject: JAR_BYTES + 20 * MB },
    engine: { milliseconds: { think: 1_000 } },
  });
  assertEquals(samples.at(-1)?.next, {
    id: "subject",
    why: "nearest to its own RAM limit: 0.49 GB of its 0.51 GB",
  });
});

Deno.test("memory: a device has its own figures, and whoever is on it is next where it is short", async () => {
  const card = {
    id: "cuda:0",
    bytes: 4 * GB,
    sharedBytes: 3 * GB,
    processBytes: 0,
    thinkingBytes: 0,
  };
  const { samples } = await listen({
    turns: 2,
    onDevices: [card],
    engine: { milliseconds: { think: 1_000 } },
    devices: (_, { models, minds }) => [{
      id: "cuda:0",
      kind: "device",
      name: "A card",
      totalBytes: 8 * GB,
      availableBytes: 7 * GB - models * 3 * GB - minds * GB,
      reservedBytes: 0,
      sources: [],
      holders: [{ processId: 1, bytes: models * 3 * GB + minds * GB, isOwn: true }],
    }],
  });
  const whole = samples.at(-1);
  assertEquals(whole?.pools[1], {
    id: "cuda:0",
    kind: "device",
    totalBytes: 8 * GB,
    freeBytes: GB,
    reservedBytes: 6 * GB,
    leastBytes: 64 * MB,
  });
  assertEquals(
    whole?.jars.map(({ pools }) => pools[1]),
    [1, 2, 3].map(() => ({
      id: "cuda:0",
      reservedBytes: 4 * GB,
      residentBytes: 4 * GB,
    })),
  );
  assertEquals(whole?.next?.id, "god");
  assert(whole?.next?.why.startsWith("least important on cuda:0, if under 64.00 MB is left"));
});

Deno.test("memory: samples are made of what is read without them", async () => {
  const reads = { own: 0, machine: 0 };
  const options: StageOptions = {
    turns: 5,
    engine: { milliseconds: { think: 1_000 } },
    memory: (_, memory) => (reads.machine++, memory),
    ownAnonymous: (_, held) => (reads.own++, held),
  };
  await play(options);
  const without = { ...reads };
  Object.assign(reads, { own: 0, machine: 0 });
  await listen(options);
  assertEquals(reads, without);
});

Deno.test("memory: a transcript has a look at most every five seconds, before it and after", async () => {
  const { lines, clock } = await play({
    turns: 10,
    engine: { milliseconds: { think: 1_700 } },
  });
  const looks = lines.filter(({ event }) => event === "memory").length;
  const most = Math.floor(clock.now() / 5_000) + 1;
  assert(looks <= most && looks >= most - 2, `${looks} in ${clock.now()} ms`);
});
