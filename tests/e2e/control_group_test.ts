import { assertEquals, assertMatch } from "@std/assert";
import { generateModel } from "../../fixtures/generate.ts";
import { PRESETS } from "../../fixtures/shape.ts";
import {
  denoInGroup,
  findPlace,
  type Place,
  removeGroup,
  setLimit,
} from "../bench/control_group.ts";
import { judge, writeModels } from "../bench/agreement.ts";
import { brainjarArguments } from "./program.ts";

const MIB = 1024 ** 2;

/** Everything that is policy, not proof, left out. */
const BARE = [
  ...["--criterion", "floor", "--safety-margin", "0"],
  ...["--allocation-headroom", "0", "--load-headroom", "0"],
];

const place = findPlace();

/** Runs brainjar as the only process of a group with this limit. */
async function runUnder(group: Place, limitBytes: number | undefined, args: readonly string[]) {
  const folder = `${group.folder}/run-${crypto.randomUUID()}`;
  const runtime = await Deno.makeTempDir({ prefix: "brainjar-runtime-" });
  Deno.mkdirSync(folder);
  try {
    setLimit({ ...group, folder }, limitBytes);
    const { code, signal, stdout } = await denoInGroup(folder, brainjarArguments(args), {
      // With a ledger of its own: what others on this machine have reserved is no matter here.
      env: { MALLOC_ARENA_MAX: "1", BRAINJAR_LEDGER: runtime },
      stdout: "piped",
      stderr: "null",
    }).output();
    return { code, signal, stdout: new TextDecoder().decode(stdout) };
  } finally {
    await removeGroup(folder);
    await Deno.remove(runtime, { recursive: true });
  }
}

Deno.test({
  name: "in a control group, what passes lives and what would be killed is refused",
  // Where no group can be made, the runner shows it as ignored.
  ignore: typeof place === "string",
  fn: async () => {
    if (typeof place === "string") return;
    const folder = await Deno.makeTempDir({ prefix: "brainjar-group-" });
    try {
      const shape = PRESETS["60m-q8_0"];
      if (shape === undefined) throw new Error("No such preset");
      const { paths: [model = ""] } = await generateModel(
        { ...shape, vocabularySize: 8000 },
        `${folder}/model.gguf`,
      );
      const asked = ["--mode", "single", "--model", model, "--context-size", "2048", "--no-mmap"];
      const check = async (limit?: number) => {
        const { code, stdout } = await runUnder(place, limit, [
          ...["check", "--json", ...BARE, ...asked],
        ]);
        return { code, answer: JSON.parse(stdout) };
      };
      const { answer } = await check();
      const floor: number = answer.instances[0].floorBytes;
      const run = ["run", "--turns", "1", "--max-tokens", "4", "--json", ...BARE, ...asked];
      // The process itself is in the floor; what the kernel keeps for it is counted twice, and the
      // watch keeps 5 % free.
      const enough = (floor + 8 * MIB) / 0.95;
      assertEquals((await check(enough)).code, 0);
      const alive = await runUnder(place, enough, run);
      assertEquals([alive.code, alive.signal], [0, null]);
      assertMatch(alive.stdout, /"event":"thought"/);
      const little = floor * 0.8;
      assertEquals((await check(little)).answer.issues[0].code, "would-be-killed");
      const refused = await runUnder(place, little, run);
      assertEquals([refused.code, refused.signal], [1, null]);
    } finally {
      await removeGroup(place.folder);
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** Seeds of machines and jars that between them pass and fail by every rule. */
const SEEDS = [10_000, 10_001, 10_004, 10_008, 10_011, 10_014, 30_069];

Deno.test({
  name: `in a control group, check answers for run (seeds ${SEEDS.join(", ")})`,
  ignore: typeof place === "string",
  fn: async () => {
    if (typeof place === "string") return;
    const folder = await Deno.makeTempDir({ prefix: "brainjar-agreement-" });
    try {
      await Deno.mkdir(place.folder, { recursive: true });
      const models = await writeModels(folder);
      const codes: string[] = [];
      for (const seed of SEEDS) {
        const agreement = await judge(place, folder, models, seed);
        assertEquals(agreement.problem, "", `seed ${seed}, ${agreement.machine}`);
        codes.push(...agreement.codes);
      }
      assertEquals(
        ["over-reserved", "load-refused", "allocation-refused", "over-limit"].every((code) =>
          codes.includes(code)
        ),
        true,
        codes.join(),
      );
    } finally {
      await removeGroup(place.folder);
      await Deno.remove(folder, { recursive: true });
    }
  },
});
