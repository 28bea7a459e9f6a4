import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BrainjarError } from "../../src/budget/error.ts";
import { findPositions, lineAndColumn } from "../../src/cli/jar_file/positions.ts";
import { readLauncher } from "../../src/jar_process/launchers/read_launcher.ts";
import { readJarFile } from "../../src/cli/jar_file/read.ts";
import { JAR_FILE_SCHEMA } from "../../src/cli/jar_file/schema.ts";
import { JARS_OF_MODE } from "../../src/experiment/roles.ts";
import { temporaryFolder, writeFiles } from "./jar_files.ts";

const folder = temporaryFolder();
let count = 0;

/** Reads the first of these files, each test's in a folder of its own. */
function read(files: Readonly<Record<string, string>>) {
  return readJarFile(writeFiles(`${folder}/${count++}`, files));
}

/** What is wrong with these files, without the folder's name. */
function complaintAbout(files: Readonly<Record<string, string>>): BrainjarError {
  const here = `${folder}/${count}/`;
  try {
    read(files);
  } catch (error) {
    if (!(error instanceof BrainjarError)) throw error;
    assertEquals(error.kind, "usage");
    const plain = (text: string) => text.replaceAll(here, "");
    return new BrainjarError(error.code, plain(error.message), { hint: plain(error.hint ?? "") });
  }
  throw new Error(`It was read: ${JSON.stringify(files)}`);
}

interface Bad {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly code: string;
  /** Of the sentence, a place in it. */
  readonly says: RegExp;
  readonly hint?: RegExp;
}

const one = (text: string) => ({ "brainjar.jsonc": text });
const mind = '{ "name": "mind" }';

