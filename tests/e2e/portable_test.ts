import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { ASSET_PATHS } from "../../src/page/assets.ts";
import {
  mayUnshare,
  portable,
  portableCommand,
  type PortableOptions,
  runPortable,
  sandbox,
  treesOf,
} from "./portable.ts";
import { brainjarCommand, DEMO_BRAIN, type Finished } from "./program.ts";

// One file, moved to an empty folder, in an empty environment. Where this process may (CI's
// containers, root), also without a network and with nothing to write but its cache.

const ignore = Deno.build.os !== "linux";
const canUnshare = !ignore && mayUnshare();

function test(name: string, run: (context: Deno.TestContext) => Promise<void>): void {
  // The file that is built for the first test stays for the others.
  Deno.test({ name: `portable: ${name}`, ignore, fn: run, sanitizeResources: false });
}

/** Runs it in the strictest surroundings that can be made here. */
async function run(...args: string[]): Promise<Finished> {
  const { file, cache } = await portable();
  return await runPortable(file, args, {
    cache,
    ...(canUnshare ? { wrapper: sandbox(cache) } : {}),
  });
}

/** A cache folder of a test's own. */
async function ownCache(name: string): Promise<string> {
  const { folder } = await portable();
  const cache = `${folder}/${name}`;
  await Deno.mkdir(cache);
  return cache;
}

test("it is one file under 75 MB, and answers with its version", async () => {
  const { file } = await portable();
  const { size } = await Deno.stat(file);
  assert(size < 75e6, `${size} bytes`);
  const { code, stdout, stderr } = await run("--version");
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertMatch(stdout, /^brainjar \d+\.\d+\.\d+\n$/);
});

test("check says what fits by its exit code", async () => {
  const fits = await run("check", "--mode", "matrix", ...DEMO_BRAIN);
  assertEquals(fits.code, 0, fits.stderr);
  assert(fits.stdout.includes("VALIDATION PASSED"));
  const doesNot = await run("check", "--mode", "matrix", ...DEMO_BRAIN, "--ram-limit-god", "90000");
  assertEquals(doesNot.code, 1, doesNot.stderr);
  assert(doesNot.stdout.includes("VALIDATION FAILED"));
  // Quotes, blanks and stars arrive as they were given.
  const strange = await run("check", "--model", "a  b'\"$HOME*\\.gguf");
  assertEquals(strange.code, 2);
  assert(strange.stderr.includes("a  b'\"$HOME*\\.gguf"), strange.stderr);
});

test("estimate --json is one object", async () => {
  const { code, stdout } = await run("estimate", "--json");
  assertEquals(code, 0);
  assertEquals(JSON.parse(stdout).schema, "brainjar.estimate/1");
});

test("a matrix of three jars thinks, with the engine that came along", async () => {
  const { code, stdout, stderr } = await run(
    ...["run", "--mode", "matrix", "--turns", "1", "--max-tokens", "8", "--json"],
  );
  assertEquals(code, 0, stderr);
  const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(events.filter((line) => line.event === "thought").length, 3);
  assertEquals(events.at(-1)?.reservedBytes, 0);
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  test(`${signal} reaches the program: it gives everything back and ends with ${code}`, async () => {
    const { file, cache } = await portable();
    const child = portableCommand(
      file,
      ["run", "--mode", "single", "--json", "--context-size", "256"],
      { cache },
    ).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    let asked = false;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      text += value;
      // To the process that was started: nothing stands between it and the program.
      if (!asked && text.includes('"event":"thought"')) child.kill(signal);
      asked ||= text.includes('"event":"thought"');
    }
    await child.stderr.cancel();
    assertEquals((await child.status).code, code);
    assertEquals(JSON.parse(text.trim().split("\n").at(-1) ?? "").reservedBytes, 0);
  });
}

