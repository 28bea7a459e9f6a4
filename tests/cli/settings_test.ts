import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { DEFAULT_POLICY } from "../../src/budget/policy.ts";
import { RUNNERS } from "../../src/cli/settings/runners.ts";
import type { Settings } from "../../src/plan/settings.ts";
import { readSettings } from "../../src/cli/settings/settings.ts";
import { NAMED_CPUS } from "../../src/machine/named_cpu.ts";
import { temporaryFolder, valuesOf, writeFiles } from "./jar_files.ts";

const GB = 1024 ** 3;
const folder = temporaryFolder();
const jars = writeFiles(folder, {
  "jars.jsonc": `{
    "defaults": { "model": "m.gguf", "contextSize": 1000 },
    "jars": [
      { "name": "ada", "ramLimit": 2, "kvCacheType": "q8_0", "mmap": false, "prompt": "Count." },
      { "name": "bob", "model": "other.gguf", "batchSize": 32 },
      { "name": "zeus", "role": "god", "contextSize": 500 },
    ],
    "policy": { "safetyMargin": 30, "shareWeights": false, "loadHeadroom": "1GB" },
  }`,
  "m.gguf": "",
  "other.gguf": "",
});

async function settingsOf(
  flags: readonly string[],
  environmentModel?: string,
): Promise<{ settings: Settings; said: string }> {
  let said = "";
  const settings = await readSettings(valuesOf("check", flags), {
    environmentModel,
    say: (text) => said += text,
  });
  return { settings, said };
}

async function failureOf(flags: readonly string[]): Promise<BrainjarError> {
  return await assertRejects(() => settingsOf(flags), BrainjarError);
}

/** A jar's value by jar. */
function each<Value>(settings: Settings, value: (jar: Settings["jars"][number]) => Value) {
  return Object.fromEntries(settings.jars.map((jar) => [jar.id, value(jar)]));
}

Deno.test("settings: a jar file says it, where no flag does", async () => {
  const { settings } = await settingsOf(["--jars", jars], "/env.gguf");
  assertEquals([settings.mode, settings.jarFile], ["jars", jars]);
  assertEquals(each(settings, (jar) => jar.model?.replace(folder, "")), {
    ada: "/m.gguf",
    bob: "/other.gguf",
    zeus: "/m.gguf",
  });
  assertEquals(each(settings, (jar) => jar.context), {
    ada: context({ contextSize: 1000, kvCacheType: "Q8_0", mmap: false }),
    bob: context({ contextSize: 1000, batchSize: 32 }),
    zeus: context({ contextSize: 500 }),
  });
  assertEquals(each(settings, (jar) => jar.ramLimitBytes), {
    ada: 2 * GB,
    bob: undefined,
    zeus: undefined,
  });
  assertEquals(settings.jars[0]?.prompt, "Count.");
  assertEquals(settings.policy, {
    ...DEFAULT_POLICY,
    safetyMarginPercent: 30,
    shareWeights: false,
    loadHeadroomBytes: GB,
  });
});

function context(said: object) {
  return {
    batchSize: 512,
    sequences: 1,
    kvCacheType: "F16",
    flashAttention: "auto",
    mmap: true,
    gpuLayers: "auto",
    ...said,
  };
}

Deno.test("settings: flags override a jar file, a jar's own flag its role's", async () => {
  const { settings } = await settingsOf([
    ...["--jars", jars, "--model", "all.gguf", "--model-bob", "bob.gguf", "--context-size", "64"],
    ...["--kv-cache-type", "q4_0", "--ram-limit-subject", "3", "--ram-limit-bob", "4"],
    ...["--safety-margin", "10", "--load-headroom", "0", "--no-mmap", "--criterion", "floor"],
  ]);
  assertEquals(each(settings, (jar) => jar.model), {
    ada: "all.gguf",
    bob: "bob.gguf",
    zeus: "all.gguf",
  });
  assertEquals(each(settings, (jar) => jar.ramLimitBytes), {
    ada: 3 * GB,
    bob: 4 * GB,
    zeus: undefined,
  });
  const { contextSize, kvCacheType, mmap, batchSize } = settings.jars[1]?.context ?? {};
  assertEquals([contextSize, kvCacheType, mmap, batchSize], [64, "Q4_0", false, 32]);
  assertEquals(settings.policy, {
    ...DEFAULT_POLICY,
    safetyMarginPercent: 10,
    loadHeadroomBytes: 0,
    criterion: "floor",
    shareWeights: false,
  });
});

Deno.test("settings: without a jar file, a mode's jars and the environment's model", async () => {
  const { settings } = await settingsOf(["--mode", "peer", "--model-peer_b", "b.gguf"], "env.gguf");
  assertEquals(each(settings, (jar) => jar.model), { peer_a: "env.gguf", peer_b: "b.gguf" });
  assertEquals(settings.jarFile, undefined);
  assertEquals(settings.policy, DEFAULT_POLICY);
});

