import { assert, assertEquals } from "@std/assert";
import { runBrainjar } from "./program.ts";

// A model's header and its file's name may hold anything; a CI log must not obey it. Which words
// are made harmless is tested in tests/report/hostile_test.ts; here that every command does.

const folder = await Deno.makeTempDir({ prefix: "brainjar-hostile-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** As long as the demo brain's own name, which it replaces. */
const NAME = "\u001b[J\n::add-mask::\r\u0085";

const model = `${folder}/\n::add-mask::x\u202e##[add-mask]x.gguf`;
{
  const bytes = await Deno.readFile(new URL("../../fixtures/demo-brain.gguf", import.meta.url));
  const at = new TextDecoder("latin1").decode(bytes).indexOf("brainjar demo brain");
  bytes.set(new TextEncoder().encode(NAME), at);
  await Deno.writeFile(model, bytes);
}

const jars = `${folder}/jars.jsonc`;
await Deno.writeTextFile(
  jars,
  JSON.stringify({
    jars: [
      { name: "::add-mask::a\n\u202e", role: "subject", model },
      { name: "b", role: "god", model: "\n::add-mask::none" },
    ],
  }),
);

const FITS = ["--total-memory", "64"];
const FAILS = ["--total-memory", "16MB"];

const lines: readonly (readonly [args: readonly string[], code: number])[] = [
  ...["text", "json", "github", "junit"].flatMap((format) => [
    [["check", "--model", model, "--format", format, ...FITS], 0] as const,
    [["check", "--model", model, "--format", format, ...FAILS], 1] as const,
    [["check", "--jars", jars, "--format", format], 2] as const,
  ]),
  [["estimate", model], 0],
  [["estimate", model, `${model}.none`, "--json"], 2],
  [["recommend", "--model", model, ...FITS], 0],
  [["run", "--model", model, "--turns", "1", "--max-tokens", "2"], 0],
  [["run", "--model", model, "--turns", "1", "--max-tokens", "2", "--json"], 0],
  [["run", "--model", model, "--turns", "1", "--total-memory", "16MB"], 1],
  [["measure", `${model}.none`], 2],
  [[model], 2],
  [["check", `--${model}`], 2],
  [["check", "--mode", model], 2],
  [["release", model], 2],
];

for (const [args, expected] of lines) {
  const shown = args.map((word) => word.startsWith(folder) ? "MODEL" : word).join(" ");
  Deno.test(`hostile header: ${JSON.stringify(shown)}`, async () => {
    const summary = `${folder}/summary.md`;
    await Deno.writeTextFile(summary, "");
    const { code, stdout, stderr } = await runBrainjar(args, {
      env: { GITHUB_STEP_SUMMARY: summary, BRAINJAR_MODEL: model },
    });
    assertEquals(code, expected, stderr);
    const page = await Deno.readTextFile(summary);
    assertEquals(page !== "", args.includes("github") && code < 2, "The summary's page");
    for (const text of [stdout, stderr, page]) {
      const raw = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/u.exec(text)?.[0].codePointAt(0)?.toString(16);
      assertEquals(raw, undefined, `A raw U+${raw} in ${text}`);
      const own = text.replaceAll(/^::(?:error|warning) title=/gm, "");
      assert(!/^\s*::|##[a-z]*\[/m.test(own), own);
    }
  });
}

Deno.test("hostile environment: a folder that isn't there is an error of one line", async () => {
  const { code, stdout, stderr } = await runBrainjar(["check", "--json"], {
    env: { BRAINJAR_CWD: `${folder}/\n::add-mask::\u001b[2J` },
  });
  assertEquals(code, 2, stderr);
  assertEquals(JSON.parse(stdout).error.code, "folder-not-found");
  assertEquals(stderr.split("\n").length, 3, stderr);
  assert(!/[^\P{Cc}\n]/u.test(stdout + stderr), stderr);
});
