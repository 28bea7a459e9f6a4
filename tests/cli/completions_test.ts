import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { brainjar } from "../../src/cli/brainjar.ts";
import { COMMAND_NAMES, COMMANDS } from "../../src/cli/flags/commands.ts";
import { command, COMPLETION_SCRIPTS } from "../../src/cli/commands/completions.ts";
import { FLAGS, flagsOf, JAR_NAMES } from "../../src/cli/flags/flags.ts";
import { readValues } from "../../src/cli/flags/values.ts";
import { record } from "./record.ts";
import { complete, installed } from "./shells.ts";

const MODELS = ["it's.gguf", "my folder", "my model.gguf", "tiny.gguf"];
const EVERYTHING = [...MODELS, "notes.txt"].sort();

function flagNames(command: typeof COMMAND_NAMES[number]): string[] {
  return flagsOf(command).flatMap(({ name, perJar }) =>
    perJar ? JAR_NAMES.map((jar) => `--${name}-${jar}`) : [`--${name}`]
  ).sort();
}

function choicesOf(name: string): string[] {
  return [...FLAGS.find((flag) => flag.name === name)?.choices ?? []].sort();
}

/** Command lines up to the cursor, and all that may follow. */
const TABLE: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["brainjar ", [...COMMAND_NAMES, "help"].sort()],
  ["brainjar com", ["completions"]],
  ["brainjar re", ["recommend", "release", "replay", "report"]],
  ["brainjar --", ["--help", "--version"]],
  ["brainjar nothing ", []],
  ["brainjar help mem", ["memory"]],
  ...COMMAND_NAMES.map((name) => [`brainjar ${name} --`, flagNames(name)] as const),
  ["brainjar check --mod", ["--mode", "--model", ...JAR_NAMES.map((jar) => `--model-${jar}`)]],
  ["brainjar run --ram-limit-p", ["--ram-limit-peer_a", "--ram-limit-peer_b"]],
  ["brainjar memory --mod", []],
  ["brainjar check --mode ", ["matrix", "peer", "single"]],
  ["brainjar check --mode ma", ["matrix"]],
  ["brainjar check --mode=", ["matrix", "peer", "single"]],
  ["brainjar check --mode=ma", ["matrix"]],
  ["brainjar check --json --format ", choicesOf("format")],
  ["brainjar estimate --kv-cache-type ", choicesOf("kv-cache-type")],
  ["brainjar run --model ", MODELS],
  ["brainjar run --model=t", ["tiny.gguf"]],
  ["brainjar run --model no", []],
  ["brainjar run --model my", ["my folder", "my model.gguf"]],
  ["brainjar run --model my\\ m", ["my model.gguf"]],
  ["brainjar run --model-peer_b i", ["it's.gguf"]],
  ["brainjar run --log ", EVERYTHING],
  ["brainjar run --jars no", ["notes.txt"]],
  ["brainjar run --turns ", []],
  ["brainjar run --ram-limit-god ", []],
  ["brainjar estimate ", MODELS],
  ["brainjar estimate tiny.gguf my", ["my folder", "my model.gguf"]],
  ["brainjar measure --save t", ["tiny.gguf"]],
  ["brainjar schema ", [
    "check",
    "estimate",
    "jar",
    "jars",
    "plan",
    "placement",
    "run",
    "transcript",
  ]],
  ["brainjar replay ", EVERYTHING],
  ["brainjar replay --speed ", ["max"]],
  ["brainjar report talk.jsonl --output no", ["notes.txt"]],
  ["brainjar completions ", ["bash", "fish", "zsh"]],
  ["brainjar release ", []],
  // The name of a command as an operand is not the command.
  ["brainjar schema run --", ["--help"]],
];

for (const shell of Object.keys(COMPLETION_SCRIPTS)) {
  const there = await installed(shell);
  Deno.test({
    name: `completions: what ${shell} offers${
      there ? "" : ` (skipped: ${shell} is not installed)`
    }`,
    ignore: !there,
    fn: async () => {
      const offered = await complete(shell, TABLE.map(([line]) => line));
      const sorted = TABLE.map(([line, words]) => [line, [...words].sort()] as const);
      assertEquals(TABLE.map(([line], index) => [line, offered[index]]), sorted);
    },
  });

  Deno.test(`completions: the script of ${shell} is what the command prints`, async () => {
    const { output, answered, said } = record();
    assertEquals(await brainjar(["completions", shell], output), 0);
    assertEquals(answered(), COMPLETION_SCRIPTS[shell]?.());
    assertEquals(said(), "");
    assert(answered().endsWith("\n"));
  });
}

Deno.test("completions: every shell of the command table has a script", () => {
  const operands = COMMANDS.find(({ name }) => name === "completions")?.operands;
  assertEquals(operands, Object.keys(COMPLETION_SCRIPTS).join("|"));
});

Deno.test("completions: an operand that is no shell is answered with the nearest", async () => {
  const cases = [
    { operands: ["zhs"], code: "unknown-shell", message: '"zhs"', hint: 'Did you mean "zsh"?' },
    { operands: ["constructor"], code: "unknown-shell", message: "constructor", hint: "fish" },
    { operands: [], code: "missing-operand", message: "name of a shell", hint: "bash|zsh|fish" },
    { operands: ["bash", "x"], code: "unexpected-operand", message: '"x"', hint: "one shell" },
  ];
  for (const { operands, code, message, hint } of cases) {
    const { output, answered } = record();
    const values = readValues("completions", { values: new Map(), perJar: new Map(), operands });
    const error = await assertRejects(
      async () => await command({ values, operands, output }),
      BrainjarError,
      message,
    );
    assertEquals([error.code, error.kind], [code, "usage"]);
    assertStringIncludes(error.hint ?? "", hint);
    assertEquals(answered(), "");
  }
  const { output, said } = record();
  assertEquals(await brainjar(["completions", "csh"], output), 2);
  assertStringIncludes(said(), 'Unknown shell "csh"');
});
