import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { brainjar } from "../../src/cli/brainjar.ts";
import { COMMAND_NAMES, COMMANDS } from "../../src/cli/flags/commands.ts";
import { flagsOf, JAR_NAMES } from "../../src/cli/flags/flags.ts";
import { flagHelp, flagUsage, renderCommandHelp, renderOverview } from "../../src/cli/help/help.ts";
import { parseCommandLine } from "../../src/cli/flags/parse.ts";
import { readValues } from "../../src/cli/flags/values.ts";
import { record } from "./record.ts";

const WIDTH = 90;

/** Text as it reads, wherever its lines are broken. */
function joined(text: string): string {
  return text.replaceAll(/\s+/g, " ");
}

function assertFits(text: string): void {
  const wide = text.split("\n").filter((line) => [...line].length > WIDTH);
  assertEquals(wide, [], `Wider than ${WIDTH} columns`);
  assertEquals(text.split("\n").filter((line) => /\s$/.test(line)), [], "Space at the end");
  assert(text.endsWith("\n") && !text.endsWith("\n\n"), "One newline at the end");
}

Deno.test("help: the overview names every command and every exit code", () => {
  const overview = renderOverview();
  assertFits(overview);
  for (const { name, summary } of COMMANDS) {
    assert(new RegExp(`^  ${name} +`, "m").test(overview), name);
    assertStringIncludes(overview, summary);
  }
  for (const code of ["0 fits", "1 doesn't fit", "2 wrong usage", "3 the engine", "130", "143"]) {
    assertStringIncludes(joined(overview), code);
  }
});

for (const name of COMMAND_NAMES) {
  Deno.test(`help: brainjar ${name} --help tells all of it in ${WIDTH} columns`, () => {
    const help = renderCommandHelp(name);
    assertFits(help);
    const command = COMMANDS.find((candidate) => candidate.name === name);
    if (command === undefined) throw new Error(`No command named ${name}`);
    for (const flag of flagsOf(name)) {
      assert(help.includes(`\n  ${flagUsage(flag)}`), flagUsage(flag));
      assertStringIncludes(joined(help), joined(flagHelp(flag)));
    }
    for (const paragraph of command.description) assertStringIncludes(joined(help), paragraph);
    for (const [line, does] of Object.entries(command.examples)) {
      assertStringIncludes(help, `\n  brainjar ${line}\n      ${does}\n`);
    }
    assertEquals(help.includes("JAR is subject"), flagsOf(name).some(({ perJar }) => perJar));
  });

  Deno.test(`help: brainjar ${name} --help and brainjar help ${name} print the same`, async () => {
    for (const argv of [[name, "--help"], ["help", name], [name, "-h", "--nonsense"]]) {
      const { output, answered, said } = record();
      assertEquals(await brainjar(argv, output), 0);
      assertEquals([answered(), said()], [renderCommandHelp(name), ""]);
    }
  });
}

Deno.test("help: every example is a command line that brainjar reads", () => {
  for (const { name, examples } of COMMANDS) {
    const lines = Object.keys(examples);
    assert(lines.length > 0, `${name} has no example`);
    for (const line of lines) {
      // Up to where the shell's part begins.
      const argv = line.split(/ [>|;] ?/)[0]?.split(" ") ?? [];
      const parsed = parseCommandLine(argv);
      if (parsed.kind !== "command") throw new Error(`brainjar ${line} is ${parsed.kind}`);
      assertEquals(parsed.command, name);
      readValues(name, parsed.flags);
    }
  }
});

Deno.test("help: names the jars there are", () => {
  for (const jar of JAR_NAMES) assertStringIncludes(renderCommandHelp("run"), jar);
});

Deno.test("help: a usage shows choices where no placeholder stands for them", () => {
  const usages = flagsOf("check").map(flagUsage);
  for (
    const usage of [
      "--mode single|matrix|peer",
      "--model MODEL",
      "--model-JAR MODEL",
      "--ram-limit-JAR SIZE",
      "--kv-cache-type TYPE",
      "--json",
    ]
  ) assert(usages.includes(usage), usage);
});
