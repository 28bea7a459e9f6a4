import { assert, assertEquals, assertMatch } from "@std/assert";
import { checkForeignProgram } from "../../src/packaging/program/check_built.ts";
import { type Target, TARGETS } from "../../src/packaging/program/target.ts";
import { ROOT } from "./program.ts";

// What `deno task build` does where Deno's base program for compiled programs can't be had. Where
// it can, the build runs what it made.

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-build-test-" });
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface Built {
  readonly code: number;
  readonly stderr: string;
}

async function build(args: readonly string[], env: Record<string, string> = {}): Promise<Built> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-A", `${ROOT}src/packaging/build.ts`, ...args],
    env: { NO_COLOR: "1", ...env },
    stdout: "piped",
    stderr: "piped",
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

Deno.test("build: Deno itself as the base makes no brainjar, and what it makes isn't kept", async () => {
  await withFolder(async (folder) => {
    const { code, stderr } = await build([`--output=${folder}`], { DENORT_BIN: Deno.execPath() });
    assertEquals(code, 3, stderr);
    assertMatch(
      stderr,
      /^error: What was built isn't brainjar and was removed: --version answered "deno [^"]*" instead of "brainjar [^"]*"\n$/,
    );
    assertEquals([...Deno.readDirSync(folder)], []);
  });
});

Deno.test("build: a base that can't be had is told in one sentence, with what to set", async () => {
  await withFolder(async (folder) => {
    const missing = await build(["--output", folder], { DENORT_BIN: `${folder}/none` });
    assertEquals(missing, {
      code: 3,
      stderr: `error: The base program that DENORT_BIN names can't be used: ${folder}/none\n`,
    });
    assertEquals([...Deno.readDirSync(folder)], []);
  });
});

Deno.test("build: a base that can't be fetched is told in one sentence, with what to set", async () => {
  await withFolder(async (folder) => {
    const script = `${folder}/compile.ts`;
    const module = new URL("../../src/packaging/program/compile.ts", import.meta.url).href;
    const errors = new URL("../../src/packaging/program/build_error.ts", import.meta.url).href;
    const target: Target = { name: "x86_64-pc-windows-msvc", os: "win32", processor: "x64" };
    await Deno.writeTextFile(
      script,
      `import { compileProgram } from "${module}"; import { orExit } from "${errors}";
       await orExit(() => compileProgram("${folder}/stage", "app/js/main.js",
         ${JSON.stringify(target)}, "${folder}/brainjar"));`,
    );
    await Deno.mkdir(`${folder}/stage/app/js`, { recursive: true });
    await Deno.mkdir(`${folder}/stage/fixtures`);
    await Deno.mkdir(`${folder}/stage/node_modules`);
    await Deno.writeTextFile(`${folder}/stage/app/js/main.js`, "");
    // A cache that holds no base program, and no way to fetch one.
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "-A", "--no-config", script],
      clearEnv: true,
      env: { NO_COLOR: "1", DENO_DIR: `${folder}/deno`, HTTPS_PROXY: "http://127.0.0.1:9" },
      stdout: "piped",
      stderr: "piped",
    }).output();
    assertEquals(
      new TextDecoder().decode(stderr),
      `error: The base program of ${target.name} can't be fetched from Deno's site; ` +
        `set DENORT_BIN to a denort of Deno ${Deno.version.deno} for it\n`,
    );
    assertEquals(code, 3);
    assertEquals(
      [...Deno.readDirSync(folder)].some(({ name }) => name.startsWith("brainjar")),
      false,
    );
  });
});

Deno.test("build: a program for another platform is known by its first bytes", async () => {
  const starts: Record<string, string> = {
    "x86_64-unknown-linux-gnu": "7f454c46020101000000000000000000" + "02003e00",
    "aarch64-unknown-linux-gnu": "7f454c46020101000000000000000000" + "0300b700",
    "x86_64-apple-darwin": "cffaedfe07000001",
    "aarch64-apple-darwin": "cffaedfe0c000001",
    "x86_64-pc-windows-msvc": "4d5a" + "00".repeat(126) + "504500006486",
  };
  await withFolder(async (folder) => {
    const path = `${folder}/program`;
    for (const target of TARGETS) {
      for (const [name, start] of Object.entries(starts)) {
        await Deno.writeFile(path, Uint8Array.fromHex(start + "00".repeat(64)));
        const refused = await checkForeignProgram(path, target).then(() => "", String);
        const kept = [...Deno.readDirSync(folder)].length === 1;
        assertEquals([refused === "", kept], [name === target.name, name === target.name], name);
      }
    }
  });
});

Deno.test("build: Deno itself is known where it can't be run", async () => {
  const own = TARGETS.find((target) => target.name === Deno.build.target);
  if (own === undefined) return;
  await withFolder(async (folder) => {
    const path = `${folder}/brainjar`;
    await Deno.copyFile(Deno.execPath(), path);
    const refused = await checkForeignProgram(path, own).then(() => "", String);
    assertMatch(refused, /it is Deno itself$/);
    assertEquals([...Deno.readDirSync(folder)], []);
  });
});

Deno.test("build: an unknown target is answered with those there are", async () => {
  const { code, stderr } = await build(["--target", "sparc"]);
  assertEquals(code, 3);
  for (const { name } of TARGETS) assert(stderr.includes(name), stderr);
});
