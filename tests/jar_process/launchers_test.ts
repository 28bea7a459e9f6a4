import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { defined } from "../../src/budget/defined.ts";
import { BrainjarError } from "../../src/budget/error.ts";
import { MB } from "../../src/budget/size.ts";
import {
  fillLine,
  fillTemplate,
  type LaunchRequest,
} from "../../src/jar_process/launchers/fill_template.ts";
import { readLauncher } from "../../src/jar_process/launchers/read_launcher.ts";
import { limitOf, requestOf } from "../../src/jar_process/launchers/asked_of.ts";
import { checkLaunchers } from "../../src/jar_process/launchers/start_jars.ts";
import { LAUNCHERS } from "../../src/jar_process/launchers/table.ts";

const REQUEST: LaunchRequest = {
  name: "brainjar-god-1",
  memoryBytes: 50 * MB,
  requestBytes: 70 * MB,
  gpus: 0,
  command: ["/opt/my deno", "run", "main.ts", "jar"],
  operand: "",
  words: [],
  isRoot: true,
};

const COMMAND = "/opt/my deno|run|main.ts|jar";

const SSH = "-T|-o|BatchMode=yes|-o|ConnectTimeout=30|lab";

const LINES: readonly [asked: string, more: Partial<LaunchRequest>, words: string][] = [
  ["process", {}, COMMAND],
  [
    "systemd",
    {},
    "systemd-run|--scope|--quiet|--collect|--unit=brainjar-god-1|--property=MemoryMax=52428800|" +
    `--property=MemorySwapMax=0|--|${COMMAND}`,
  ],
  [
    "slurm --partition=long",
    { gpus: 2, isRoot: false },
    "srun|--ntasks=1|--overlap|--mem=50M|--gpus=2|--job-name=brainjar-god-1|--unbuffered|" +
    `--kill-on-bad-exit=1|--partition=long|${COMMAND}`,
  ],
  ["ssh -p 2222 lab", {}, `ssh|-p|2222|${SSH}|'/opt/my deno' run main.ts jar`],
  [
    'ssh -v lab -- cd "$HOME/my minds" && npx brainjar jar',
    {},
    `ssh|-v|${SSH}|cd "$HOME/my minds" && npx brainjar jar`,
  ],
  [
    "docker brain:1",
    {},
    "docker|run|--rm|--interactive|--name=brainjar-god-1|--memory=52428800b|" +
    `--memory-swap=52428800b|--env=MALLOC_ARENA_MAX=1|brain:1|${COMMAND}`,
  ],
];

for (const [asked, more, words] of LINES) {
  Deno.test(`launchers: ${asked} is this command line`, () => {
    const choice = readLauncher(asked);
    if (choice?.kind !== "known") throw new Error("One of the table");
    const { launcher, operand, words: own, command } = choice;
    const request = { ...REQUEST, ...defined({ commandLine: command }), operand, words: own };
    assertEquals(fillTemplate(launcher, { ...request, ...more }).join("|"), words);
  });
}

Deno.test("launchers: a user's scope is the user's own", () => {
  const systemd = LAUNCHERS.find(({ name }) => name === "systemd");
  assert(systemd && fillTemplate(systemd, { ...REQUEST, isRoot: false }).includes("--user"));
});

Deno.test("launchers: a pod has its request and its limit", () => {
  const kubernetes = readLauncher("kubernetes brain:1");
  if (kubernetes?.kind !== "known") throw new Error("One of the table");
  const words = fillTemplate(kubernetes.launcher, { ...REQUEST, operand: 'brain:"1"' });
  const overrides = words.find((word) => word.startsWith("--overrides="))?.slice(12) ?? "";
  const [container] = JSON.parse(overrides).spec.containers;
  assertEquals(container.image, 'brain:"1"');
  assertEquals(container.command, REQUEST.command);
  const resources = {
    requests: { memory: String(70 * MB) },
    limits: { memory: String(50 * MB) },
  };
  assertEquals(container.resources, resources);
  const onDevices = fillTemplate(kubernetes.launcher, { ...REQUEST, operand: "x", gpus: 2 });
  const asked = onDevices.find((word) => word.startsWith("--overrides="))?.slice(12) ?? "";
  assertEquals(JSON.parse(asked).spec.containers[0].resources, {
    ...resources,
    limits: { ...resources.limits, "nvidia.com/gpu": "2" },
  });
});

Deno.test("launchers: a command of one's own is a shell's line, each value a word of it", () => {
  const line = fillLine("qrsh -l h_vmem={memory} -N {name} {command}", {
    ...REQUEST,
    name: "a'; rm -rf b",
  });
  assertEquals(
    line,
    `qrsh -l h_vmem=52428800 -N 'a'\\''; rm -rf b' '/opt/my deno' run main.ts jar`,
  );
});

Deno.test("launchers: the limit is under neither the floor nor the request, and whole MiB", () => {
  const choices = ["slurm", "systemd", "docker x", "kubernetes x", "batch {memory} {command}"]
    .map((text) => readLauncher(text));
  fc.assert(fc.property(fc.nat(2 ** 40), fc.nat(2 ** 40), (floorBytes, more) => {
    const footprint = {
      floorBytes,
      workingSetBytes: floorBytes + more,
      shared: { floorBytes: 0, workingSetBytes: 0 },
    };
    for (const choice of choices) {
      if (choice === undefined) throw new Error("A launcher");
      const demand = { id: "god", role: "god", model: "m", footprint } as const;
      const bare = limitOf(choice, demand, "floor") ?? 0;
      assert(bare >= floorBytes + 2 * MB && bare % MB === 0, `${bare} for ${floorBytes}`);
      assert(bare < floorBytes + 11 * MB + 1);
      const full = limitOf(choice, demand, "working-set") ?? 0;
      const least = Math.max(bare, requestOf(demand, "working-set"));
      assert(full >= least && full < least + MB && full % MB === 0, `${full} for ${least}`);
    }
  }));
});

Deno.test("launchers: what is asked for wrongly is refused in a sentence", () => {
  const wrong: readonly [text: string, code: string][] = [
    ["slrum", "unknown-launcher"],
    ["", "unknown-launcher"],
    ["ssh", "launcher-operand"],
    ["docker --privileged", "launcher-operand"],
    ["slurm --comment='two words'", "launcher-operand"],
    ["qsub {memry} {command}", "unknown-placeholder"],
    ["in-process now", "unknown-launcher"],
    ["process --fast", "launcher-operand"],
    ["ssh lab brainjar jar", "launcher-operand"],
    ["ssh -p 22 lab brainjar", "launcher-operand"],
    ["ssh -- brainjar jar", "launcher-operand"],
    ["ssh lab --", "launcher-operand"],
    ["ssh $LAB -- brainjar jar", "launcher-operand"],
    ["slurm -- '/opt/my brainjar' jar", "launcher-operand"],
  ];
  for (const [text, code] of wrong) {
    assertEquals(assertThrows(() => readLauncher(text), BrainjarError).code, code, text);
  }
  const slurm = readLauncher("slurm");
  if (slurm === undefined) throw new Error("A launcher");
  const choices = new Map([["god", slurm]]);
  const own = { words: ["deno"], folder: "/" };
  const missing = assertThrows(() => checkLaunchers({ choices, own }, "/nowhere"), BrainjarError);
  assertEquals(missing.code, "launcher-missing");
  const unknown = assertThrows(() => checkLaunchers({ choices, own: undefined }), BrainjarError);
  assertEquals(unknown.code, "own-command-unknown");
});