test("the page comes along, with every file that it names", async () => {
  const { file, cache } = await portable();
  const child = portableCommand(file, ["run", "--web", "--plain", ...DEMO_BRAIN], { cache })
    .spawn();
  const { readable, writable } = new TextDecoderStream();
  child.stderr.pipeTo(writable).catch(() => {});
  child.stdout.pipeTo(new WritableStream()).catch(() => {});
  const reader = readable.getReader();
  let said = "";
  while (!/http:\S+#\S+\n/.test(said)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`It ended: ${said}`);
    said += value;
  }
  const { origin } = new URL(/http:\S+/.exec(said)?.[0] ?? "");
  for (const path of ASSET_PATHS) {
    const response = await fetch(origin + path);
    await response.body?.cancel();
    assertEquals(response.status, 200, path);
  }
  await reader.cancel();
  child.kill("SIGINT");
  assertEquals((await child.status).code, 130);
});

test("starts at once unpack once, and leave nothing half unpacked", async () => {
  const { file } = await portable();
  const cache = await ownCache("at-once");
  const runs = await Promise.all([1, 2, 3].map(() => runPortable(file, ["--version"], { cache })));
  assertEquals(runs.map(({ code, stderr }) => ({ code, stderr })), [
    ...[1, 2, 3].map(() => ({ code: 0, stderr: "" })),
  ]);
  for (const tree of treesOf(cache)) {
    const names = [...Deno.readDirSync(tree)].map((entry) => entry.name);
    assert(names.includes("seal") && !names.includes("unpacking"), names.join());
  }
});

test("what was changed, cut short or taken out is unpacked anew", async () => {
  const { file, cache: untouched } = await portable();
  const cache = `${untouched}-tampered`;
  // With its times, which tell what was changed: as a backup of a home folder has them.
  await new Deno.Command("cp", { args: ["-a", untouched, cache] }).output();
  const start = async (...args: string[]) => {
    const { code, stdout, stderr } = await runPortable(file, args, { cache });
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /brainjar |Run ended as asked/);
    const trees = treesOf(cache);
    const found = trees.find((tree) =>
      Deno.readTextFileSync(pointer(cache)).trim() === tree.slice(cache.length + 1)
    );
    assert(found !== undefined, trees.join());
    return found;
  };
  const first = await start("--version");
  assertEquals(await start("--version"), first, "An untouched tree stays");
  const changed = `${first}/program/app/js/start.js`;
  await Deno.writeTextFile(changed, "console.log('mine')");
  const second = await start("--version");
  assert(second !== first);
  await Deno.remove(`${second}/program/node_modules/node-llama-cpp`);
  // Only a start that needs the engine looks for its files.
  assert(await start("run", "--mode", "single", "--turns", "1", "--max-tokens", "4") !== second);
});

/** The file that names a cache's tree. */
function pointer(cache: string): string {
  const name = [...Deno.readDirSync(cache)].find((entry) => entry.isFile)?.name;
  return `${cache}/${name ?? "The cache names no tree"}`;
}

test("what a check's code compiles to is kept from the first start on", async () => {
  const { file } = await portable();
  const cache = await ownCache("compiled");
  await runPortable(file, ["--version"], { cache });
  using compiled = new DatabaseSync(`${treesOf(cache)[0]}/deno/quick/v8_code_cache_v2`);
  const kept = compiled.prepare(
    "SELECT length(data) AS bytes FROM codecache WHERE specifier LIKE ?",
  )
    .all("%/app/js/chunk-%");
  assert(kept.some(({ bytes }) => Number(bytes) > 100_000), JSON.stringify(kept));
});

