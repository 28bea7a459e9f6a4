import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { BrainjarError } from "../../src/budget/error.ts";
import { MAX_EXTENDS_DEPTH, MAX_FILES, ONE_RUN } from "../../src/cli/jar_file/limits.ts";
import { readJarFile } from "../../src/cli/jar_file/read.ts";
import { temporaryFolder, writeFiles } from "./jar_files.ts";

// What a jar file can make brainjar do has an end; how long that takes is no matter of these tests.

const folder = temporaryFolder();
let count = 0;

type Files = Readonly<Record<string, string>>;

/** The files in a folder of their own; the path of the first. */
function write(files: Files): string {
  return writeFiles(`${folder}/${count++}`, files);
}

function complaintOf(path: string): BrainjarError {
  try {
    readJarFile(path);
  } catch (error) {
    if (error instanceof BrainjarError) return error;
    throw error;
  }
  throw new Error(`It was read: ${path}`);
}

const jarsText = (names: readonly string[]) =>
  JSON.stringify({ jars: names.map((name) => ({ name })) });
const numbered = (count: number, letter = "j") =>
  Array.from({ length: count }, (_, index) => `${letter}${index}`);
const extending = (...bases: readonly string[]) => JSON.stringify({ extends: bases });

/** So many files in a row, each extending the next by every one of `times` mentions. */
function chain(length: number, times = 1): Files {
  return Object.fromEntries(Array.from({ length }, (_, index) => [
    `${index}.jsonc`,
    index === length - 1
      ? jarsText(["a"])
      : extending(...Array<string>(times).fill(`${index + 1}.jsonc`)),
  ]));
}

/** A file that extends so many others. */
function fan(count: number): Files {
  const bases = numbered(count, "b").map((name) => `${name}.jsonc`);
  return {
    "top.jsonc": extending(...bases),
    ...Object.fromEntries(bases.map((base, index) => [base, jarsText([`j${index}`])])),
  };
}

/** So many bytes of a jar file. */
const ofBytes = (bytes: number) => jarsText(["a"]).padEnd(bytes);

interface Limit {
  readonly name: string;
  readonly files: Files;
  readonly code: string;
  readonly says: RegExp;
}

const BEYOND: readonly Limit[] = [
  {
    name: "more jars than a process has",
    files: { "top.jsonc": jarsText(numbered(ONE_RUN.jars + 1)) },
    code: "jar-file-too-many-jars",
    says: /top\.jsonc has 257 jars, more than the 256 /,
  },
  {
    name: "jars that aren't even jars",
    files: { "top.jsonc": `{ "jars": [${Array(10_000).fill("1").join()}] }` },
    code: "jar-file-too-many-jars",
    says: /top\.jsonc has 10000 jars/,
  },
  {
    name: "more jars in several files",
    files: {
      "top.jsonc": `{ "extends": "base.jsonc", "jars": [{ "name": "one-more" }] }`,
      "base.jsonc": jarsText(numbered(ONE_RUN.jars)),
    },
    code: "jar-file-too-many-jars",
    says: /top\.jsonc has 257 jars/,
  },
  {
    name: "more files",
    files: fan(MAX_FILES),
    code: "jar-file-too-many-files",
    says: /more than 64 files in all, at .*b63\.jsonc$/,
  },
  {
    name: "one file many times over",
    files: {
      "top.jsonc": extending(...Array<string>(20_000).fill("a.jsonc")),
      "a.jsonc": jarsText(["a"]),
    },
    code: "jar-file-too-many-files",
    says: /at .*top\.jsonc$/,
  },
  {
    name: "more files in a row",
    files: chain(MAX_EXTENDS_DEPTH + 1),
    code: "jar-file-too-deep",
    says: /more than 32 deep, at .*32\.jsonc$/,
  },
  {
    name: "more files in a row, the last of them known from elsewhere",
    files: {
      "top.jsonc": extending(`${MAX_EXTENDS_DEPTH - 2}.jsonc`, "0.jsonc"),
      ...chain(MAX_EXTENDS_DEPTH),
    },
    code: "jar-file-too-deep",
    says: /more than 32 deep/,
  },
  {
    name: "a large file",
    files: { "top.jsonc": ofBytes(ONE_RUN.bytes + 1) },
    code: "jar-file-too-large",
    says: /top\.jsonc is too large: 262145 bytes$/,
  },
  {
    name: "files that are large together",
    files: { "top.jsonc": extending("a.jsonc"), "a.jsonc": ofBytes(ONE_RUN.bytes) },
    code: "jar-file-too-large",
    says: /a\.jsonc is too large/,
  },
];

for (const { name, files, code, says } of BEYOND) {
  Deno.test(`jar file, beyond its limits: ${name}`, () => {
    const { code: found, message, hint, kind } = complaintOf(write(files));
    assertEquals(found, code);
    assertEquals(kind, "usage");
    assertMatch(message, says);
    assertMatch(hint ?? "", /^[A-Z].*[^.]$/);
  });
}

