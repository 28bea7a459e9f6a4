import { assert, assertEquals } from "@std/assert";
import { truthModels } from "../../fixtures/truth/files.ts";
import { ROOT, runBrainjar } from "./program.ts";

// The README's first sample is what the program prints, but for what a processor's threads add.

/** GB that another machine's figures may differ by. */
const SLACK = 0.02;

const AMOUNT = /\d+\.\d\d(?= GB)/g;

/** A line without its figures, and the figures. */
function parts(line: string): { words: string; figures: number[] } {
  return {
    words: line.replaceAll(AMOUNT, "N"),
    figures: (line.match(AMOUNT) ?? []).map(Number),
  };
}

Deno.test("README: its first sample is what check prints", async () => {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const sample = /```\n\$ brainjar (check [^\n]*)\n([\s\S]*?)\n\$ echo \$\?\n(\d+)\n```/.exec(
    readme,
  );
  const [, typed = "", shown = "", code = ""] = sample ?? [];
  const args = typed.split(" ");
  const file = args[args.indexOf("--model") + 1] ?? "";
  for await (const model of truthModels()) {
    if (model.file !== file) continue;
    const words = args.map((word) => word === file ? model.path : word);
    // The processor that most people have.
    const run = await runBrainjar([...words, "--cpu", "x86-64-v3"]);
    assertEquals(String(run.code), code, run.stderr);
    const printed = run.stdout.split("\n").map(parts);
    for (const line of shown.split("\n").filter((line) => line !== "…").map(parts)) {
      const found = printed.find(({ words, figures }) =>
        words === line.words &&
        figures.every((figure, at) => Math.abs(figure - (line.figures[at] ?? NaN)) <= SLACK)
      );
      assert(found !== undefined, `Not printed: ${JSON.stringify(line)} in\n${run.stdout}`);
    }
    return;
  }
  throw new Error(`No model of truth is the README's: ${file}`);
});
