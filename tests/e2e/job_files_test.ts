import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse, parseAllDocuments } from "yaml";
import { shellWord } from "../../src/report/shell_word.ts";
import { brainjarArguments, DEMO_BRAIN, runBrainjar } from "./program.ts";

// What plan's files of Kubernetes' and Compose's say, done to the letter by programs that stand for
// kubectl and docker: each starts what its file has under the name that it is given.

const ASKED = ["--mode", "matrix", ...DEMO_BRAIN, "--context-size", "256"];
const RUN = ["--turns", "2", "--seed", "11", "--max-tokens", "12"];

/** Commands by the last word that starts each. */
type Commands = Readonly<Record<string, readonly string[]>>;

/** A folder with brainjar and a program of that name that starts these. */
async function folderWith(name: string, commands: Commands): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-plan-" });
  const own = [Deno.execPath(), ...brainjarArguments([])].map(shellWord).join(" ");
  const cases = Object.entries(commands).map(([last, words]) =>
    `${shellWord(last)}) exec ${words.map(shellWord).join(" ")};;`
  );
  const programs = {
    brainjar: `exec ${own} "$@"`,
    [name]: [
      `echo "$*" >> ${shellWord(`${folder}/asked`)}`,
      'for last; do :; done; case "$last" in',
      ...cases,
      "esac; exit 1",
    ].join("\n"),
  };
  for (const [program, text] of Object.entries(programs)) {
    await Deno.writeTextFile(`${folder}/${program}`, `#!/bin/sh\n${text}\n`);
    await Deno.chmod(`${folder}/${program}`, 0o755);
  }
  return folder;
}

/** Runs words of a file there: the run, and a check before it. */
async function follow(
  folder: string,
  run: readonly string[],
  checks: readonly (readonly string[])[],
) {
  const env = { PATH: `${folder}:${Deno.env.get("PATH")}`, NO_COLOR: "1", MALLOC_ARENA_MAX: "1" };
  const start = async ([program = "", ...args]: readonly string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(program, { args, env, cwd: folder })
      .output();
    const [answer, said] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals(code, 0, `${said}${answer}`);
    return answer ?? "";
  };
  try {
    for (const check of checks) assertMatch(await start(check), /VALIDATION PASSED/);
    const answer = await start(run);
    assertMatch(answer, /Run ended as asked: 2 turns, 6 thoughts, \d+ tokens, 0 deaths/);
    return (await Deno.readTextFile(`${folder}/asked`)).trimEnd().split("\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function planned(...more: string[]): Promise<string> {
  const { code, stdout, stderr } = await runBrainjar(["plan", ...ASKED, ...RUN, ...more]);
  assertEquals(code, 0, stderr);
  return stdout;
}

Deno.test("plan: manifests of Kubernetes', followed by a program that stands for kubectl", async () => {
  const text = await planned("--for", "kubernetes", "--image", "brain:1");
  const manifests = parseAllDocuments(text, { version: "1.1" }).map((one) => one.toJS())
    .filter((one) => one !== null);
  const pods = manifests.filter(({ kind }) => kind === "Deployment");
  const commands = Object.fromEntries(pods.map(({ metadata: { name }, spec }) => [
    `deployment/${name}`,
    spec.template.spec.containers[0].command,
  ]));
  const job = manifests.find(({ kind }) => kind === "Job");
  const checks = pods.map(({ spec }) => spec.template.spec.initContainers[0].command);
  const asked = await follow(
    await folderWith("kubectl", commands),
    job.spec.template.spec.containers[0].command,
    checks,
  );
  const attached = asked.filter((line) => line.startsWith("attach "));
  assertEquals(
    attached.map((line) => line.split(" ").at(-1)).toSorted(),
    ["god", "observer", "subject"].map((id) => `deployment/brainjar-${id}`),
  );
});

Deno.test("plan: a Compose file, followed by a program that stands for docker", async () => {
  const text = await planned("--for", "compose", "--image", "brain:1");
  const { services } = parse(text, { version: "1.1" });
  const jars = ["god", "observer", "subject"];
  const commands = Object.fromEntries(jars.map((id) => [id, services[id].entrypoint]));
  const checks = jars.map((id) => services[`${id}-check`].entrypoint);
  // The command stands above, in comments.
  const lines = text.split("\n").filter((line) => /^# {3}/.test(line)).map((line) => line.slice(4));
  assert(lines.length > 0);
  const asked = await follow(
    await folderWith("docker", commands),
    ["sh", "-c", lines.join("\n")],
    checks,
  );
  assertEquals(asked.toSorted(), jars.map((id) => `compose run --rm -T ${id}`));
});