test("an unpacking that was killed is cleaned up by the next", async () => {
  const { file } = await portable();
  const cache = await ownCache("killed");
  const child = portableCommand(file, ["--version"], { cache }).spawn();
  // Killed while the archive is read: then there is a folder of the program and no seal.
  for (;;) {
    const [tree] = treesOf(cache);
    if (tree !== undefined && [...Deno.readDirSync(tree)].some((entry) => entry.isDirectory)) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  child.kill("SIGKILL");
  await child.output();
  // What the shell had started ends by itself.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assertEquals(treesOf(cache).length, 1);
  assertEquals((await runPortable(file, ["--version"], { cache })).code, 0);
  const trees = treesOf(cache);
  assertEquals(trees.length, 1, trees.join());
  await Deno.stat(`${trees[0]}/seal`);
});

test("Ctrl-C while it unpacks leaves nothing", async () => {
  const { file } = await portable();
  const cache = await ownCache("interrupted");
  const child = portableCommand(file, ["--version"], { cache, wrapper: ["setsid"] }).spawn();
  while (treesOf(cache).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  // As a terminal does: to the whole group.
  Deno.kill(-child.pid, "SIGINT");
  assertEquals((await child.output()).code, 130);
  assertEquals([...Deno.readDirSync(cache)], []);
});

test("older versions are cleaned up, but not while they are used", async () => {
  const { file } = await portable();
  const cache = await ownCache("older");
  const old = (name: string, usedAt: Date) => {
    const tree = `${cache}/0.0.1-${name}.1`;
    Deno.mkdirSync(`${tree}/program`, { recursive: true });
    Deno.writeTextFileSync(`${tree}/seal`, "x\n");
    Deno.writeTextFileSync(`${tree}/in-use`, "\n");
    Deno.utimeSync(`${tree}/in-use`, usedAt, usedAt);
    Deno.writeTextFileSync(`${cache}/0.0.1-${name}`, `0.0.1-${name}.1\n`);
    return tree;
  };
  const longAgo = new Date(Date.now() - 60_000);
  const unused = old("00000000000000aa", longAgo);
  const held = old("00000000000000bb", longAgo);
  const starting = old("00000000000000cc", new Date());
  await Deno.writeTextFile(`${cache}/something-else`, "not ours");
  using lock = await Deno.open(`${held}/in-use`);
  await lock.lock(false);
  assertEquals((await runPortable(file, ["--version"], { cache })).code, 0);
  const names = [...Deno.readDirSync(cache)].map((entry) => entry.name).filter((name) =>
    !name.startsWith("0.1.0-")
  ).sort();
  const base = (tree: string) => tree.slice(cache.length + 1);
  assert(!names.includes(base(unused)) && !names.includes("0.0.1-00000000000000aa"));
  assertEquals(names, [
    "0.0.1-00000000000000bb",
    base(held),
    "0.0.1-00000000000000cc",
    base(starting),
    "something-else",
  ]);
});

/** Runs it where it can't unpack; answers with its error, which is told in JSON too. */
async function refusal(options: PortableOptions, file?: string): Promise<string> {
  const told = await runPortable(file ?? (await portable()).file, ["check", "--json"], options);
  assertEquals(told.code, 3, told.stdout + told.stderr);
  const [sentence = "", hint = "", ...more] = told.stderr.split("\n");
  assertMatch(sentence, /^error: [A-Z].*[^.]$/);
  assertMatch(hint, /^hint: [A-Z].*[^.]$/);
  assertEquals(more, [""], told.stderr);
  const { error } = JSON.parse(told.stdout);
  assertEquals([error.code, `error: ${error.message}`], ["unpack-failed", sentence]);
  return sentence;
}

test("a folder that can't be made or written is named", async () => {
  const cache = await ownCache("file");
  await Deno.writeTextFile(`${cache}/a \\ "file"`, "");
  assertMatch(
    await refusal({ cache: `${cache}/a \\ "file"/inside` }),
    /file"\/inside' can't be made/,
  );
  assertMatch(await refusal({ cache: "/proc" }), /'\/proc' can't be written/);
  const hostile = `${cache}/a \\ "file"/\n::add-mask::\u001b[2J\u0085\u202e##[x]`;
  assertMatch(
    await refusal({ cache: hostile }),
    /file"\/\?::add-mask::\?\[2J\?\?#\?\[x\]' can't be made/,
  );
});

test("a file that was damaged on its way is named", async () => {
  const { file } = await portable();
  const cache = await ownCache("damaged");
  const copy = `${cache}/brainjar`;
  await Deno.copyFile(file, copy);
  const { size } = await Deno.stat(copy);
  await Deno.truncate(copy, size - 1000);
  assertMatch(await refusal({ cache: `${cache}/home` }, copy), /is damaged/);
  assertEquals(treesOf(`${cache}/home`), []);
});

test("an unpacking that fails leaves nothing", async () => {
  const cache = await ownCache("limited");
  const wrapper = ["sh", "-c", 'ulimit -f 20000; trap "" XFSZ; exec "$@"', "sh"];
  assertMatch(await refusal({ cache, wrapper }), /^error: Unpacking to '.*' failed: /);
  assertEquals([...Deno.readDirSync(cache)], []);
});

Deno.test({
  name: "portable: a disk without room is told before anything is unpacked",
  ignore: !canUnshare,
  sanitizeResources: false,
  fn: async () => {
    const cache = await ownCache("full");
    const wrapper = [
      ...["unshare", "-m", "sh", "-euc"],
      `mount -t tmpfs -o size=20m none '${cache}'; "$@" || code=$?; [ -z "$(ls '${cache}')" ]; exit $code`,
      "sh",
    ];
    assertMatch(await refusal({ cache, wrapper }), /needs \d+ MB, and (19|20) MB are free/);
  },
});

Deno.test({
  name: "portable: what is unpacked also runs from a folder that can't be written",
  ignore: !canUnshare,
  sanitizeResources: false,
  fn: async () => {
    const { file, cache } = await portable();
    const wrapper = sandbox(undefined);
    for (const args of [["--version"], ["run", "--mode", "single", "--turns", "1"]]) {
      const env = { TMPDIR: `/tmp/brainjar-${Deno.uid()}` };
      const { code, stderr } = await runPortable(file, args, { cache, env, wrapper });
      assertEquals(code, 0, stderr);
    }
  },
});

Deno.test({
  name: "portable: a user without a home folder has one in /tmp that others can't prepare",
  ignore: ignore || Deno.uid() !== 0,
  sanitizeResources: false,
  fn: async () => {
    const { file, folder } = await portable();
    const user = 64_123;
    const place = `/tmp/brainjar-cache-${user}`;
    const wrapper = ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"];
    try {
      await Deno.mkdir(place);
      assertMatch(await refusal({ wrapper }), /isn't this user's own/);
      await Deno.remove(place);
      await Deno.symlink(folder, place);
      assertMatch(await refusal({ wrapper }), /isn't this user's own/);
      await Deno.remove(place);
      const { code, stderr } = await runPortable(file, ["memory"], { wrapper });
      assertEquals(code, 0, stderr);
      assertEquals(((await Deno.stat(place)).mode ?? 0) & 0o777, 0o700);
    } finally {
      await Deno.remove(place, { recursive: true });
    }
  },
});

test("any shell runs it", async () => {
  const { file, cache } = await portable();
  for (const shell of [["sh"], ["bash"], ["dash"], ["busybox", "sh"]]) {
    if (!await has(shell[0] ?? "")) continue;
    const { code, stdout, stderr } = await new Deno.Command("env", {
      args: ["-i", `BRAINJAR_HOME=${cache}`, ...shell, file, "--version"],
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    assertMatch(new TextDecoder().decode(stdout), /^brainjar /);
  }
});

async function has(command: string): Promise<boolean> {
  const { success } = await new Deno.Command("sh", {
    args: ["-c", `command -v ${command} >/dev/null`],
  }).output();
  return success;
}

test("a second start takes at most 1.5 times of deno run", async () => {
  const { file, cache } = await portable();
  const args = ["check", "--mode", "matrix", ...DEMO_BRAIN];
  const times = { portable: Infinity, sources: Infinity };
  // The fastest of several, in turns: other work on the machine only ever adds.
  for (let round = 0; round < 7; round++) {
    const { milliseconds } = await runPortable(file, args, { cache });
    times.portable = Math.min(times.portable, milliseconds);
    const start = performance.now();
    await brainjarCommand(args).output();
    times.sources = Math.min(times.sources, performance.now() - start);
  }
  assert(times.portable < 1.5 * times.sources, JSON.stringify(times));
});
