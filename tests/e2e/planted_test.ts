import { assert, assertEquals, assertMatch } from "@std/assert";
import { command, OTHER, type Outcome, OWN_PLACE, Scene, VICTIM } from "./planted.ts";
import { mayUnshare, treesOf } from "./portable.ts";

// What others put where the portable file unpacks itself is never run: it works without it, or it
// refuses in one sentence. Needs root, which makes files of several users; skipped elsewhere.

const ignore = Deno.build.os !== "linux" || Deno.uid() !== 0;

function test(name: string, run: (scene: Scene) => Promise<void>, skipped = false): void {
  Deno.test({
    name: `planted: ${name}`,
    ignore: ignore || skipped,
    sanitizeResources: false,
    fn: async () => {
      await using scene = await Scene.set();
      await run(scene);
    },
  });
}

function assertWorks({ code, stdout, stderr, planted }: Outcome): void {
  assertEquals({ code, planted }, { code: 0, planted: false }, stderr);
  assertMatch(stdout, /^brainjar \d/);
}

/** @param named What the sentence says. */
function assertRefused({ code, stdout, stderr, planted }: Outcome, named: RegExp): void {
  assertEquals({ code, planted, stdout }, { code: 3, planted: false, stdout: "" }, stderr);
  const [sentence = "", hint = "", ...more] = stderr.split("\n");
  assertMatch(sentence, /^error: [A-Z].*[^.]$/);
  assertMatch(sentence, named);
  assertMatch(hint, /^hint: [A-Z].*[^.]$/);
  assertEquals(more, [""], stderr);
}

test("the planted program would be run if it were this user's own", async (scene) => {
  const cache = await scene.makeFolder(`${scene.folder}/cache`, VICTIM);
  await scene.plant(cache, VICTIM);
  assert((await scene.start(VICTIM, { cache })).planted);
});

test("a home of everybody's with a cache of another user's: it unpacks elsewhere", async (scene) => {
  await scene.makeFolder(`${scene.shared}/.cache`, OTHER);
  const cache = await scene.makeFolder(`${scene.shared}/.cache/brainjar`, OTHER);
  await scene.plant(cache, OTHER);
  const env = { HOME: scene.shared };
  const first = await scene.start(VICTIM, { env });
  assertWorks(first);
  assertMatch(first.stderr, /^warning: The folder '.*\/\.cache' isn't this user's own: .*\n$/);
  const second = await scene.start(VICTIM, { env });
  assertWorks(second);
  assertEquals(second.stderr, "");
  assertEquals(treesOf(OWN_PLACE).length, 1);
});

test("a home of everybody's without a cache: it is made, and taken again", async (scene) => {
  const env = { HOME: scene.shared };
  for (const _ of [1, 2]) assertWorks(await scene.start(VICTIM, { env }));
  assertEquals(treesOf(`${scene.shared}/.cache/brainjar`).length, 1);
});

test("a cache whose folder above is another user's is refused", async (scene) => {
  const above = await scene.makeFolder(`${scene.folder}/above`, OTHER);
  const cache = await scene.makeFolder(`${above}/cache`, VICTIM);
  await scene.plant(cache, VICTIM);
  assertRefused(await scene.start(VICTIM, { cache }), /'.*\/above' isn't this user's own/);
});

for (const [what, mode] of [["everybody", 0o777], ["a group", 0o775]] as const) {
  test(`a cache that ${what} may write is refused`, async (scene) => {
    const cache = await scene.makeFolder(`${scene.folder}/cache`, VICTIM, mode);
    await scene.plant(cache, VICTIM);
    assertRefused(await scene.start(VICTIM, { cache }), /'.*\/cache' can be written by others/);
  });
}

test("in a cache like /tmp only what is one's own counts", async (scene) => {
  const cache = scene.shared;
  await scene.plant(cache, OTHER);
  assertRefused(await scene.start(VICTIM, { cache }), /'.*' isn't this user's own/);
  const name = `${cache}/${scene.id}`;
  await Deno.remove(name);
  await command("setpriv", `--reuid=${OTHER}`, "--clear-groups", "mkfifo", "-m", "666", name);
  assertRefused(await scene.start(VICTIM, { cache }), /'.*' isn't this user's own/);
  await Deno.remove(name);
  for (const _ of [1, 2]) assertWorks(await scene.start(VICTIM, { cache }));
});

test("a cache in a folder from which everybody may take it away is refused", async (scene) => {
  const above = await scene.makeFolder(`${scene.folder}/above`, VICTIM, 0o777);
  const cache = await scene.makeFolder(`${above}/cache`, VICTIM);
  await scene.plant(cache, VICTIM);
  assertRefused(await scene.start(VICTIM, { cache }), /'.*\/above' can be written by others/);
});