Deno.test("settings: which model is used is said only where nobody named it", async () => {
  const saidOf = async (flags: readonly string[], environmentModel?: string) =>
    (await settingsOf(flags, environmentModel)).said;
  assertMatch(await saidOf(["--mode", "matrix"]), /^Using the demo brain/);
  assertMatch(await saidOf(["--mode", "single"], "e.gguf"), /^Using \$BRAINJAR_MODEL: e.gguf\n$/);
  assertEquals(await saidOf(["--jars", jars], "e.gguf"), "");
  assertEquals(await saidOf(["--mode", "matrix", "--model", "m.gguf"]), "");
  assertMatch(await saidOf(["--mode", "matrix", "--model-god", "m.gguf"]), /demo brain/);
});

Deno.test("settings: what excludes each other, and what isn't there", async () => {
  const table: readonly (readonly [readonly string[], string, RegExp])[] = [
    [["--jars", jars, "--mode", "matrix"], "conflicting-flags", /"--mode" and "--jars"/],
    [["--runner", "github-macos", "--total-memory", "8"], "conflicting-flags", /"--total-memory"/],
    [["--runner", "github-macos", "--available-memory", "8"], "conflicting-flags", /available/],
    [["--runner", "github-macs"], "unknown-runner", /"github-macs"/],
    [["--runner", "constructor"], "unknown-runner", /"constructor"/],
    [["--jars", jars, "--ram-limit-observer", "1"], "unknown-jar", /jars.jsonc has no jar "obs/],
    [["--mode", "peer", "--ram-limit-god", "1"], "unknown-jar", /Mode "peer" has no jar "god"/],
    [["--jars", `${folder}/none.jsonc`], "jar-file-not-found", /none.jsonc/],
  ];
  for (const [flags, code, says] of table) {
    const failure = await failureOf(flags);
    assertEquals(failure.code, code);
    assertMatch(failure.message, says);
    assert(failure.hint);
  }
  assertMatch((await failureOf(["--runner", "github-macs"])).hint ?? "", /"github-macos"/);
});

Deno.test("settings: a model that the jar file names must be there, unless a flag names another", async () => {
  const file = writeFiles(`${folder}/gone`, {
    "jars.jsonc": '{ "jars": [{ "name": "a",\n  "model": "gone.gguf" }] }',
  });
  const failure = await failureOf(["--jars", file]);
  assertEquals(failure.code, "model-not-found");
  assertMatch(failure.message, /gone\.gguf \(named at .*jars\.jsonc:2:12\)$/);
  const { settings } = await settingsOf(["--jars", file, "--model-a", "here.gguf"]);
  assertEquals(settings.jars[0]?.model, "here.gguf");
});

Deno.test("runners: each is a machine with a source, a date and a processor that is known", () => {
  const names = Object.keys(RUNNERS);
  assert(names.length > 15);
  for (const [name, runner] of Object.entries(RUNNERS)) {
    const { documentedBytes, totalBytes, availableBytes, cpu, source, read } = runner;
    assert(totalBytes <= documentedBytes && totalBytes > 0.9 * documentedBytes, name);
    assert(availableBytes < totalBytes && availableBytes > 0.4 * totalBytes, name);
    assert(Number.isInteger(totalBytes) && Number.isInteger(availableBytes), name);
    assert(Object.hasOwn(NAMED_CPUS, cpu), `${name}: ${cpu}`);
    assertMatch(source, /^Git(Hub|Lab)/);
    assertMatch(read, /^20\d\d-(0\d|1[0-2])$/);
  }
});

Deno.test("runners: one with a GPU has less of it than is documented", async () => {
  const withDevices = Object.entries(RUNNERS).filter(([, { devices }]) => devices !== undefined);
  assertEquals(withDevices.map(([name]) => name), [
    "github-gpu-t4-4-core",
    "gitlab-saas-linux-medium-amd64-gpu-standard",
  ]);
  const { settings } = await settingsOf(["--runner", "github-gpu-t4-4-core"]);
  assertEquals(settings.machine?.devices?.map(({ device }) => device.id), ["cuda:0"]);
  for (const [name, { devices = [] }] of withDevices) {
    for (const { memory: { totalBytes, availableBytes, sources }, device } of devices) {
      assert(totalBytes < 16 * GB && totalBytes > 14 * GB && availableBytes === totalBytes, name);
      assertEquals(sources.map(({ bytes }) => bytes), [totalBytes, availableBytes]);
      assertEquals(device.computeCapability, 75);
    }
  }
});

Deno.test("runners: one gives the machine's sizes and its processor, unless --cpu does", async () => {
  const { settings } = await settingsOf(["--runner", "github-macos"]);
  const runner = RUNNERS["github-macos"];
  assertEquals(settings.cpu, "apple-m1");
  assertEquals(settings.machine?.totalBytes, runner?.totalBytes);
  assertEquals(settings.machine?.availableBytes, runner?.availableBytes);
  const other = await settingsOf(["--runner", "github-macos", "--cpu", "apple-m4"]);
  assertEquals(other.settings.cpu, "apple-m4");
});
