import { assert, assertEquals } from "@std/assert";
import { recommendLimits } from "../src/budget/advice/limits.ts";
import { DEFAULT_POLICY } from "../src/budget/policy.ts";
import { GB } from "../src/budget/size.ts";
import { COMMANDS } from "../src/cli/flags/commands.ts";
import { defaultText, FLAGS } from "../src/cli/flags/flags.ts";
import { flagUsage } from "../src/cli/help/help.ts";
import { JARS_OF_MODE } from "../src/experiment/roles.ts";

// The README's lists come from the tables that the program is made of.
// UPDATE_README=1 deno test -A tests/readme_test.ts   writes them anew.

const path = new URL("../README.md", import.meta.url);
const flagsPath = new URL("../src/cli/flags/README.md", import.meta.url);

function commandTable(): string {
  const rows = COMMANDS.map((command) =>
    `| \`${command.name}${
      command.operands && ` ${command.operands.replaceAll("|", "\\|")}`
    }\` | ${command.summary} |`
  );
  return ["| command | what it does |", "|---|---|", ...rows].join("\n");
}

function flagTable(): string {
  const rows = FLAGS.filter((flag) => flag.name !== "help").map((flag) => {
    const usage = flagUsage(flag).replaceAll("|", "\\|");
    const fallback = flag.default === undefined ? "" : ` (default ${defaultText(flag)})`;
    return `| \`${usage}\` | ${flag.commands.join(", ")} | ${flag.help}${fallback} |`;
  });
  return ["| flag | commands | what it does |", "|---|---|---|", ...rows].join("\n");
}

/** What `recommend` answers for machines of these sizes, all of them available. */
function limitTable(): string {
  const nothing = { floorBytes: 0, workingSetBytes: 0 };
  const machines = [[16, "single"], [32, "matrix"], [64, "matrix"]] as const;
  const rows = machines.map(([gigabytes, mode]) => {
    const bytes = gigabytes * GB;
    const result = recommendLimits({
      mode,
      instances: JARS_OF_MODE[mode].map(({ id, role }) => ({
        id,
        role,
        model: "demo",
        footprint: { ...nothing, shared: nothing },
      })),
      memory: {
        totalBytes: bytes,
        availableBytes: bytes,
        reservedBytes: 0,
        sources: [],
        warnings: [],
      },
      policy: DEFAULT_POLICY,
    });
    if (!result.ok) throw new Error(`Nothing passes on ${gigabytes} GB`);
    const flags = result.limits.map(({ role, text }) => `--ram-limit-${role} ${text}`).join(" ");
    return `| ${gigabytes} GB | \`--mode ${mode} ${flags}\` |`;
  });
  return ["| machine | flags |", "|---|---|", ...rows].join("\n");
}

/** A page with what stands between a list's two marks replaced. */
function withList(readme: string, name: string, list: string): string {
  const start = `<!-- ${name} -->`;
  const end = `<!-- /${name} -->`;
  const from = readme.indexOf(start);
  const to = readme.indexOf(end);
  assert(from >= 0 && to > from, `The page has no ${start} … ${end}`);
  return readme.slice(0, from) + `${start}\n\n${list}\n\n` + readme.slice(to);
}

Deno.test("readme: its lists, and those of the page of flags, are the program's own", async () => {
  const pages: readonly (readonly [URL, Readonly<Record<string, string>>])[] = [
    [path, { commands: commandTable(), limits: limitTable() }],
    [flagsPath, { flags: flagTable() }],
  ];
  for (const [page, lists] of pages) {
    const text = await Deno.readTextFile(page);
    const expected = Object.entries(lists).reduce(
      (text, [name, list]) => withList(text, name, list),
      text,
    );
    if (Deno.env.get("UPDATE_README") === "1") await Deno.writeTextFile(page, expected);
    else assertEquals(text.split("\n"), expected.split("\n"));
  }
});

Deno.test("readme: every package of deno.json has its line", async () => {
  const readme = await Deno.readTextFile(path);
  const { imports } = JSON.parse(
    await Deno.readTextFile(new URL("../deno.json", import.meta.url)),
  ) as { imports: Record<string, string> };
  for (const specifier of Object.values(imports)) {
    const [, name, version] = /^npm:(@?[^@]+)@([^/]+)/.exec(specifier) ?? [];
    assert(
      readme.includes(`${name} ${version}`),
      `README.md doesn't name ${name} ${version}`,
    );
  }
});

Deno.test("readme: the two commands are the ones that CI runs", async () => {
  const readme = await Deno.readTextFile(path);
  const ci = await Deno.readTextFile(new URL("../.ci/run", import.meta.url));
  for (const task of ["matrix", "test"]) {
    const command = `npx --yes deno@2.9.6 task ${task}`;
    assert(readme.includes(command) && ci.includes(`\n${command}`), command);
  }
});
