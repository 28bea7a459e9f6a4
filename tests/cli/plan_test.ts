import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { brainjar } from "../../src/cli/brainjar.ts";
import { BrainjarError } from "../../src/budget/error.ts";
import { readJarFile } from "../../src/cli/jar_file/read.ts";
import { settledJarFile } from "../../src/cli/jar_file/settled.ts";
import { writeNewFiles } from "../../src/cli/terminal/new_files.ts";
import { completeSettings } from "../../src/plan/settings.ts";
import { jobJar } from "../job_files/cases.ts";
import { record } from "./record.ts";

const DEMO = new URL("../../fixtures/demo-brain.gguf", import.meta.url).pathname;

async function answer(...argv: string[]) {
  const { output, answered, said } = record();
  const code = await brainjar(["plan", "--model", DEMO, ...argv], output);
  return { code, answered: answered(), said: said() };
}

const REFUSED: readonly (readonly [argv: readonly string[], says: string])[] = [
  [["--for", "nomad"], 'Flag "--for" can\'t be "nomad"'],
  [["--for", "kubernetes"], "plan --for kubernetes needs an image"],
  [["--for", "compose"], "plan --for compose needs an image"],
  [["--for", "slurm", "--image", "a"], 'Flags "--for slurm" and "--image" exclude each other'],
  [["--for", "systemd", "--cpus", "2"], 'Flags "--for systemd" and "--cpus" exclude each other'],
  [["--cpus", "2"], 'Flag "--cpus" needs --for'],
  [["--output", "a"], 'Flag "--output" needs --for'],
  [["--models-at", "/m"], 'Flag "--models-at" needs --for'],
  [["--for", "kubernetes", "--image", "a", "--log", "b"], 'Flag "--log" names a file'],
  [["--for", "slurm", "--launcher", "ssh x"], 'Unknown flag "--launcher"'],
];

for (const [argv, says] of REFUSED) {
  Deno.test(`plan: ${argv.join(" ")} is refused`, async () => {
    const { code, answered, said } = await answer(...argv);
    assertEquals([code, answered], [2, ""]);
    assertStringIncludes(said, says);
  });
}

Deno.test("plan: what was typed for check and run is in the file, paths whole, devices settled", async () => {
  const { code, answered } = await answer(
    ...["--mode", "peer", "--context-size", "256", "--kv-cache-type", "q8_0", "--turns", "9"],
    ...[
      "--temperature-peer_b",
      "0.1",
      "--log",
      "a.jsonl",
      "--start-timeout",
      "2h",
      "--for",
      "slurm",
    ],
  );
  assertEquals(code, 0);
  const flat = answered.replaceAll(/ \\\n +/g, " ");
  const same = `--mode peer --model ${DEMO} --gpu off --context-size 256 --kv-cache-type q8_0`;
  assertStringIncludes(flat, `brainjar check ${same} --only peer_a --own-limit `);
  assertStringIncludes(
    flat,
    `exec brainjar run ${same} --turns 9 --temperature-peer_b 0.1 --start-timeout 2h` +
      ` --log ${Deno.cwd()}/a.jsonl --launcher-peer_a `,
  );
});

Deno.test("plan: models that lie elsewhere there", async () => {
  const { answered } = await answer("--for", "compose", "--image", "a", "--models-at", "/models/");
  assertStringIncludes(answered, "source: /models\n");
  assertStringIncludes(answered, "- /models/demo-brain.gguf\n");
  assertEquals(answered.includes(`- ${DEMO}`), false);
});

Deno.test("plan: files for programs", async () => {
  const { answered } = await answer("--for", "systemd", "--json");
  const { files } = JSON.parse(answered);
  assertEquals(files.map(({ name }: { name: string }) => name), [
    ...["brainjar-subject.socket", "brainjar-subject@.service", "brainjar.service"],
  ]);
});

Deno.test("plan: a jar file that comes with a job says all that was settled, and is read again", async () => {
  const settings = completeSettings({
    jars: [
      { id: "mind", model: "b.gguf", prompt: "Read notes.txt", context: { contextSize: 256 } },
      {
        id: "eye",
        role: "observer",
        ramLimitBytes: 900_000_001,
        context: { kvCacheType: "Q8_0", mmap: false, gpuLayers: 3, flashAttention: "on" },
        sampling: { temperature: 0.5 },
      },
    ],
    policy: { criterion: "floor", safetyMarginPercent: 10, allocationHeadroomBytes: 0 },
  });
  const text = settledJarFile(settings, [jobJar("mind"), jobJar("eye")]);
  const path = await Deno.makeTempFile({ suffix: ".jsonc" });
  await Deno.writeTextFile(path, text);
  const set = readJarFile(path);
  await Deno.remove(path);
  const again = completeSettings(set);
  assertEquals(again.policy, settings.policy);
  assertEquals(
    again.jars.map(({ id, role, context, ramLimitBytes, sampling }) => ({
      ...{ id, role, context, ramLimitBytes, sampling },
    })),
    settings.jars.map(({ id, role, context, ramLimitBytes, sampling }) => ({
      ...{ id, role, context, ramLimitBytes, sampling },
    })),
  );
  const [mind] = set.jars;
  assertEquals([mind?.promptIsFile, mind?.prompt?.trim()], [false, "Read notes.txt"]);
  assertEquals(mind?.model, "/models/brain 8b.gguf");
});

Deno.test("plan: nothing is written over, and where one file is in the way none is written", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const files = ["a", "b"].map((name) => ({ name, text: `${name}\u202e` }));
    await Deno.mkdir(`${folder}/units`);
    await Deno.writeTextFile(`${folder}/units/b`, "mine");
    const error = await assertRejects(() => writeNewFiles(`${folder}/units`, files), BrainjarError);
    assertEquals([error.code, error.message], [
      "output-exists",
      `File is there already: ${folder}/units/b`,
    ]);
    assertEquals([...Deno.readDirSync(`${folder}/units`)].map(({ name }) => name), ["b"]);
    assertEquals(await Deno.readTextFile(`${folder}/units/b`), "mine");
    const inTheWay = await assertRejects(
      () => writeNewFiles(`${folder}/units/b`, files),
      BrainjarError,
    );
    assertEquals(inTheWay.message, `File is there already: ${folder}/units/b`);
    await writeNewFiles(`${folder}/new/units`, files);
    assertEquals(await Deno.readTextFile(`${folder}/new/units/a`), "a\u202e");
    const lost = await assertRejects(
      () => writeNewFiles(`${folder}/no/a`, files.slice(0, 1)),
      BrainjarError,
    );
    assertEquals(lost.code, "output-unwritable");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
