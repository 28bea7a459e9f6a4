import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { MB } from "../../src/budget/size.ts";
import { COORDINATOR_BYTES } from "../../src/jar_process/own_limit.ts";
import { slurmFiles } from "../../src/job_files/slurm.ts";
import { printableLines } from "../../src/report/printable.ts";
import { assertGolden } from "../golden.ts";
import { checkedWith, jobWith, MATRIX, MORE, WORD } from "./cases.ts";

const LIMIT = 5400 * MB;

function scriptOf(job = MATRIX): string {
  return slurmFiles(job).map(({ text }) => text).join();
}

Deno.test("slurm: a job of three components", async () => {
  await assertGolden("plan-slurm", scriptOf());
});

Deno.test("slurm: a component's memory is its jar's limit, the first's the run's too", () => {
  const memory = [...scriptOf().matchAll(/^#SBATCH .*--mem=(\d+)M/gm)].map(([, mib]) =>
    Number(mib)
  );
  assertEquals(memory, [(LIMIT + COORDINATOR_BYTES) / MB, LIMIT / MB, LIMIT / MB]);
});

Deno.test("slurm: one jar is a plain job", () => {
  const script = scriptOf({ ...MATRIX, jars: MATRIX.jars.slice(0, 1) });
  assertEquals(script.includes("het"), false);
  assertStringIncludes(script, "--launcher-subject 'slurm --exact'");
});

Deno.test("slurm: devices and processors are asked for, and devices where the run is", () => {
  const lines = scriptOf(MORE).split("\n").filter((line) => line.startsWith("#SBATCH --"));
  assertEquals(lines.map((line) => line.replace(/^.*--mem=\d+M/, "")), [
    " --cpus-per-task=4 --gpus=1",
    " --cpus-per-task=4 --gpus=1",
    " --cpus-per-task=4",
  ]);
});

Deno.test("slurm: whatever a word is, the script hands it on as it is, and does nothing else", async () => {
  const folder = await Deno.makeTempDir();
  try {
    // Stands for brainjar; srun runs what it is given.
    const program =
      `#!/bin/bash\nprintf '%s\\0' "$@" >> '${folder}/told'\nprintf '\\0' >> '${folder}/told'\n`;
    const srun = '#!/bin/bash\nwhile [[ $1 == --* ]]; do shift; done\nexec "$@"\n';
    await writeProgram(`${folder}/bin/brainjar`, program);
    await writeProgram(`${folder}/bin/srun`, srun);
    await fc.assert(
      fc.asyncProperty(WORD, async (word) => {
        await Deno.remove(`${folder}/told`).catch(() => {});
        const script = scriptOf(jobWith(word));
        assertEquals(printableLines(script), script);
        await Deno.writeTextFile(`${folder}/job`, script);
        const { code, stdout, stderr } = await new Deno.Command("/bin/bash", {
          args: [`${folder}/job`],
          cwd: folder,
          env: { PATH: `${folder}/bin:/usr/bin:/bin` },
        }).output();
        assertEquals([code, stdout.length, new TextDecoder().decode(stderr)], [0, 0, ""]);
        const told = (await Deno.readTextFile(`${folder}/told`)).split("\0\0").slice(0, -1)
          .map((command) => command.split("\0"));
        assertEquals(told, [
          checkedWith(word, "subject", LIMIT),
          checkedWith(word, "observer", LIMIT),
          [
            ...["run", "--model", `/models/${word}`, "--cpu", word],
            ...["--launcher-subject", "slurm --het-group=0 --exact"],
            ...["--launcher-observer", "slurm --het-group=1 --exact"],
          ],
        ]);
        assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).toSorted(), [
          ...["bin", "job", "told"],
        ]);
      }),
      { numRuns: 60 },
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function writeProgram(path: string, text: string): Promise<void> {
  await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
  await Deno.writeTextFile(path, text);
  await Deno.chmod(path, 0o755);
}
