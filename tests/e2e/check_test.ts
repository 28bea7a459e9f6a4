import { assert, assertEquals, assertMatch } from "@std/assert";
import { CHECK_SCHEMA } from "../../src/report/schema/check.ts";
import { ESTIMATE_SCHEMA } from "../../src/report/schema/estimate.ts";
import { RUN_SCHEMA } from "../../src/report/schema/event.ts";
import { DEMO_BRAIN, type Finished, ROOT, runBrainjar } from "./program.ts";

// What a CI job does with check: its exit code, its formats, its files.

const folder = await Deno.makeTempDir({ prefix: "brainjar-check-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const FITS = ["--mode", "matrix", ...DEMO_BRAIN, "--total-memory", "16"];
const TOO_LARGE = [...FITS, "--ram-limit-god", "20"];
const WRONG = [...FITS, "--model", `${folder}/none.gguf`];

/** How each format's answer starts: it fits, it doesn't, it can't be told. */
const ANSWERS: Readonly<Record<string, readonly [RegExp, RegExp, RegExp]>> = {
  text: [/VALIDATION PASSED/, /VALIDATION FAILED/, /^$/],
  json: [/^\{.*"verdict":"pass"/, /^\{.*"verdict":"fail"/, /^\{"error":\{"code":"model-not-found"/],
  github: [
    /^brainjar: the memory budget is safe/,
    /^::error title=brainjar%3A god.*--ram-limit-god 13\.\d /,
    /^::error title=brainjar%3A not checked::Model file not found: .*none\.gguf%0A/,
  ],
  junit: [
    /^<\?xml .*\n<testsuites .* tests="4" failures="0" errors="0"/,
    /^<\?xml .*\n<testsuites .* tests="4" failures="2" errors="0"/,
    /^<\?xml .*\n<testsuites .* tests="1" failures="0" errors="1"/,
  ],
};

for (const [format, answers] of Object.entries(ANSWERS)) {
  Deno.test(`check --format ${format}: exit 0 fits, 1 doesn't, 2 can't be told`, async () => {
    for (const [code, args] of [FITS, TOO_LARGE, WRONG].entries()) {
      const finished = await runBrainjar(["check", ...args, "--format", format]);
      assertEquals(finished.code, code, finished.stderr);
      assertMatch(finished.stdout, answers[code] ?? /never/);
      assertEquals(/^error: /m.test(finished.stderr), code === 2);
    }
  });
}

Deno.test("check --quiet: the exit code is the answer", async () => {
  for (const [code, args] of [FITS, TOO_LARGE, WRONG].entries()) {
    const finished = await runBrainjar(["check", ...args, "--quiet", "--json"]);
    assertEquals([finished.code, finished.stdout], [code, ""]);
    if (code === 2) assertMatch(finished.stderr, /^error: Model file not found/);
    else assertEquals(finished.stderr, "");
  }
});

Deno.test("check: a shell's if takes the exit code", async () => {
  const brainjar = `"$1" run -q --config="$2/deno.json" -P=brainjar "$2/main.ts"`;
  const script = `if ${brainjar} check ${FITS.join(" ")} --quiet; then echo fits; fi
    if ! ${brainjar} check ${TOO_LARGE.join(" ")} --quiet; then echo does not; fi`;
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", Deno.execPath(), ROOT],
    cwd: folder,
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "fits\ndoes not\n");
});

Deno.test("check: an unknown format, or two that differ", async () => {
  for (const args of [["--format", "jnuit"], ["--json", "--format", "junit"]]) {
    const { code, stderr } = await runBrainjar(["check", ...args]);
    assertEquals(code, 2);
    assertMatch(stderr, /^error: .*(jnuit|junit)/);
  }
  const { code, stdout } = await runBrainjar(["check", ...FITS, "--json", "--format", "json"]);
  assertEquals([code, JSON.parse(stdout).verdict], [0, "pass"]);
});

Deno.test("check --format github: the summary page gets the jars' table", async () => {
  const page = `${folder}/summary.md`;
  await Deno.writeTextFile(page, "# Before\n");
  const env = { GITHUB_STEP_SUMMARY: page };
  assertEquals((await runBrainjar(["check", ...TOO_LARGE, "--format", "text"], { env })).code, 1);
  assertEquals(await Deno.readTextFile(page), "# Before\n");
  assertEquals((await runBrainjar(["check", ...TOO_LARGE, "--format", "github"], { env })).code, 1);
  assertEquals((await runBrainjar(["check", ...FITS, "--format", "github"], { env })).code, 0);
  const text = await Deno.readTextFile(page);
  assert(text.startsWith("# Before\n### brainjar: the jars do not fit\n\n| Jar "), text);
  assertMatch(text, /\n\n### brainjar: the jars fit\n/);
});

Deno.test("check --format github: a page that can't be written changes no verdict", async () => {
  const env = { GITHUB_STEP_SUMMARY: `${folder}/none/summary.md` };
  const { code, stderr } = await runBrainjar(["check", ...FITS, "--format", "github"], { env });
  assertEquals(code, 0);
  assertMatch(stderr, /warning: \$GITHUB_STEP_SUMMARY can't be written/);
});

Deno.test("check --runner: a machine that isn't this one", async () => {
  const checked = async (...args: string[]): Promise<Finished> =>
    await runBrainjar(["check", "--mode", "matrix", ...DEMO_BRAIN, "--json", ...args]);
  const { code, stdout } = await checked("--runner", "github-macos", "--ram-limit-god", "4.5");
  const { memory, verdict } = JSON.parse(stdout);
  assertEquals([code, verdict, memory.totalBytes], [1, "fail", 7 * 1024 ** 3]);
  assertEquals(memory.sources[0].name, "--runner github-macos");
  assertEquals((await checked("--runner", "github-ubuntu", "--ram-limit-god", "4.5")).code, 0);
  assertMatch((await checked("--runner", "github-ubunt")).stderr, /Did you mean "github-ubuntu"/);
});

Deno.test("check, recommend: a script that names no model has forgotten one, exit 2", async () => {
  await Deno.mkdir(`${folder}/empty`, { recursive: true });
  for (const command of ["check", "recommend"]) {
    for (const args of [[], ["--mode", "matrix", "--total-memory", "16"], ["--json"]]) {
      const forgotten = await runBrainjar([command, ...args], {
        cwd: `${folder}/empty`,
        env: { BRAINJAR_MODEL: "" },
      });
      assertEquals(forgotten.code, 2);
      assertMatch(
        forgotten.stderr,
        /^error: No model is named\nhint: Give --model, or set \$BRAIN/,
      );
    }
    const named = await runBrainjar([command, "--total-memory", "16"], {
      cwd: `${folder}/empty`,
      env: { BRAINJAR_MODEL: DEMO_BRAIN[1] ?? "" },
    });
    assertEquals(named.code, 0, named.stderr);
  }
});

Deno.test("recommend: its line can be pasted, model and all", async () => {
  const model = `${folder}/a model's.gguf`;
  await Deno.copyFile(DEMO_BRAIN[1] ?? "", model);
  const { code, stdout } = await runBrainjar([
    ...["recommend", "--mode", "matrix", "--model", model, "--kv-cache-type", "q8_0"],
    ...["--total-memory", "16", "--json"],
  ]);
  assertEquals(code, 0);
  const { command } = JSON.parse(stdout);
  assertMatch(
    command,
    /^brainjar run --mode matrix --model '.*a model'\\''s\.gguf' --kv-cache-type/,
  );
  // As a shell takes it, with check in place of run.
  const script = `brainjar() { shift; "$1" run -q --config="$2/deno.json" -P=brainjar "$2/main.ts" \
    check --total-memory 16 "$@"; }; `;
  const brainjar = script.replace('"$1"', `"${Deno.execPath()}"`).replaceAll("$2", ROOT);
  const { code: pasted } = await new Deno.Command("sh", { args: ["-c", brainjar + command] })
    .output();
  assertEquals(pasted, 0);
});

Deno.test("recommend: how many layers lie on devices, and what decided", async () => {
  const args = ["recommend", ...DEMO_BRAIN, "--total-memory", "16", "--devices", "cuda=8GB"];
  const text = await runBrainjar(args);
  assertMatch(text.stdout, /^subject: .*\n {2}Layers on devices: +5 of 5 \(auto\)$/m);
  const { contexts } = JSON.parse((await runBrainjar([...args, "--json"])).stdout);
  assertEquals(contexts[0].gpuLayers, { count: 5, of: 5, isFound: true });
  const without = await runBrainjar(args.slice(0, -2));
  assertEquals(without.stdout.includes("Layers on devices"), false);
});

Deno.test("recommend: where nothing passes it says why, what would help and what it takes", async () => {
  const args = ["recommend", ...DEMO_BRAIN, "--total-memory", "1", "--json"];
  const { code, stdout } = await runBrainjar(args);
  const { ok, issues, recommendations, needed } = JSON.parse(stdout);
  assertEquals([code, ok, issues[0].code], [1, false, "allocation-refused"]);
  assertMatch(recommendations[0].message, /^Keep less free beside the jars: --alloc/);
  const enough = ["--total-memory", `${needed.totalBytes}B`];
  const { code: passes } = await runBrainjar([
    ...["check", ...DEMO_BRAIN, ...enough, "--available-memory", `${needed.availableBytes}B`],
  ]);
  assertEquals(passes, 0);
});

Deno.test("check: what a run's layers would refuse is refused, with their code", async () => {
  const issuesOf = async (...args: string[]) => {
    const { code, stdout } = await runBrainjar(["check", ...DEMO_BRAIN, "--json", ...args]);
    const { issues, recommendations } = JSON.parse(stdout) as {
      issues: { code: string; message: string }[];
      recommendations: { flags: string[] }[];
    };
    assertEquals(code, issues.length === 0 ? 0 : 1);
    for (const { flags } of recommendations) {
      const typed = flags.flatMap((flag) => flag.split(" "));
      const again = await runBrainjar(["check", ...DEMO_BRAIN, ...args, ...typed]);
      if (typed.length > 0) assertEquals(again.code, 0, typed.join(" "));
    }
    return issues.map(({ code }) => code);
  };
  assertEquals(await issuesOf("--total-memory", "2"), ["load-refused"]);
  assertEquals(await issuesOf("--total-memory", "1"), ["allocation-refused"]);
  assertEquals(await issuesOf("--total-memory", "16", "--ram-limit-subject", "20MB"), [
    "over-limit",
  ]);
});

Deno.test("check: takes run's headrooms, and run a machine's sizes", async () => {
  const headrooms = ["--allocation-headroom", "3", "--load-headroom", "0"];
  assertEquals((await runBrainjar(["check", ...FITS, ...headrooms])).code, 0);
  const { code, stdout } = await runBrainjar([
    ...["run", "--mode", "single", "--turns", "1", "--max-tokens", "2", "--json"],
    ...["--total-memory", "8", "--available-memory", "6", "--load-headroom", "1"],
  ]);
  assertEquals(code, 0);
  const { validation } = JSON.parse(stdout.split("\n", 1)[0] ?? "");
  assertEquals(validation.memory.totalBytes, 8 * 1024 ** 3);
});

const JARS = `// Two minds and who watches them.
{
  "defaults": { "contextSize": 256, "model": "${DEMO_BRAIN[1]}" },
  "jars": [
    { "name": "ada", "prompt": "You are Ada, and you count." },
    { "name": "bob", "kvCacheType": "q8_0" },
    { "name": "eve", "role": "observer" },
    { "name": "zeus", "role": "god", "ramLimit": "160MB" },
  ],
  "policy": { "loadHeadroom": 0, "allocationHeadroom": 0 },
}`;

Deno.test("jars: brainjar.jsonc here is used and said, and left aside for a mode", async () => {
  await Deno.mkdir(`${folder}/project`);
  await Deno.writeTextFile(`${folder}/project/brainjar.jsonc`, JARS);
  const options = { cwd: `${folder}/project` };
  const used = await runBrainjar(["check", "--json"], options);
  assertEquals(used.code, 0, used.stderr);
  assertMatch(used.stderr, /^Using brainjar\.jsonc\n/);
  const { mode, instances } = JSON.parse(used.stdout);
  assertEquals(mode, "jars");
  assertEquals(instances.map(({ id }: { id: string }) => id), ["ada", "bob", "eve", "zeus"]);

  const left = await runBrainjar(["check", "--json", "--mode", "peer", ...DEMO_BRAIN], options);
  assertMatch(left.stderr, /^Ignoring brainjar\.jsonc: --mode peer was given\n/);
  assertEquals(JSON.parse(left.stdout).mode, "peer");
});

Deno.test("jars: recommendations name the jars of the file, and hold", async () => {
  const file = `${folder}/large.jsonc`;
  await Deno.writeTextFile(file, JARS.replace('"160MB"', "30"));
  const args = ["check", "--jars", file, "--total-memory", "16", "--json"];
  const { code, stdout } = await runBrainjar(args);
  assertEquals(code, 1);
  const { recommendations } = JSON.parse(stdout);
  const flags: string[] = recommendations[0].flags;
  assertMatch(flags[0] ?? "", /^--ram-limit-zeus 1\d/);
  const again = await runBrainjar([...args, ...flags.flatMap((flag) => flag.split(" "))]);
  assertEquals(again.code, 0, again.stdout);
});

Deno.test("jars: a file's jars think, note and whisper; every line is of its schema", async () => {
  const file = `${folder}/four.jsonc`;
  await Deno.writeTextFile(file, JARS);
  const { code, stdout, stderr } = await runBrainjar([
    ...["run", "--jars", file, "--turns", "2", "--max-tokens", "6", "--json", "--seed", "3"],
  ]);
  assertEquals(code, 0, stderr);
  const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
  for (const event of events) assertEquals(RUN_SCHEMA.parse(event), event);
  const thinkers = events.filter(({ event }) => event === "thought").map(({ id }) => id);
  assertEquals(thinkers.slice(0, 4), ["ada", "bob", "eve", "zeus"]);
  assertEquals(events.at(-1)?.reservedBytes, 0);
});

Deno.test("answers: check's and estimate's are of their schemas", async () => {
  for (const args of [FITS, TOO_LARGE, WRONG]) {
    const answer = JSON.parse((await runBrainjar(["check", ...args, "--json"])).stdout);
    assertEquals(CHECK_SCHEMA.parse(answer), answer);
  }
  const demo = `${ROOT}fixtures/demo-brain.gguf`;
  const { stdout } = await runBrainjar(["estimate", demo, `${folder}/none.gguf`, "--json"]);
  const answer = JSON.parse(stdout);
  assertEquals(ESTIMATE_SCHEMA.parse(answer), answer);
});

const BAD_FILES: readonly (readonly [name: string, text: string, says: RegExp])[] = [
  ["a syntax error", '{\n  "jars": [ }', /^error: Unexpected \} at bad\.jsonc:2:13\n/],
  [
    "unknown key",
    '{ "jars": [{ "name": "a", "ram": 1 }] }',
    /"ram" at bad\.jsonc:1:27\nhint: It takes model, ramLimit,/,
  ],
  [
    "duplicate name",
    '{ "jars": [{"name":"a"},{"name":"a"}] }',
    /^error: Two jars are named "a" at/,
  ],
  [
    "missing model",
    '{ "jars": [{"name":"a","model":"no.gguf"}] }',
    /no\.gguf \(named at bad\.jsonc:1:32/,
  ],
  ["a cycle of includes", '{ "extends": "bad.jsonc" }', /cycle at bad\.jsonc:1:14/],
];

for (const [name, text, says] of BAD_FILES) {
  Deno.test(`bad input: a jar file with ${name}, for check, run and recommend`, async () => {
    await Deno.writeTextFile(`${folder}/bad.jsonc`, text);
    for (const command of ["check", "run", "recommend"]) {
      const { code, stdout, stderr } = await runBrainjar([command, "--jars", "bad.jsonc"], {
        cwd: folder,
      });
      assertEquals([code, stdout], [2, ""], stderr);
      assertMatch(stderr, says);
      assert(!/\n\s+at |Uncaught/.test(stderr), `A stack trace: ${stderr}`);
    }
  });
}

Deno.test("check starts without what it may not need: zod, jar files, caches, CI's formats, runners", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", `${ROOT}src/cli/commands/check.ts`],
  }).output();
  interface Dependency {
    readonly isDynamic?: boolean;
    readonly code?: { readonly specifier: string };
  }
  const { modules, roots } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: { specifier: string; dependencies?: readonly Dependency[] }[];
    roots: string[];
  };
  const reached = new Set(roots);
  for (const specifier of reached) {
    const module = modules.find((module) => module.specifier === specifier);
    for (const { isDynamic, code } of module?.dependencies ?? []) {
      if (!isDynamic && code !== undefined) reached.add(code.specifier);
    }
  }
  const names = [...reached].join("\n");
  assert(names.includes("src/cli/settings/choose_jars.ts"), "The graph wasn't read");
  assertEquals(
    /zod|jar_file\/read|report\/ci|\/runners|gguf\/(caches|other_files|not_a_model|environment)/
      .exec(names),
    null,
  );
});