test("links of another user's on the way are refused, also to what is one's own", async (scene) => {
  const own = await scene.makeFolder(`${scene.folder}/own`, VICTIM);
  await scene.plant(own, VICTIM);
  const cache = `${scene.shared}/link`;
  await command("setpriv", `--reuid=${OTHER}`, "--clear-groups", "ln", "-s", own, cache);
  assertRefused(await scene.start(VICTIM, { cache }), /'.*\/link' isn't this user's own/);
  // One's own link to theirs.
  const home = await scene.makeFolder(`${scene.folder}/home`, VICTIM);
  await command(
    "setpriv",
    `--reuid=${VICTIM}`,
    "--clear-groups",
    "ln",
    "-s",
    cache,
    `${home}/link`,
  );
  assertRefused(
    await scene.start(VICTIM, { cache: `${home}/link` }),
    /'.*\/shared\/link' isn't this user's own/,
  );
});

test("links of one's own are followed, with .. in them too", async (scene) => {
  const home = await scene.makeFolder(`${scene.folder}/home`, VICTIM);
  await scene.makeFolder(`${scene.folder}/data`, VICTIM);
  await Deno.symlink("../data", `${home}/.cache`);
  await command("chown", "-h", `${VICTIM}`, `${home}/.cache`);
  for (const _ of [1, 2]) assertWorks(await scene.start(VICTIM, { env: { HOME: `${home}/` } }));
  assertEquals(treesOf(`${scene.folder}/data/brainjar`).length, 1);
});

test("root runs nothing from a user's home", async (scene) => {
  const home = await scene.makeFolder(`${scene.folder}/home`, VICTIM);
  await scene.makeFolder(`${home}/.cache`, VICTIM);
  const cache = await scene.makeFolder(`${home}/.cache/brainjar`, VICTIM);
  await scene.plant(cache, VICTIM);
  assertRefused(await scene.start(0, { cache }), /'.*\/home' isn't this user's own/);
  await command("chown", "-R", "0", home);
  await command("chown", `${OTHER}`, `${cache}/${scene.id}.1/program/brainjar`);
  assertWorks(await scene.start(0, { cache }));
});

test("root with a user's HOME, as sudo leaves it, unpacks to root's own", async (scene) => {
  const home = await scene.makeFolder(`${scene.folder}/home`, VICTIM);
  await scene.makeFolder(`${home}/.cache`, VICTIM);
  await scene.plant(await scene.makeFolder(`${home}/.cache/brainjar`, VICTIM), VICTIM);
  const script =
    'mount --make-rprivate /; mount -t tmpfs none ~root; "$@"; ls ~root/.cache/brainjar';
  const outcome = await scene.start(0, {
    env: { HOME: home },
    wrapper: ["unshare", "-m", "sh", "-euc", script, "sh"],
  });
  assertWorks(outcome);
  assert(outcome.stdout.includes(`\n${scene.id}\n`), outcome.stdout);
}, !ignore && !mayUnshare());

/** What another user left in a cache while everybody could write it. */
const LEFT: Readonly<Record<string, (scene: Scene, cache: string) => Promise<void>>> = {
  "a tree and its name": async (scene, cache) => {
    await scene.plant(cache, OTHER);
  },
  "a program": async (scene, cache) => {
    const tree = await scene.plant(cache, VICTIM);
    await Deno.chown(`${tree}/program/brainjar`, OTHER, OTHER);
  },
  "the right to write a program": async (scene, cache) => {
    const tree = await scene.plant(cache, VICTIM);
    await Deno.chmod(`${tree}/program/brainjar`, 0o777);
  },
  "compiled code": async (scene, cache) => {
    const tree = await scene.plant(cache, VICTIM);
    await Deno.chown(`${tree}/deno/quick/v8_code_cache_v2`, OTHER, OTHER);
  },
  "a folder for compiled code": async (scene, cache) => {
    const tree = await scene.plant(cache, VICTIM);
    await Deno.chmod(`${tree}/deno/quick`, 0o777);
  },
  "links": async (scene, cache) => {
    const theirs = await scene.makeFolder(`${scene.folder}/theirs`, OTHER);
    const tree = await scene.plant(theirs, OTHER);
    await Deno.symlink(`${theirs}/${scene.id}`, `${cache}/${scene.id}`);
    await Deno.symlink(tree, `${cache}/${scene.id}.1`);
    await command("chown", "-h", `${OTHER}`, `${cache}/${scene.id}`, `${cache}/${scene.id}.1`);
  },
  "a link for a program": async (scene, cache) => {
    const theirs = await scene.makeFolder(`${scene.folder}/theirs`, OTHER);
    const program = `${await scene.plant(theirs, OTHER)}/program/brainjar`;
    const planted = `${await scene.plant(cache, VICTIM)}/program/brainjar`;
    await Deno.remove(planted);
    await Deno.symlink(program, planted);
    await command("chown", "-h", `${OTHER}`, planted);
  },
  "a pipe for the name": async (scene, cache) => {
    await scene.plant(cache, OTHER);
    await Deno.remove(`${cache}/${scene.id}`);
    await command("mkfifo", "-m", "666", `${cache}/${scene.id}`);
  },
  "a pipe for the seal": async (scene, cache) => {
    const tree = await scene.plant(cache, VICTIM);
    await Deno.remove(`${tree}/seal`);
    await command("mkfifo", "-m", "666", `${tree}/seal`);
  },
  "pipes in an older tree": async (scene, cache) => {
    const tree = `${cache}/0.0.1-00000000000000aa.1`;
    await Deno.mkdir(tree);
    await command("mkfifo", "-m", "666", `${tree}/unpacking`);
    await command("mkfifo", "-m", "666", `${cache}/0.0.1-00000000000000aa`);
    await command("chown", "-R", `${OTHER}`, tree, `${cache}/0.0.1-00000000000000aa`);
    const own = `${cache}/0.0.1-00000000000000bb.1`;
    await scene.makeFolder(own, VICTIM);
    await Deno.writeTextFile(`${own}/seal`, "x\n");
    await command("mkfifo", "-m", "666", `${own}/in-use`);
    await command("touch", "-d", "2020-01-01", `${own}/in-use`);
  },
};

