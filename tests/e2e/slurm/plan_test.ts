import { assertEquals, assertStringIncludes } from "@std/assert";
import type { RunEventJson } from "../../../src/report/schema/event.ts";
import { brainjarArguments, DEMO_BRAIN, ROOT, runBrainjar } from "../program.ts";
import { slurmTest } from "./slurm_run.ts";

/** Three machines, none of which has two jars' room. */
const THREE_NODES = ["node1", "node2", "node3"].map((name) => ({ name, memoryMib: 300 }));

const RUN = ["--turns", "3", "--seed", "7", "--max-tokens", "12", "--context-size", "256"];

slurmTest(
  "the script that plan prints runs to its end, each jar on a node of its own",
  async (slurm) => {
    const folder = await Deno.makeTempDir({ prefix: "brainjar plan's " });
    try {
      const program = [Deno.execPath(), ...brainjarArguments([])].map((word) => `'${word}'`).join(
        " ",
      );
      await Deno.writeTextFile(`${folder}/brainjar`, `#!/bin/sh\nexec ${program} "$@"\n`);
      await Deno.chmod(`${folder}/brainjar`, 0o755);
      const asked = ["--mode", "matrix", ...DEMO_BRAIN, ...RUN, "--log", `${folder}/talk.jsonl`];
      const planned = await runBrainjar(["plan", ...asked, "--for", "slurm"]);
      assertEquals([planned.code, planned.stderr], [0, ""]);
      await Deno.writeTextFile(`${folder}/job.sh`, planned.stdout);
      const told = `${folder}/told`;
      const { code, stderr } = await slurm.command(
        ["sbatch", "--wait", `--output=${told}`, `${folder}/job.sh`],
        { env: { PATH: `${folder}:${Deno.env.get("PATH")}`, NO_COLOR: "1" } },
      ).output();
      const text = await Deno.readTextFile(told);
      assertEquals([code, new TextDecoder().decode(stderr)], [0, ""], text);
      assertEquals(text.match(/^VALIDATION PASSED$/gm)?.length, 4, text);
      assertStringIncludes(text, "Run ended as asked: 3 turns, 9 thoughts");
      assertStringIncludes(text, "still reserved: 0 bytes");
      const lines = (await Deno.readTextFile(`${folder}/talk.jsonl`)).trimEnd().split("\n")
        .map((line): RunEventJson => JSON.parse(line));
      // The first lives beside the run, whose own machine isn't told.
      const hosts = [...text.matchAll(/^\[\w+\] loaded .* on (node\d) \(slurm:/gm)].map((
        [, host],
      ) => host);
      assertEquals(hosts, ["node2", "node3"]);
      const alone = await runBrainjar(["run", ...asked.slice(0, -2), "--json"], { cwd: ROOT });
      assertEquals(thoughtsOf(lines), thoughtsOf(eventsOf(alone.stdout)));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
  THREE_NODES,
);

function eventsOf(stdout: string): RunEventJson[] {
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

function thoughtsOf(lines: readonly RunEventJson[]): string[] {
  return lines.flatMap((line) => line.event === "thought" ? [`${line.id}: ${line.text}`] : []);
}
