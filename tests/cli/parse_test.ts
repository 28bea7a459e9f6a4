import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { COMMAND_NAMES } from "../../src/cli/flags/commands.ts";
import { FLAGS, flagsOf, JAR_NAMES } from "../../src/cli/flags/flags.ts";
import { parseCommandLine, type ParsedFlags } from "../../src/cli/flags/parse.ts";

function parse(...argv: string[]): ParsedFlags {
  const line = parseCommandLine(argv);
  if (line.kind !== "command") throw new Error(`${argv.join(" ")} is ${line.kind}`);
  return line.flags;
}

/** What was typed as plain data. */
function typed(flags: ParsedFlags): unknown {
  return {
    ...Object.fromEntries(flags.values),
    ...Object.fromEntries(
      [...flags.perJar].map(([name, jars]) => [`${name}-*`, Object.fromEntries(jars)]),
    ),
    ...(flags.operands.length > 0 ? { operands: flags.operands } : {}),
  };
}

const HELP = [
  { argv: [], answer: { kind: "help" } },
  { argv: ["--help"], answer: { kind: "help" } },
  { argv: ["-h"], answer: { kind: "help" } },
  { argv: ["help"], answer: { kind: "help" } },
  { argv: ["help", "run"], answer: { kind: "help", command: "run" } },
  { argv: ["run", "--help"], answer: { kind: "help", command: "run" } },
  { argv: ["run", "-h"], answer: { kind: "help", command: "run" } },
  { argv: ["run", "--model", "--help"], answer: { kind: "help", command: "run" } },
  // Help helps even where the rest is wrong.
  { argv: ["check", "--nonsense", "--help"], answer: { kind: "help", command: "check" } },
  { argv: ["--version"], answer: { kind: "version" } },
  { argv: ["-V"], answer: { kind: "version" } },
] as const;

for (const { argv, answer } of HELP) {
  Deno.test(`parse: brainjar ${argv.join(" ")} is ${answer.kind}`, () => {
    assertEquals(parseCommandLine(argv), answer);
  });
}

const READ: readonly (readonly [argv: readonly string[], answer: unknown])[] = [
  [["run"], {}],
  [["run", "--mode", "matrix"], { mode: "matrix" }],
  [["run", "--mode=matrix"], { mode: "matrix" }],
  [["run", "--mode", "peer", "--mode", "matrix"], { mode: "matrix" }],
  [["run", "--json", "--no-mmap"], { json: true, "no-mmap": true }],
  [["run", "--turns", "-1"], { turns: "-1" }],
  [["run", "--turns=-1"], { turns: "-1" }],
  [["run", "--log", "-"], { log: "-" }],
  [["run", "--log="], { log: "" }],
  [["run", "--log", "a=b"], { log: "a=b" }],
  [["run", "--log=a=b"], { log: "a=b" }],
  [["run", "--log", "two words\nand a line"], { log: "two words\nand a line" }],
  [["run", "--log", "true"], { log: "true" }],
  [["run", "--log", "007"], { log: "007" }],
  [["run", "--model-god", "g.gguf"], { "model-*": { god: "g.gguf" } }],
  [["run", "--model", "m", "--model-god=g"], { model: "m", "model-*": { god: "g" } }],
  [["run", "--ram-limit-peer_a", "1", "--ram-limit-peer_b", "-2"], {
    "ram-limit-*": { peer_a: "1", peer_b: "-2" },
  }],
  [["run", "--ram-limit-god", "1", "--ram-limit-god", "2"], { "ram-limit-*": { god: "2" } }],
  // Jars of a jar file have any name.
  [["run", "--model-a.b", "m"], { "model-*": { "a.b": "m" } }],
  [["run", "--model-my-jar", "m"], { "model-*": { "my-jar": "m" } }],
  [["run", "--model-constructor", "m"], { "model-*": { constructor: "m" } }],
  [["estimate", "a.gguf", "b c.gguf"], { operands: ["a.gguf", "b c.gguf"] }],
  [["estimate", "a", "--json", "b"], { json: true, operands: ["a", "b"] }],
  [["estimate", "--json", "true"], { json: true, operands: ["true"] }],
  [["estimate", "--json", "false"], { json: true, operands: ["false"] }],
  [["estimate", "007", "1e3", "-"], { operands: ["007", "1e3", "-"] }],
  [["estimate", "--", "--json", "-x", "--model-god=g"], {
    operands: ["--json", "-x", "--model-god=g"],
  }],
  [["estimate", "a", "--", "--help"], { operands: ["a", "--help"] }],
  [["estimate", "--", "a", "--", "b"], { operands: ["a", "--", "b"] }],
];

for (const [argv, answer] of READ) {
  Deno.test(`parse: brainjar ${JSON.stringify(argv.join(" "))}`, () => {
    assertEquals(typed(parse(...argv)), answer);
  });
}

