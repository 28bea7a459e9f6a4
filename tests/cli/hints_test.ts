import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BrainjarError } from "../../src/budget/error.ts";
import { brainjar } from "../../src/cli/brainjar.ts";
import { COMMAND_NAMES, COMMANDS } from "../../src/cli/flags/commands.ts";
import { didYouMean } from "../../src/cli/flags/did_you_mean.ts";
import { FLAGS, flagsOf } from "../../src/cli/flags/flags.ts";
import { parseCommandLine } from "../../src/cli/flags/parse.ts";
import { readValues } from "../../src/cli/flags/values.ts";
import { record } from "./record.ts";

// A hint is followed to the letter: what it names must be there, and lead on.

function read(argv: readonly string[]): void {
  const line = parseCommandLine(argv);
  if (line.kind === "command") readValues(line.command, line.flags);
}

function hintOf(argv: readonly string[]): string {
  const { hint = "" } = assertThrows(() => read(argv), BrainjarError) as BrainjarError;
  assert(hint !== "", `No hint for ${argv.join(" ")}`);
  return hint;
}

const meant = (hint: string) => /Did you mean "([^"]+)"\?/.exec(hint)?.[1];

Deno.test("hints: what is near is guessed, whatever its case and its dashes", () => {
  const known = ["single", "matrix", "peer"];
  const table = {
    matrx: "matrix",
    MATRIX: "matrix",
    "-single": "single",
    pier: "peer",
    sinlge: "single",
    peer_a: "peer",
    "single-minded": "single",
    trix: "matrix",
  };
  for (const [given, word] of Object.entries(table)) {
    assertEquals(didYouMean(given, known, "rest"), `Did you mean "${word}"? rest`);
  }
});

Deno.test("hints: where nothing is near, nothing is guessed", () => {
  for (const given of ["frob", "x", "", "q9", "mat", "pear-tree"]) {
    assertEquals(didYouMean(given, ["single", "matrix", "peer", "run", "f32"], "rest"), "rest");
  }
});

const FAR: readonly (readonly [argv: readonly string[], hint: string])[] = [
  [["frob"], `Commands are ${COMMAND_NAMES.join(", ")}`],
  [["help", "frob"], `Commands are ${COMMAND_NAMES.join(", ")}`],
  [["check", "--kv-cache-type", "q9"], "It takes f32, f16, bf16, q8_0"],
  [["check", "--estimator", "foo"], "It takes header, engine, filesize"],
  [["check", "--frob"], "See brainjar check --help"],
  [["check", "-m", "a.gguf"], "See brainjar check --help"],
  [["m.gguf"], "Write brainjar check --model m.gguf, or brainjar estimate m.gguf"],
  [["./m.gguf"], "Write brainjar check --model ./m.gguf, or brainjar estimate ./m.gguf"],
  [["check", "--ram-limit", "4"], "It has a jar's name at its end: --ram-limit-subject, "],
  [["check", "--sequences", "2"], "It is a flag of brainjar estimate. See brainjar check --help"],
  [
    ["recommend", "--ram-limit-god", "2"],
    "It is a flag of brainjar run, brainjar check, brainjar plan. ",
  ],
];

for (const [argv, hint] of FAR) {
  Deno.test(`hints: ${argv.join(" ")}: says what there is`, () => {
    assertEquals(meant(hintOf(argv)), undefined);
    assertStringIncludes(hintOf(argv), hint);
  });
}

Deno.test("hints: every command that a hint names is one, and its help is there", () => {
  for (const [argv] of FAR) {
    for (const [, name = "", flag] of hintOf(argv).matchAll(/brainjar (\w+)( --help)?/g)) {
      assert(COMMAND_NAMES.some((command) => command === name), name);
      if (flag !== undefined) assertEquals(parseCommandLine([name, "--help"]).kind, "help");
    }
  }
});

Deno.test("hints: a flag that another command has is named with those that take it", () => {
  for (const command of COMMAND_NAMES) {
    const own = flagsOf(command);
    for (const flag of FLAGS.filter((flag) => !own.includes(flag))) {
      const typed = `--${flag.name}${flag.perJar ? "-god" : ""}`;
      // Another flag of this command may have its name, or hold it as a jar's.
      if (own.some(({ name }) => typed.slice(2).startsWith(name))) continue;
      const hint = hintOf([command, typed, "1"]);
      for (const owner of flag.commands) {
        assertStringIncludes(hint, `brainjar ${owner}`, `${command} ${typed}`);
      }
    }
  }
});

/** A word with one letter left out, doubled, changed or exchanged with its neighbour. */
function mistyped(word: string): fc.Arbitrary<string> {
  return fc.record({ at: fc.nat({ max: word.length - 1 }), how: fc.nat({ max: 3 }) })
    .map(({ at, how }) => {
      const [before, letter = "", after] = [word.slice(0, at), word[at], word.slice(at + 1)];
      const variants = [
        before + after,
        before + letter + letter + after,
        `${before}q${after}`,
        before + after.slice(0, 1) + letter + after.slice(1),
      ];
      return variants[how] ?? word;
    });
}

Deno.test("hints: a guess, followed to the letter, is read or is wrong in another place", () => {
  const words: readonly (readonly [word: string, argv: (word: string) => string[]])[] = [
    ...COMMAND_NAMES.map((name) => [name, (word: string) => [word]] as const),
    ...flagsOf("run").filter(({ perJar, name }) => !perJar && name.length > 3)
      .map(({ name }) =>
        [name, (word: string) => ["run", `--${word.replace(/^-+/, "")}`, "1"]] as const
      ),
    ...flagsOf("run").flatMap(({ name, choices = [] }) =>
      choices.map((choice) => [choice, (word: string) => ["run", `--${name}`, word]] as const)
    ),
  ];
  for (const [word, argv] of words) {
    fc.assert(
      fc.property(mistyped(word), (typed) => {
        let hint: string;
        try {
          read(argv(typed));
          return;
        } catch (error) {
          if (!(error instanceof BrainjarError)) throw error;
          hint = error.hint ?? "";
        }
        const guess = meant(hint);
        if (guess === undefined) return;
        try {
          read(argv(guess));
        } catch (error) {
          if (!(error instanceof BrainjarError)) throw error;
          assert(!/^unknown-/.test(error.code), `${typed} → ${guess}: ${error.message}`);
        }
      }),
      { seed: 3, numRuns: 20 },
    );
  }
});

Deno.test("hints: an empty operand is a variable that nobody set", async () => {
  for (const name of COMMAND_NAMES) {
    const { output, said } = record();
    assertEquals(await brainjar([name, ""], output), 2);
    assertStringIncludes(said(), `An empty word stands after brainjar ${name}`);
  }
});

Deno.test("hints: an operand is a model's name only where a command takes models", async () => {
  for (const name of COMMAND_NAMES) {
    const { output, said } = record();
    if (await brainjar([name, "extra", "--help"], output) !== 0) throw new Error(name);
    const takesNone = COMMANDS.find((command) => command.name === name)?.operands === "";
    if (!takesNone) continue;
    assertEquals(await brainjar([name, "extra"], output), 2);
    const takesModels = flagsOf(name).some((flag) => flag.name === "model");
    assertStringIncludes(said(), takesModels ? "--model extra" : `Leave it out: brainjar ${name} `);
  }
});
