/**
 * Builds brainjar as one file for any Linux of this processor: a shell script that unpacks the
 * runtime it was built with, the program and the engine at its first start, then runs them.
 * Nothing is fetched but npm packages, at the build.
 *
 * Run as `deno task build:portable [--engine cpu|vulkan|cuda] [FILE]`; the file is
 * dist/brainjar-portable unless named, and its engine computes on the processor alone unless told
 * otherwise.
 */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { createReadStream, createWriteStream } from "node:fs";
import configuration from "../../deno.json" with { type: "json" };
import { tar, type TarEntry } from "./portable/tar.ts";
import { BuildError, orExit } from "./program/build_error.ts";
import { checkBuiltProgram } from "./program/check_built.ts";
import { type EngineChoice, readEngine } from "./program/engine_packages.ts";
import { stageProgram } from "./program/stage.ts";

const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

/** The shell's part: what every start reads, then what only the first one does. */
const SCRIPTS: readonly string[] = ["head.sh", "first_start.sh"];

/** Where the script enters the program. */
const ENTRIES: readonly string[] = [
  "src/packaging/portable/start.ts",
  "src/packaging/portable/settle.ts",
];

/** As `uname -m` names it. */
const MACHINE = Deno.build.arch;

/** The time of every packed file: long ago, so that what is changed later has another one. */
const PACKED_AT = Date.UTC(2020, 0, 1) / 1000;

/** What the unpacked files take besides their bytes: the rest of each one's last block. */
const BLOCK = 4096;

const USAGE = "Usage: deno task build:portable [--engine cpu|vulkan|cuda] [FILE]";

function readArguments(args: readonly string[]) {
  const [first = "", second, ...rest] = args;
  const [, inline] = /^--engine=(.+)$/.exec(first) ?? [];
  if (inline !== undefined) return { engine: readEngine(inline), files: args.slice(1) };
  if (first !== "--engine") return { engine: readEngine(), files: args };
  if (second === undefined) throw new BuildError(USAGE);
  return { engine: readEngine(second), files: rest };
}

async function build(output: string, engine: EngineChoice): Promise<void> {
  if (Deno.build.os !== "linux") {
    throw new BuildError("The portable file can be built on Linux only; see deno task build");
  }
  const work = await Deno.makeTempDir({ prefix: "brainjar-portable-" });
  try {
    const program = `${work}/program`;
    await Deno.mkdir(program);
    await stageProgram(root, program, ENTRIES, {
      os: "linux",
      processor: MACHINE === "aarch64" ? "arm64" : "x64",
      engine,
    });
    const entries = [
      { kind: "folder", name: "program" } as const,
      await fileEntry(Deno.execPath(), "program/brainjar", true),
      ...await entriesOf(program, "program"),
    ];
    const checksum = await compress(entries, `${work}/payload`);
    const made = `${output}.${Deno.pid}`;
    try {
      await assemble(made, `${work}/payload`, checksum, entries);
      await checkBuiltProgram(made, configuration.version, { BRAINJAR_HOME: `${work}/home` });
      await Deno.rename(made, output);
    } finally {
      await Deno.remove(made).catch(() => {});
    }
    const { size } = await Deno.stat(output);
    console.log(`${output}: brainjar ${configuration.version}, ${(size / 1e6).toFixed(1)} MB`);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

async function fileEntry(source: string, name: string, executable: boolean): Promise<TarEntry> {
  const { size } = await Deno.stat(source);
  return { kind: "file", name, source, size, executable };
}

/** Everything in a folder, in the order of names, so that the same files make the same archive. */
async function entriesOf(folder: string, name: string): Promise<TarEntry[]> {
  const found = (await Array.fromAsync(Deno.readDir(folder))).toSorted((one, other) =>
    one.name < other.name ? -1 : 1
  );
  const entries: TarEntry[] = [];
  for (const entry of found) {
    const source = `${folder}/${entry.name}`;
    const inside = `${name}/${entry.name}`;
    if (entry.isSymlink) {
      entries.push({ kind: "link", name: inside, target: await Deno.readLink(source) });
    } else if (entry.isDirectory) {
      entries.push({ kind: "folder", name: inside }, ...await entriesOf(source, inside));
    } else {
      entries.push(await fileEntry(source, inside, false));
    }
  }
  return entries;
}

/** Writes the compressed archive and answers with its SHA-256. */
async function compress(entries: readonly TarEntry[], path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(
    Readable.from(tar(entries, PACKED_AT)),
    createGzip({ level: 6 }),
    async function* (compressed: AsyncIterable<Uint8Array>) {
      for await (const chunk of compressed) {
        hash.update(chunk);
        yield chunk;
      }
    },
    createWriteStream(path),
  );
  return hash.digest("hex");
}

async function assemble(
  path: string,
  payload: string,
  checksum: string,
  entries: readonly TarEntry[],
): Promise<void> {
  const bytes = entries.reduce(
    (sum, entry) =>
      sum + BLOCK + (entry.kind === "file" ? Math.ceil(entry.size / BLOCK) * BLOCK : 0),
    0,
  );
  const values: Record<string, string> = {
    VERSION: configuration.version,
    MACHINE,
    CHECKSUM: checksum,
    ID: `${configuration.version}-${checksum.slice(0, 16)}`,
    KILOBYTES: String(Math.ceil(bytes / 1024)),
    MEGABYTES: String(Math.ceil(bytes / 1e6)),
    PACKED: String(PACKED_AT),
    FOLDERS: entries
      .filter(({ kind, name }) => kind === "folder" && !name.includes("/node_modules"))
      .map(({ name }) => name)
      .join(" "),
  };
  const parts = SCRIPTS.map((name) => Deno.readTextFile(`${root}/src/packaging/portable/${name}`));
  const template = (await Promise.all(parts)).join("\n");
  const head = template.replace(
    /@([A-Z]+)@/g,
    (placeholder, name: string) => values[name] ?? placeholder,
  );
  await Deno.writeTextFile(path, withOffset(head), { mode: 0o755 });
  // Deno's own stream of a file ends well on a full disk, and would leave the program cut off.
  await pipeline(createReadStream(payload), createWriteStream(path, { flags: "a" }));
}

/** Says where the archive begins, counted from 1, in the head that stands before it. */
function withOffset(head: string): string {
  const placeholder = "@OFFSET@";
  const others = new TextEncoder().encode(head.replace(placeholder, "")).length;
  // The number's own digits count too.
  const digits = String(others + 10).length;
  return head.replace(placeholder, String(others + digits + 1));
}

await orExit(async () => {
  const { engine, files: [output = `${root}/dist/brainjar-portable`, ...others] } = readArguments(
    Deno.args,
  );
  if (output.startsWith("-") || others.length > 0) throw new BuildError(USAGE);
  await Deno.mkdir(output.replace(/[^/]*$/, "") || ".", { recursive: true });
  await build(output, engine);
});