const REFUSED = [
  { argv: ["rum"], code: "unknown-command", says: '"rum"', hint: 'Did you mean "run"?' },
  { argv: ["chekc"], code: "unknown-command", says: '"chekc"', hint: '"check"' },
  { argv: [""], code: "unknown-command", says: '""', hint: "" },
  { argv: ["help", "estmate"], code: "unknown-command", says: '"estmate"', hint: '"estimate"' },
  { argv: ["--mode", "peer"], code: "unknown-command", says: '"--mode"', hint: "run, replay" },
  { argv: ["run", "--mdoe", "peer"], code: "unknown-flag", says: '"--mdoe"', hint: '"--mode"' },
  { argv: ["run", "--mdoe=peer"], code: "unknown-flag", says: '"--mdoe"', hint: '"--mode"' },
  { argv: ["run", "-m"], code: "unknown-flag", says: '"-m"', hint: "brainjar run --help" },
  { argv: ["run", "-1"], code: "unknown-flag", says: '"-1"', hint: "brainjar run --help" },
  { argv: ["run", "--no-json"], code: "unknown-flag", says: '"--no-json"', hint: '"--json"' },
  { argv: ["run", "--ram-limit", "4"], code: "unknown-flag", says: "ram-limit", hint: "-god" },
  { argv: ["run", "--model-", "m"], code: "unknown-flag", says: '"--model-"', hint: '"--model"' },
  { argv: ["run", "--constructor"], code: "unknown-flag", says: "constructor", hint: "" },
  { argv: ["memory", "--mode", "peer"], code: "unknown-flag", says: "memory", hint: "" },
  { argv: ["recommend", "--ram-limit-god", "1"], code: "unknown-flag", says: "god", hint: "" },
  { argv: ["run", "--turns"], code: "missing-value", says: '"--turns"', hint: "--turns N" },
  { argv: ["run", "--mode", "--json"], code: "missing-value", says: '"--mode"', hint: "single|" },
  { argv: ["run", "--mode", "--"], code: "missing-value", says: '"--mode"', hint: "single|" },
  { argv: ["run", "--model-god"], code: "missing-value", says: "-god", hint: "MODEL" },
  { argv: ["run", "--json=yes"], code: "unexpected-value", says: '"--json"', hint: "alone" },
  { argv: ["run", "--json="], code: "unexpected-value", says: '"--json"', hint: "alone" },
] as const;

for (const { argv, code, says, hint } of REFUSED) {
  Deno.test(`parse: brainjar ${JSON.stringify(argv.join(" "))} is refused: ${code}`, () => {
    const error = assertThrows(() => parseCommandLine(argv), BrainjarError, says);
    assertEquals([error.code, error.kind], [code, "usage"]);
    assertStringIncludes(error.hint ?? "", hint);
    assert(!/\.$/.test(error.message), error.message);
  });
}

Deno.test("parse: every flag of every command is read back under its name", () => {
  for (const command of COMMAND_NAMES) {
    for (const { name, type, perJar } of flagsOf(command)) {
      if (name === "help") continue;
      if (perJar) {
        for (const jar of JAR_NAMES) {
          const flags = parse(command, `--${name}-${jar}`, "v");
          assertEquals(typed(flags), { [`${name}-*`]: { [jar]: "v" } });
        }
      } else if (type === "switch") {
        assertEquals(typed(parse(command, `--${name}`)), { [name]: true });
      } else assertEquals(typed(parse(command, `--${name}`, "v")), { [name]: "v" });
    }
  }
});

Deno.test("parse: every flag with a letter missing is answered with itself", () => {
  for (const command of COMMAND_NAMES) {
    for (const { name, perJar } of flagsOf(command)) {
      // Without its last letter a per-jar flag names another jar.
      const full = perJar ? `${name.slice(1)}-god` : name.slice(1);
      const error = assertThrows(() => parseCommandLine([command, `--${full}`]), BrainjarError);
      assertEquals(error.code, "unknown-flag");
      // `pu` may be either of two.
      const meant = flagsOf(command).filter((other) => other.name.slice(1) === name.slice(1));
      const words = meant.map((other) => `"--${other.name}${perJar ? "-god" : ""}"`);
      assert(words.some((word) => error.hint?.includes(word)), error.hint);
    }
  }
});

Deno.test("parse: the flag table has what parser and help need", () => {
  for (const command of COMMAND_NAMES) {
    const names = flagsOf(command).map(({ name, perJar }) => `${name}${perJar ? "-" : ""}`);
    assertEquals(names.length, new Set(names).size, `A flag of ${command} is there twice`);
  }
  for (const flag of FLAGS) {
    assert(/^[a-z][a-z-]*$/.test(flag.name), flag.name);
    assert(/^[A-Z].*[^.]$/.test(flag.help), `${flag.name}: ${flag.help}`);
    assertEquals(flag.type === "choice", flag.choices !== undefined, flag.name);
    const numeric = flag.type === "count" || flag.type === "number";
    const bounded = numeric ||
      ["pace", "speed", "duration", "layers"].includes(flag.type);
    assertEquals(bounded, flag.greatest !== undefined, flag.name);
    assert(!numeric || flag.least !== undefined, flag.name);
    if (flag.type === "choice" && flag.default !== undefined) {
      assert(flag.choices?.includes(String(flag.default)), flag.name);
    }
  }
});