for (const [what, leave] of Object.entries(LEFT)) {
  test(`${what}, left in a cache that is one's own by now: it unpacks anew`, async (scene) => {
    const cache = await scene.makeFolder(`${scene.folder}/cache`, VICTIM);
    await leave(scene, cache);
    for (const _ of [1, 2]) assertWorks(await scene.start(VICTIM, { cache }));
    const name = (await Deno.readTextFile(`${cache}/${scene.id}`)).trim();
    assertEquals((await Deno.lstat(`${cache}/${name}`)).uid, VICTIM);
  });
}

test("a first start without a mask leaves nothing that others may write", async (scene) => {
  const cache = await scene.makeFolder(`${scene.folder}/cache`, VICTIM);
  // Without a home the engine doesn't start.
  const env = { HOME: cache };
  const wrapper = ["sh", "-c", 'umask 000; exec "$@"', "sh"];
  for (const args of [["--version"], ["run", "--mode", "single", "--turns", "1"], ["--version"]]) {
    const { code, stderr } = await scene.start(VICTIM, { cache, env, wrapper }, ...args);
    assertEquals(code, 0, stderr);
  }
  assertEquals(treesOf(cache).length, 1);
  assertEquals(await command("find", cache, "-perm", "/022", "!", "-type", "l"), "");
});

test("packages and settings in a folder above that everybody may write aren't found", async (scene) => {
  const cache = await scene.makeFolder(`${scene.shared}/cache`, VICTIM);
  for (const name of ["supports-color", "node-llama-cpp", "systeminformation"]) {
    const folder = `${scene.shared}/node_modules/${name}`;
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(`${folder}/index.js`, scene.module);
  }
  await Deno.writeTextFile(`${scene.shared}/planted.cjs`, scene.module);
  await Deno.writeTextFile(
    `${scene.shared}/package.json`,
    '{"name":"node-llama-cpp","exports":"./planted.cjs"}',
  );
  await Deno.writeTextFile(
    `${scene.shared}/deno.json`,
    `{"workspace":["./cache/${scene.id}.1/program"],"imports":{"node-llama-cpp":"./planted.cjs"}}`,
  );
  const args = ["run", "--mode", "single", "--turns", "1", "--max-tokens", "4"];
  for (const _ of [1, 2]) {
    const { code, stderr, planted } = await scene.start(
      VICTIM,
      { cache, env: { HOME: cache } },
      ...args,
    );
    assertEquals({ code, planted }, { code: 0, planted: false }, stderr);
  }
});

/** What a start says that met a swap. */
const CHANGED = /others could|can't/;

test("two starts at once while another user swaps what lies on the way", async (scene) => {
  const theirs = await scene.makeFolder(`${scene.shared}/theirs`, OTHER);
  await scene.makeFolder(`${theirs}/brainjar`, OTHER);
  await scene.plant(`${theirs}/brainjar`, OTHER);
  const swap = `while :; do
    mv '${theirs}' '${scene.shared}/.cache' 2>/dev/null
    mv '${scene.shared}/.cache' '${theirs}' 2>/dev/null
    ln -s '${theirs}' '${scene.shared}/.cache' 2>/dev/null
    rm -f '${scene.shared}/.cache' 2>/dev/null
  done`;
  const swapper = new Deno.Command("setpriv", {
    args: [`--reuid=${OTHER}`, "--clear-groups", "sh", "-c", swap],
  }).spawn();
  try {
    for (const _ of [1, 2, 3]) {
      const outcomes = await Promise.all(
        [1, 2].map(() => scene.start(VICTIM, { env: { HOME: scene.shared } })),
      );
      for (const { code, stdout, stderr, planted } of outcomes) {
        assertEquals(planted, false);
        if (code === 0) assertMatch(stdout, /^brainjar \d/);
        else assertRefused({ code, stdout, stderr, planted, milliseconds: 0 }, CHANGED);
      }
    }
  } finally {
    swapper.kill("SIGKILL");
    await swapper.status;
  }
});