const WITHIN: readonly (readonly [name: string, files: Files, jars: number])[] = [
  ["as many jars", { "top.jsonc": jarsText(numbered(ONE_RUN.jars)) }, ONE_RUN.jars],
  ["the same jars in two files", {
    "top.jsonc": JSON.stringify({ extends: "b.jsonc", ...JSON.parse(jarsText(numbered(200))) }),
    "b.jsonc": jarsText(numbered(200)),
  }, 200],
  ["as many files", fan(MAX_FILES - 1), MAX_FILES - 1],
  ["as many files in a row", chain(MAX_EXTENDS_DEPTH), 1],
  ["each extended twice, 25 levels of it", chain(25, 2), 1],
  ["as many bytes", { "top.jsonc": ofBytes(ONE_RUN.bytes) }, 1],
];

for (const [name, files, jars] of WITHIN) {
  Deno.test(`jar file, within its limits: ${name}`, () => {
    assertEquals(readJarFile(write(files)).jars.length, jars);
  });
}

/** What a file says by the rule as it is told: all that it extends, one after another, then itself. */
function sequence(files: readonly JarFile[], index: number): readonly JarFile[] {
  const file = files[index];
  if (file === undefined) return [];
  return [...file.bases.flatMap((base) => sequence(files, base)), file];
}

interface JarFile {
  readonly bases: readonly number[];
  readonly defaults: Readonly<Record<string, number>>;
  readonly jars: readonly Readonly<Record<string, string | number>>[];
}

const sizes = fc.dictionary(
  fc.constantFrom("contextSize", "batchSize"),
  fc.integer({ min: 1, max: 99 }),
  {
    noNullPrototype: true,
  },
);

/** A file that extends some of those after it, the same ones again too. */
const jarFile = (index: number, count: number) =>
  fc.record({
    bases: index + 1 < count
      ? fc.array(fc.integer({ min: index + 1, max: count - 1 }), { maxLength: 4 })
      : fc.constant<number[]>([]),
    defaults: sizes,
    jars: fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { maxLength: 4 })
      .chain((names) => fc.tuple(...names.map((name) => sizes.map((own) => ({ name, ...own }))))),
  });

Deno.test("jar file: files that are extended several times count as if each were read each time", () => {
  fc.assert(
    fc.property(
      fc.tuple(...Array.from({ length: 6 }, (_, index) => jarFile(index, 6))),
      (files) => {
        const path = write(Object.fromEntries(files.map(({ bases, defaults, jars }, index) => [
          `${index}.jsonc`,
          JSON.stringify({ extends: bases.map((base) => `${base}.jsonc`), defaults, jars }),
        ])));
        const expected = new Map<string | number, object>();
        let defaults = {};
        for (const file of sequence(files, 0)) {
          defaults = { ...defaults, ...file.defaults };
          for (const { name = "", ...own } of file.jars) {
            expected.set(name, { ...expected.get(name), ...own });
          }
        }
        if (expected.size === 0) return assertEquals(complaintOf(path).code, "no-subject");
        assertEquals(
          readJarFile(path).jars.map(({ id, context }) => [id, context]),
          [...expected].map(([id, own]) => [id, { ...defaults, ...own }]),
        );
      },
    ),
    { seed: 11, numRuns: 200 },
  );
});

const SECRETS = ["hunter2 is it", '"hunter2"', '["hunter2", { "a": 1, "a": 2 }]', "{ hunter2: 1 }"];

for (const secret of SECRETS) {
  Deno.test(`jar file: no words of what is extended and no jar file: ${secret}`, () => {
    const path = write({ "top.jsonc": extending("secret.txt"), "secret.txt": secret });
    const { code, message, hint, cause } = complaintOf(path);
    assertMatch(code, /^jar-file-(syntax|invalid)$/);
    assertMatch(message, /secret\.txt:1:\d+$/);
    assert(!`${message}${hint}${cause}`.includes("hunter2"), message);
  });
}

Deno.test("jar file: what was named is quoted, what a link leads to isn't", () => {
  const path = write({ "secret.txt": "hunter2 is it" });
  assertMatch(complaintOf(path).message, /^Unexpected hunter2 at /);
  if (Deno.build.os === "windows") return;
  const link = path.replace("secret.txt", "brainjar.jsonc");
  Deno.symlinkSync("secret.txt", link);
  assertMatch(complaintOf(link).message, /^Unexpected text at .*brainjar\.jsonc:1:1$/);
});

Deno.test({
  name: "jar file: what is no regular file is refused and not opened, named or extended",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const path = write({ "top.jsonc": extending("pipe") });
    const pipe = path.replace("top.jsonc", "pipe");
    // Opening it would wait for a writer for ever.
    assert(new Deno.Command("mkfifo", { args: [pipe] }).outputSync().success);
    for (const refused of [path, pipe, "/dev/zero", folder]) {
      const { code, hint } = complaintOf(refused);
      assertEquals([code, hint], ["jar-file-unreadable", "It is not a file"]);
    }
    // It has no size and may have no end either.
    assertEquals(complaintOf("/proc/self/mountinfo").code, "jar-file-syntax");
  },
});
