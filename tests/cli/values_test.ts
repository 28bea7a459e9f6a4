import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BrainjarError } from "../../src/budget/error.ts";
import { GB, MB } from "../../src/budget/size.ts";
import { COMMAND_NAMES } from "../../src/cli/flags/commands.ts";
import { defaultText, findFlag, type FlagName, flagsOf } from "../../src/cli/flags/flags.ts";
import { MAXIMUM_TOKEN_MILLISECONDS } from "../../src/ledger/reservation.ts";
import { parseCommandLine } from "../../src/cli/flags/parse.ts";
import { type FlagValues, readValues } from "../../src/cli/flags/values.ts";

function read(...argv: string[]): FlagValues {
  const line = parseCommandLine(argv);
  if (line.kind !== "command") throw new Error(`${argv.join(" ")} is ${line.kind}`);
  return readValues(line.command, line.flags);
}

function refusal(...argv: string[]): BrainjarError {
  const error = assertThrows(() => read(...argv), BrainjarError);
  assertEquals(error.kind, "usage");
  return error;
}

Deno.test("values: typed access to what was typed", () => {
  const values = read(
    ...["run", "--mode", "matrix", "--turns", "3", "--temperature", ".5", "--seed", "0"],
    ...["--load-headroom", "512MB", "--no-mmap", "--log", "my talk.jsonl"],
    ...["--model-god", "g.gguf", "--ram-limit-god", "1.5", "--ram-limit-subject", "2GiB"],
  );
  assertEquals(values.get("mode"), "matrix");
  assertEquals(values.get("turns"), 3);
  assertEquals(values.get("temperature"), 0.5);
  assertEquals(values.get("seed"), 0);
  assertEquals(values.get("load-headroom"), 512 * MB);
  assertEquals(values.get("log"), "my talk.jsonl");
  assertEquals(values.get("no-mmap"), true);
  assertEquals([...values.perJar("model")], [["god", "g.gguf"]]);
  assertEquals([...values.perJar("ram-limit")], [["god", 1.5 * GB], ["subject", 2 * GB]]);
});

Deno.test("values: nothing typed is the table's default, or nothing", () => {
  const values = read("run");
  assertEquals(values.get("no-mmap"), false);
  assertEquals([values.get("mode"), values.given("mode")], ["single", undefined]);
  assertEquals([values.get("turns"), values.given("turns")], [undefined, undefined]);
  assertEquals([values.get("load-headroom"), values.given("load-headroom")], [2 * GB, undefined]);
  assertEquals(values.perJar("model").size, 0);
  assertEquals(values.perJar("ram-limit").size, 0);
});

Deno.test("values: an older name of a choice means what it is called now", () => {
  assertEquals(read("check", "--estimator", "exact").get("estimator"), "engine");
  assertEquals(read("estimate", "--estimator=exact").given("estimator"), "engine");
  for (const flag of flagsOf("check")) {
    for (const [older, name] of Object.entries(flag.olderNames ?? {})) {
      assert(flag.choices?.includes(name) && !flag.choices.includes(older), older);
      assertStringIncludes(flag.help, older);
    }
  }
});

Deno.test("values: memory is reserved for as long as the ledger keeps it, at most", () => {
  const { greatest = 0 } = findFlag("reserve");
  assertEquals(greatest * 1000, MAXIMUM_TOKEN_MILLISECONDS);
});

const DURATIONS = { "90s": 90, "10m": 600, "1h": 3600, "24h": 86_400, "007s": 7 };

for (const [text, seconds] of Object.entries(DURATIONS)) {
  Deno.test(`values: --reserve ${text} is ${seconds} seconds`, () => {
    assertEquals(read("check", "--reserve", text).get("reserve"), seconds);
  });
}

const WRONG: readonly (readonly [argv: readonly string[], code: string, hint: string])[] = [
  [["run", "--mode", "matrx"], "invalid-value", 'Did you mean "matrix"? It takes single, matrix'],
  [["run", "--mode", "MATRIX"], "invalid-value", "It takes single, matrix, peer"],
  [["run", "--mode="], "invalid-value", "leave it out"],
  [["run", "--log", ""], "invalid-value", "leave it out"],
  [["run", "--model-god="], "invalid-value", "leave it out"],
  [["run", "--ram-limit-god", ""], "invalid-value", "leave it out"],
  [["run", "--turns", "-1"], "invalid-value", "a whole number from 1 to 1000000000"],
  [["run", "--turns", "0"], "invalid-value", "a whole number from 1"],
  [["run", "--turns", "1.5"], "invalid-value", "a whole number"],
  [["run", "--turns", "1e3"], "invalid-value", "a whole number"],
  [["run", "--turns", "0x10"], "invalid-value", "a whole number"],
  [["run", "--turns", "ten"], "invalid-value", "a whole number"],
  [["run", "--turns", " 3"], "invalid-value", "a whole number"],
  [["run", "--turns", "99999999999999999999"], "invalid-value", "1000000000"],
  [["run", "--seed", "4294967296"], "invalid-value", "to 4294967295"],
  [["run", "--top-p", "1.01"], "invalid-value", "a number from 0 to 1"],
  [["run", "--temperature", "-0.1"], "invalid-value", "a number from 0 to 100"],
  [["run", "--temperature", "NaN"], "invalid-value", "a number"],
  [["run", "--temperature", "Infinity"], "invalid-value", "a number"],
  [["run", "--temperature", "."], "invalid-value", "a number"],
  [["run", "--safety-margin", "100"], "invalid-value", "99.99"],
  [["run", "--ram-limit-god", "0"], "invalid-size", "at least one byte"],
  [["run", "--ram-limit-god", "-2"], "invalid-size", "number of GB"],
  [["run", "--ram-limit-god", "8 apples"], "invalid-size", "number of GB"],
  [["check", "--total-memory", "0"], "invalid-size", "at least one byte"],
  [["replay", "--speed", "0"], "invalid-value", "a number from 0.1 to 1000, or max"],
  [["replay", "--speed", "1001"], "invalid-value", "or max"],
  [["replay", "--speed", "fast"], "invalid-value", "or max"],
  [["replay", "--speed", "mx"], "invalid-value", 'Did you mean "max"?'],
  [["replay", "--run", "0"], "invalid-value", "a whole number from 1"],
  [["replay", "--from", "-1"], "invalid-value", "a whole number from 0"],
  [["replay", "--max-gap", "5"], "invalid-value", "90s, 10m or 1h"],
  [["check", "--reserve", "0s"], "invalid-value", "90s, 10m or 1h"],
  [["check", "--reserve", "10"], "invalid-value", "90s, 10m or 1h"],
  [["check", "--reserve", "-5m"], "invalid-value", "90s, 10m or 1h"],
  [["check", "--reserve", "25h"], "invalid-value", "at most 24h"],
];

