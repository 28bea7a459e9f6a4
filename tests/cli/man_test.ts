import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { brainjar } from "../../src/cli/brainjar.ts";
import { COMMANDS } from "../../src/cli/flags/commands.ts";
import { flagsOf } from "../../src/cli/flags/flags.ts";
import { flagHelp, flagUsage } from "../../src/cli/help/help.ts";
import { renderManPage } from "../../src/cli/commands/man.ts";
import { escapeRoff } from "../../src/cli/help/roff.ts";
import configuration from "../../deno.json" with { type: "json" };
import { record } from "./record.ts";
import { installed } from "./shells.ts";

const PAGE = renderManPage("2026-01-31");

/** Programs that read the page from stdin; what they say on either stream. */
const READERS = {
  groff: ["-man", "-Tutf8", "-ww", "-P-c", "-P-b", "-P-o", "-P-u"],
  man: ["--warnings", "-l", "-"],
  mandoc: ["-Tlint", "-Wstyle"],
} as const;

async function read(
  program: keyof typeof READERS,
  page = PAGE,
): Promise<{ printed: string; said: string }> {
  const process = new Deno.Command(program, {
    args: [...READERS[program]],
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", LC_ALL: "C.UTF-8", TERM: "dumb" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(60_000),
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(page));
  await writer.close();
  const { stdout, stderr } = await process.output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { printed: decode(stdout), said: decode(stderr) };
}

/** Text as it reads, wherever its lines are broken. */
function joined(text: string): string {
  return text.replaceAll("…", "...").replaceAll(/\s+/g, " ");
}

for (const program of ["groff", "man"] as const) {
  const there = await installed(program);
  const skipped = there ? "" : ` (skipped: ${program} is not installed)`;
  Deno.test({
    name: `man: ${program} prints the page whole and warns of nothing${skipped}`,
    ignore: !there,
    fn: async () => {
      const { printed, said } = await read(program);
      assertEquals(said, "");
      const page = joined(printed);
      const missing = COMMANDS.flatMap((command) => [
        `${command.summary}.`,
        ...command.description,
        ...flagsOf(command.name).flatMap((flag) => [flagUsage(flag), `${flagHelp(flag)}.`]),
        ...Object.keys(command.examples).map((line) => `brainjar ${line}`),
      ]).filter((text) => !page.includes(joined(text)));
      assertEquals(missing, []);
    },
  });
}

const groff = await installed("groff");
Deno.test({
  name: `man: escaped text is printed as it is${groff ? "" : " (skipped: groff is not installed)"}`,
  ignore: !groff,
  fn: async () => {
    const lines = [
      ".SH a request",
      "'br another",
      ".",
      "..\\",
      String.raw`\fBbold\fR \n(.s \" no comment \\`,
      "--flag -x 1-2 − – —",
      `"quotes" 'and' \`ticks\` ^ ~ @ # $ % & * | {} [] <>`,
      "1024³ bytes × 1.5, žluťoučký, 漢字",
    ];
    const source = [".TH T 1", ".SH S", ".nf", ...lines.map(escapeRoff), ".fi", ""].join("\n");
    const { printed, said } = await read("groff", source);
    assertEquals(said, "");
    const body = printed.split("\n").map((line) => line.trim()).filter((line) => line !== "");
    assertEquals(body.slice(2, -1), lines);
  },
});

const mandoc = await installed("mandoc");
Deno.test({
  name: `man: mandoc finds nothing amiss${mandoc ? "" : " (skipped: mandoc is not installed)"}`,
  ignore: !mandoc,
  fn: async () => {
    assertEquals(await read("mandoc"), { printed: "", said: "" });
  },
});

Deno.test("man: the command prints the page", async () => {
  const { output, answered, said } = record();
  assertEquals(await brainjar(["man"], output), 0);
  assertEquals(answered(), renderManPage());
  assertEquals(said(), "");
});

Deno.test("man: sections in the order of other man pages", () => {
  const sections = [...PAGE.matchAll(/^\.SH (.*)$/gm)].map((match) => match[1]);
  assertEquals(sections, [
    "NAME",
    "SYNOPSIS",
    "DESCRIPTION",
    "COMMANDS",
    "EXIT STATUS",
    "ENVIRONMENT",
    "FILES",
    "EXAMPLES",
  ]);
  assert(
    PAGE.startsWith(
      `.TH BRAINJAR 1 "2026-01-31" "brainjar ${configuration.version}" "User Commands"\n`,
    ),
  );
  for (const name of ["BRAINJAR_MODEL", "BRAINJAR_HOME", "NO_COLOR", "BRAINJAR_LEDGER"]) {
    assertStringIncludes(PAGE, `\n.TP\n\\fB${name}\\fR\n`);
  }
});

Deno.test("man: nothing in the tables is read as roff", () => {
  for (const line of PAGE.split("\n")) {
    assert(/^[\x20-\x7e]*$/.test(line), `Not ASCII: ${line}`);
    assert(line.length <= 200, `Long: ${line}`);
    // Requests are the page's own few, and a quote at the start would be one too.
    if (/^[.']/.test(line)) assert(/^\.(TH|SH|SS|TP|PP|br|nf|fi|nh|ad l)\b/.test(line), line);
    else assert(!/(^|[^\\])-/.test(line), `A hyphen that may become a dash: ${line}`);
    assert(/^([^\\]|\\(f[BIR]|-|&|\([a-z]{2}|\[u[0-9A-F]{4,}\]))*$/.test(line), `Escape: ${line}`);
  }
});
