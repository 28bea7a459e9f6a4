/**
 * Builds brainjar as one program with `deno compile`: for this machine as dist/brainjar, or for
 * each `--target` as dist/brainjar-TARGET. `--target all` stands for every platform. `--engine`
 * says what its engine drives beside the processor.
 *
 * Run as `deno task build [--target TARGET]… [--engine cpu|vulkan|cuda|metal]`. Deno fetches the base program (denort) of a target
 * from its own site; DENORT_BIN names one that is here already.
 */
import configuration from "../../deno.json" with { type: "json" };
import { BuildError, orExit } from "./program/build_error.ts";
import { checkBuiltProgram, checkForeignProgram } from "./program/check_built.ts";
import { compileProgram } from "./program/compile.ts";
import { BUNDLES, stageProgram } from "./program/stage.ts";
import { type EngineChoice, readEngine } from "./program/engine_packages.ts";
import { type Target, TARGETS } from "./program/target.ts";

const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const USAGE =
  `Usage: deno task build [--output FOLDER] [--engine cpu|vulkan|cuda|metal] [--target ${
    TARGETS.map((target) => target.name).join("|")
  }|all]…`;

interface Request {
  readonly folder: string;
  /** None for this machine's own. */
  readonly targets: readonly Target[];
  readonly engine: EngineChoice;
}

function readArguments(args: readonly string[]): Request {
  let folder = `${root}/dist`;
  const targets = new Set<Target>();
  let engine = readEngine();
  for (let index = 0; index < args.length; index++) {
    const [, name, inline] = /^(--[a-z]+)(?:=(.*))?$/.exec(args[index] ?? "") ?? [];
    const value = inline ?? args[++index];
    if (value === undefined) throw new BuildError(USAGE);
    if (name === "--output") folder = value;
    else if (name === "--engine") engine = readEngine(value);
    else if (name === "--target") {
      const named = TARGETS.filter((target) => value === "all" || value === target.name);
      if (named.length === 0) throw new BuildError(`Unknown target '${value}'. ${USAGE}`);
      for (const target of named) targets.add(target);
    } else throw new BuildError(USAGE);
  }
  return { folder, targets: [...targets], engine };
}

async function build(target: Target, output: string, engine: EngineChoice): Promise<void> {
  const work = await Deno.makeTempDir({ prefix: "brainjar-build-" });
  try {
    await stageProgram(root, work, ["main.ts"], { ...target, engine });
    await compileProgram(work, `${BUNDLES}/main.js`, target, output);
    if (target.name === Deno.build.target) {
      await checkBuiltProgram(output, configuration.version);
    } else await checkForeignProgram(output, target);
    const { size } = await Deno.stat(output);
    console.log(`${output}: brainjar ${configuration.version}, ${(size / 1e6).toFixed(1)} MB`);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

await orExit(async () => {
  const { folder, targets, engine } = readArguments(Deno.args);
  await Deno.mkdir(folder, { recursive: true });
  if (targets.length === 0) {
    const own = TARGETS.find((target) => target.name === Deno.build.target);
    if (own === undefined) throw new BuildError(`No program can be built on ${Deno.build.target}`);
    await build(own, `${folder}/brainjar${own.os === "win32" ? ".exe" : ""}`, engine);
  }
  for (const target of targets) {
    const suffix = target.os === "win32" ? ".exe" : "";
    await build(target, `${folder}/brainjar-${target.name}${suffix}`, engine);
  }
});