const BAD: readonly Bad[] = [
  ...([
    ["nothing", "", /end at .*:1:1$/],
    ["a comment alone", "// jars\n/* none */", /end at .*:2:11$/],
    ["a comment that never ends", "{} /*", /end at/],
    [
      "a missing comma",
      '{\n  "jars": [ {"name":"a"}\n {"name":"b"} ]\n}',
      /Unexpected \{ at .*:3:2$/,
    ],
    ["single quotes", "{ 'jars': [] }", /Unexpected 'jars' at .*:1:3$/],
    ["a text that never ends", '{ "jars: [] }', /at .*:1:3$/],
    ["a list that never ends", '{ "jars": [', /end at .*:1:12$/],
    ["something after the end", "{} {}", /Unexpected \{ at .*:1:4$/],
    ["two commas", '{ "jars": [1,,2] }', /Unexpected , at .*:1:14$/],
    [
      "a key twice",
      '{ "jars": [],\n  "jars": [] }',
      /"jars" stands twice in one object at .*:2:3$/,
    ],
    ["deeper than any stack", "[".repeat(200_000), /More than 32 levels at .*:1:33$/],
    ["deeper than a jar file", `{ "a": ${"[".repeat(32)}`, /More than 32 levels at .*:1:39$/],
    ["no levels but in texts", `{ "${"[".repeat(40)}`, /Unexpected .* at .*:1:3$/],
  ] as const).map(([name, text, says]): Bad => ({
    name,
    files: one(text),
    code: "jar-file-syntax",
    says,
  })),
  ...([
    ["at the top", '{ "jar": [] }', /"jar" at .*:1:3$/, /"jars"/],
    ["in a jar", `{\n"jars": [{ "name": "a",\n   "ramlimit": 3 }] }`, /at .*:3:4$/, /"ramLimit"/],
    ["in defaults", '{ "defaults": { "context": 3 } }', /at .*:1:17$/, /"contextSize"/],
    ["in the policy", '{ "policy": { "margin": 3 } }', /at .*:1:15$/, /"safetyMargin"/],
    ["before another mistake", '{ "x": 1, "jars": 3 }', /"x" at .*:1:3$/, /1 more like this/],
    ["of a page", `{ "${"k".repeat(100_000)}": 1 }`, /"k{40}…" at .*:1:3$/, /^It takes/],
    ["that is __proto__", '{ "__proto__": {} }', /"__proto__" at .*:1:3$/, /./],
  ] as const).map(([name, text, says, hint]): Bad => ({
    name: `an unknown key ${name}`,
    files: one(text),
    code: "jar-file-unknown-key",
    says,
    hint,
  })),
  ...([
    ["a list", "[]", /A jar file can't be a list at .*:1:1$/, /object/],
    ["a text", ' "a"', /A jar file can't be a single value at .*:1:2$/, /object/],
    ["nothing", "null", /A jar file can't be a single value at .*:1:1$/, /object/],
    ["jars that are none", '{ "jars": 3 }', /"jars" can't be 3 at .*:1:11$/, /list/],
    [
      "a jar without a name",
      '{ "jars": [ { "role": "god" } ] }',
      /"name" is missing at .*:1:13$/,
      /--ram-limit-NAME/,
    ],
    ["a name with a space", '{ "jars": [{ "name": "a b" }] }', /"a b" at .*:1:22$/, /letters/],
    ["a name like a flag", '{ "jars": [{ "name": "-a" }] }', /"-a"/, /letters/],
    [
      "a role there isn't",
      `{ "jars": [{ "name": "a", "role": "gd" }] }`,
      /"gd" at .*:1:35$/,
      /god/,
    ],
    [
      "a name of another's role",
      '{ "jars": [{ "name": "god" }] }',
      /"god" can't be called .* at .*:1:22$/,
      /role/,
    ],
    [
      "a size with no sense",
      '{ "defaults": { "ramLimit": "3 apples" } }',
      /"3 apples" at .*:1:29$/,
      /512MB/,
    ],
    ["a size of nothing", '{ "defaults": { "ramLimit": 0 } }', /"ramLimit" can't be 0/, /512MB/],
    ["a size below nothing", '{ "defaults": { "ramLimit": -1 } }', /can't be -1/, /512MB/],
    ["a size beyond all", '{ "defaults": { "ramLimit": 1e400 } }', /can't be Infinity/, /512MB/],
    [
      "half a token",
      '{ "defaults": { "contextSize": 1.5 } }',
      /can't be 1.5/,
      /whole number from 1/,
    ],
    ["all of memory kept back", '{ "policy": { "safetyMargin": 100 } }', /can't be 100/, /99.99/],
    ["a cache type there isn't", '{ "defaults": { "kvCacheType": "q9" } }', /"q9"/, /q8_0/],
    [
      "a switch that is a word",
      '{ "defaults": { "mmap": "no" } }',
      /"mmap" can't be "no"/,
      /true or false/,
    ],
    ["an empty model", '{ "defaults": { "model": "" } }', /"model" can't be ""/, /isn't empty/],
    ["an extends that is none", '{ "extends": {} }', /"extends" can't be an object/, /path/],
  ] as const).map(([name, text, says, hint]): Bad => ({
    name,
    files: one(text),
    code: "jar-file-invalid",
    says,
    hint,
  })),
  {
    name: "a name twice",
    files: one(`{ "jars": [${mind},\n ${mind}] }`),
    code: "duplicate-jar",
    says: /"mind" at brainjar.jsonc:1:22 and brainjar.jsonc:2:12$/,
  },
  {
    name: "nobody to watch",
    files: one('{ "jars": [{ "name": "zeus", "role": "god" }] }'),
    code: "no-subject",
    says: /No jar in brainjar.jsonc/,
  },
  { name: "no jars", files: one("{}"), code: "no-subject", says: /brainjar.jsonc/ },
  {
    name: "a file that extends itself",
    files: one('{ "extends": "brainjar.jsonc" }'),
    code: "jar-file-cycle",
    says: /at brainjar.jsonc:1:14: brainjar.jsonc → brainjar.jsonc$/,
  },
  {
    name: "files that extend each other",
    files: {
      "a.jsonc": '{ "extends": "b/b.jsonc" }',
      "b/b.jsonc": '{ "extends": [ "../c.jsonc" ] }',
      "c.jsonc": '{\n "extends": "./b/b.jsonc" }',
    },
    code: "jar-file-cycle",
    says: /at c.jsonc:2:13: b\/b.jsonc → c.jsonc → b\/b.jsonc$/,
  },
  {
    name: "an extends that leads nowhere",
    files: one('{ "extends": ["none.jsonc"] }'),
    code: "jar-file-not-found",
    says: /none.jsonc \(named at brainjar.jsonc:1:15\)$/,
  },
  {
    name: "a mistake in what is extended",
    files: { "a.jsonc": '{ "extends": "b.jsonc" }', "b.jsonc": '{ "job": 1 }' },
    code: "jar-file-unknown-key",
    says: /"job" at b.jsonc:1:3$/,
  },
];

for (const { name, files, code, says, hint } of BAD) {
  Deno.test(`jar file, bad: ${name}`, () => {
    const complaint = complaintAbout(files);
    assertEquals(complaint.code, code, complaint.message);
    assertMatch(complaint.message, says);
    assertMatch(complaint.message, /^[A-Z"][\s\S]*[^.]$/);
    assertMatch(complaint.hint ?? "", hint ?? /./);
  });
}

Deno.test("jar file, bad: one that isn't there, a folder, no text", () => {
  const messageOf = (path: string) => {
    try {
      readJarFile(path);
    } catch (error) {
      if (error instanceof BrainjarError) return `${error.code}: ${error.hint}`;
    }
    return "";
  };
  Deno.writeFileSync(`${folder}/latin`, new Uint8Array([0x7b, 0xe4, 0x7d]));
  assertMatch(messageOf(`${folder}/none.jsonc`), /^jar-file-not-found: Name a file with --jars/);
  assertMatch(messageOf(folder), /^jar-file-unreadable: It is not a file/);
  assertMatch(messageOf(`${folder}/latin`), /^jar-file-unreadable: It is not UTF-8/);
});

Deno.test("jar file: everything that can be said, and what isn't is left to others", () => {
  const set = read(one(`\uFEFF// Comments, a byte order mark and trailing commas are welcome.
    {
      "$schema": "jars.schema.json",
      "defaults": { "model": "models/a.gguf", "kvCacheType": "q8_0", },
      "jars": [
        { "name": "mind", "ramLimit": 1.5, "contextSize": 2048, "batchSize": 64 },
        { "name": "zeus", "role": "god", "model": "https://host/b.gguf", "ramLimit": "512MB",
          "kvCacheType": "f16", "flashAttention": "off", "mmap": false, "prompt": "Thunder." },
      ],
      "policy": { "safetyMargin": 20, "allocationHeadroom": 0, "loadHeadroom": "1GB",
                  "criterion": "floor", "shareWeights": false },
    }`));
  assertEquals(set.mode, "jars");
  assertEquals(set.policy, {
    safetyMarginPercent: 20,
    allocationHeadroomBytes: 0,
    loadHeadroomBytes: 1024 ** 3,
    criterion: "floor",
    shareWeights: false,
  });
  const [first, second] = set.jars;
  assert(first?.model?.endsWith("/models/a.gguf"));
  assertMatch(first?.modelPlace?.() ?? "", /brainjar\.jsonc:4:30$/);
  assertEquals(first?.ramLimitBytes, 1.5 * 1024 ** 3);
  assertEquals(first?.context, { contextSize: 2048, batchSize: 64, kvCacheType: "Q8_0" });
  assertEquals(second?.role, "god");
  assertEquals(second?.model, "https://host/b.gguf");
  assertEquals(second?.prompt, "Thunder.");
  assertEquals(second?.context, { kvCacheType: "F16", flashAttention: "off", mmap: false });
});

Deno.test("jar file: what is nearer overrides what it extends, key by key", () => {
  const set = read({
    "top.jsonc": `{ "extends": ["lib/base.jsonc", "lib/more.jsonc"],
      "defaults": { "contextSize": 100 },
      "jars": [{ "name": "b", "ramLimit": 2 }, { "name": "d" }], "policy": { "safetyMargin": 5 } }`,
    "lib/base.jsonc": `{ "defaults": { "model": "m.gguf", "contextSize": 1, "batchSize": 8 },
      "jars": [{ "name": "a" }, { "name": "b", "role": "observer", "ramLimit": 1 }],
      "policy": { "safetyMargin": 50, "criterion": "floor" } }`,
    // Extended twice is no cycle.
    "lib/more.jsonc": `{ "extends": "base.jsonc", "jars": [{ "name": "c", "role": "god" }] }`,
  });
  assertEquals(set.jars.map(({ id, role }) => `${id} ${role}`), [
    "a subject",
    "b observer",
    "c god",
    "d subject",
  ]);
  assertEquals(
    set.jars.map(({ context }) => context),
    Array(4).fill({ contextSize: 100, batchSize: 8 }),
  );
  assert(set.jars.every(({ model }) => model?.endsWith("/lib/m.gguf")));
  assertEquals(set.jars[1]?.ramLimitBytes, 2 * 1024 ** 3);
  assertEquals(set.policy, { safetyMarginPercent: 5, criterion: "floor" });
});

Deno.test("jar file: a mode is a jar file of the same shape", () => {
  for (const mode of ["single", "matrix", "peer"] as const) {
    const file = { jars: JARS_OF_MODE[mode].map(({ id, role }) => ({ name: id, role })) };
    // A peer may be called what it is; a jar called after a role has that role.
    assertEquals(JAR_FILE_SCHEMA.safeParse(file).success, true);
    const jars = read(one(JSON.stringify(file))).jars.map(({ id, role }) => ({ id, role }));
    assertEquals(jars, JARS_OF_MODE[mode]);
  }
});

/** All paths to values that hold no others. */
function leaves(value: unknown, path: readonly PropertyKey[] = []): [PropertyKey[], unknown][] {
  if (typeof value !== "object" || value === null) return [[[...path], value]];
  return Object.entries(value).flatMap(([key, item]) => leaves(item, [...path, key]));
}

Deno.test("jar file: every value of any JSON is found where it stands", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom("", " ", "\t"), (value, indent) => {
      // Comments and trailing commas where JSON has line breaks.
      const plain = JSON.stringify(value, null, indent);
      const text = plain.replaceAll("\n", ' // {["\n/* ,}] */');
      const positions = findPositions(text);
      assertEquals(positions.duplicateKey, undefined);
      for (const [path, leaf] of leaves(JSON.parse(plain))) {
        const at = positions.at(path)?.value ?? -1;
        assert(text.startsWith(JSON.stringify(leaf), at), `${JSON.stringify(path)} in ${text}`);
      }
    }),
    { seed: 7, numRuns: 300 },
  );
});

Deno.test("jar file: lines end as any system ends them, columns count characters", () => {
  assertEquals(lineAndColumn("", 0), "1:1");
  assertEquals(lineAndColumn("a\nb\r\nc\rd", 7), "4:1");
  assertEquals(lineAndColumn("\u{1f9e0}\u{1fad9}x", 4), "1:3");
});

Deno.test("jar file: no launcher that it may name starts a command of its author's", () => {
  const launcherOf = (launcher: string) =>
    read({ "brainjar.jsonc": JSON.stringify({ jars: [{ name: "mind", launcher }] }) })
      .jars?.[0]?.launcher;
  for (const name of ["in-process", "process", "systemd", "slurm", "ssh lab", "ssh me@10.0.0.7"]) {
    const choice = readLauncher(launcherOf(name) ?? "");
    if (choice === undefined) continue;
    if (choice.kind !== "known") throw new Error(`A command: ${name}`);
    assertEquals([choice.words, choice.operand], [[], name.split(" ")[1] ?? ""]);
  }
  const commands = [
    ...["npx evil", "sh evil.sh", "touch evil", "slurm evil", "systemd evil", "process evil"],
    ...["docker evil/image", "podman evil", "kubernetes evil", "{command}", "evil {command}"],
    ...["ssh -oProxyCommand=evil", "ssh lab evil", "ssh lab;evil", "ssh $(evil)", "ssh lab\nevil"],
    ...["ssh -p 22 lab", "ssh", "slurm --prolog=evil", " slurm", "slurm\n", "toString", ""],
  ];
  for (const command of commands) {
    const { hint = "" } = assertThrows(
      () => launcherOf(command),
      BrainjarError,
      undefined,
      command,
    );
    assertMatch(hint, /^It takes in-process, process, systemd, slurm, or ssh HOST/);
  }
});