for (const [argv, code, hint] of WRONG) {
  Deno.test(`values: ${JSON.stringify(argv.slice(1).join(" "))} is refused: ${code}`, () => {
    const error = refusal(...argv);
    assertEquals(error.code, code);
    assertStringIncludes(error.hint ?? "", hint);
    // Flag and value are quoted.
    const [typed = "", value = ""] = (argv[1] ?? "").includes("=")
      ? (argv[1] ?? "").split("=")
      : argv.slice(1);
    assertStringIncludes(error.message, `"${typed}"`);
    assertStringIncludes(error.message, value);
  });
}

Deno.test("values: a headroom may be nothing", () => {
  assertEquals(read("run", "--load-headroom", "0").get("load-headroom"), 0);
  assertEquals(read("run", "--allocation-headroom", "0MB").get("allocation-headroom"), 0);
});

Deno.test("values: every choice and every default of the table is a value", () => {
  for (const command of COMMAND_NAMES) {
    for (const flag of flagsOf(command)) {
      const name = flag.name as FlagName;
      for (const text of flag.choices ?? []) {
        assertEquals(read(command, `--${name}`, text).get(name), text);
      }
      const fallback = defaultText(flag);
      if (fallback === undefined) continue;
      assertEquals(read(command, `--${name}`, fallback).given(name), flag.default);
      assertEquals(read(command).get(name), flag.default);
    }
  }
});

Deno.test("values: counts and numbers are read exactly within their bounds, refused without", () => {
  const numeric = COMMAND_NAMES.flatMap((command) =>
    flagsOf(command).filter(({ type }) => type === "count" || type === "number")
      .map((flag) => ({ command, flag }))
  );
  assert(numeric.length > 0);
  fc.assert(
    fc.property(
      fc.constantFrom(...numeric),
      fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -3, max: 300 })),
      ({ command, flag }, number) => {
        const { name, least = -Infinity, greatest = Infinity } = flag;
        const argv = [command, `--${name}`, String(number)];
        if (number < least || number > greatest) {
          assertEquals(refusal(...argv).code, "invalid-value");
        } else assertEquals(read(...argv).get(name as FlagName), number);
      },
    ),
    { seed: 1729, numRuns: 500 },
  );
});

Deno.test("values: what was typed is typed again for a command that takes it too", () => {
  const values = read(
    ...["recommend", "--mode=peer", "--model", "a b.gguf", "--model-peer_a", "c.gguf"],
    ...["--no-mmap", "--runner", "github-ubuntu", "--json"],
  );
  assertEquals(values.typedFor("run", ["mode", "json"]), [
    ...["--model", "a b.gguf", "--model-peer_a", "c.gguf", "--no-mmap"],
  ]);
  assertEquals(values.typedFor("release", []), []);
});

Deno.test("values: a pace is words a minute, or full", () => {
  assertEquals(read("run").get("pace"), undefined);
  assertEquals(read("run", "--pace", "full").get("pace"), "full");
  assertEquals(read("run", "--pace", "90").get("pace"), 90);
  for (const typed of ["0", "-5", "1e3", "2.5", "fast", "100001", "1_000"]) {
    const { code, hint } = refusal("run", "--pace", typed);
    assertEquals(code, "invalid-value", typed);
    assertStringIncludes(hint ?? "", typed === "fast" ? "full" : "from 1 to 100000, or full");
  }
  assertStringIncludes(refusal("run", "--pace", "ful").hint ?? "", '"full"');
});

Deno.test("values: a page's address may be left out", () => {
  assertEquals(read("run").get("web"), undefined);
  assertEquals(read("run", "--web").get("web"), true);
  assertEquals(read("run", "--web", "--plain").get("web"), true);
  assertEquals(read("run", "--web", "localhost:80", "--plain").get("web"), "localhost:80");
  assertEquals(read("run", "--web=8080").get("web"), "8080");
  assertEquals(refusal("run", "--web=").code, "invalid-value");
});
