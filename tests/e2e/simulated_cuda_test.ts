import { assert, assertEquals, assertMatch } from "@std/assert";
import { compileSimulatedCuda } from "../../fixtures/truth/gpu/simulated_cuda.ts";
import { installedBackends } from "../../src/engine/gpu/backends.ts";
import { brainjarArguments, DEMO_BRAIN, ROOT } from "./program.ts";

// The program on CUDA devices that aren't there (fixtures/truth/README.md): the engine's own CUDA
// libraries, a driver that keeps account of memory as an H100's does, and zeros for every result.

const MIB = 1024 ** 2;
const GB = 1024 ** 3;

/** What an H100 takes beside its buffers: so a card is full where a real one is. */
const BESIDE = {
  SIMULATED_CUDA_CONTEXT: String(527 * MIB),
  SIMULATED_CUDA_LOCAL: String(66 * MIB),
  SIMULATED_CUDA_HANDLE: String(66 * MIB),
};

/** The sign of a card in /dev, in a mount namespace of the program's own. */
const WITH_SIGN = [
  'mount -t tmpfs none "$0" && cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom "$0"',
  'mkdir "$0/shm" && mount --bind /dev/shm "$0/shm" && ln -s /proc/self/fd "$0/fd"',
  'touch "$0/nvidiactl" && mount --rbind "$0" /dev && exec "$@"',
].join(" && ");

async function succeeds(program: string, ...args: readonly string[]): Promise<boolean> {
  const command = new Deno.Command(program, { args: [...args], stdout: "null", stderr: "null" });
  return await command.output().then(({ success }) => success, () => false);
}

async function whyNotSimulated(): Promise<string | undefined> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return "it is for x64 Linux";
  if (!installedBackends().includes("cuda")) return "the engine's CUDA libraries aren't installed";
  if (!await succeeds("cc", "--version")) return "there is no C compiler";
  const mayMount = await succeeds("unshare", "--mount", "true");
  return mayMount ? undefined : "it needs root, for a mount namespace";
}

const whyNot = await whyNotSimulated();

/** A card: 9.0 with 132 multiprocessors, or 8.6 with 82. */
function card(totalBytes: number, capability: "9.0:132" | "8.6:82" = "9.0:132"): string {
  return `${capability}:${totalBytes}:${totalBytes}`;
}

/** Runs brainjar on these cards; several runs of one test share them, as processes do. */
type Run = (cards: readonly string[], args: readonly string[]) => Promise<{
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}>;

function testSimulated(name: string, test: (run: Run) => Promise<void>): void {
  const skipped = whyNot === undefined ? "" : ` (skipped: ${whyNot})`;
  const fn = async () => {
    const folder = await Deno.makeTempDir({ prefix: "brainjar-simulated-" });
    try {
      await compileSimulatedCuda(`${folder}/libraries`);
      await Deno.mkdir(`${folder}/dev`);
      await test(async (cards, args) => {
        const { code, stdout, stderr } = await new Deno.Command("unshare", {
          args: ["--mount", "sh", "-c", WITH_SIGN, `${folder}/dev`, Deno.execPath()].concat(
            brainjarArguments(args),
          ),
          cwd: ROOT,
          env: {
            ...BESIDE,
            NO_COLOR: "1",
            BRAINJAR_HOME: folder,
            LD_LIBRARY_PATH: `${folder}/libraries`,
            SIMULATED_CUDA: cards.join(";"),
            SIMULATED_CUDA_SHARED: `${folder}/shared`,
          },
        }).output();
        const decoder = new TextDecoder();
        return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  };
  Deno.test({ name: `simulated CUDA: ${name}${skipped}`, ignore: whyNot !== undefined, fn });
}

const ON_CUDA = ["--gpu", "cuda", ...DEMO_BRAIN];

testSimulated("both cards are there, with their names and sizes", async (run) => {
  const { code, stdout } = await run([card(80 * GB), card(24 * GB, "8.6:82")], ["memory"]);
  assertEquals(code, 0);
  assertMatch(stdout, /cuda:0: Simulated 9\.0[^]+80\.00 GB[^]+cuda:1: Simulated 8\.6[^]+24\.00 GB/);
});

testSimulated(
  "what passes lives on a card with no byte more, what doesn't is refused",
  async (run) => {
    const layers = ["--gpu-layers", "all", "--context-size", "512"];
    const args = [...ON_CUDA, ...layers, "--safety-margin", "0"];
    const { stdout } = await run([card(80 * GB)], ["check", ...args, "--json"]);
    const needed = JSON.parse(stdout).pools[1].requiredBytes;
    // What the watch keeps free (src/budget/README.md).
    const least = needed + 64 * MIB;
    const headrooms = ["--load-headroom", "0", "--allocation-headroom", "0"];
    const turns = ["--turns", "2", "--max-tokens", "8"];
    const lives = await run([card(least + 1)], ["run", ...args, ...headrooms, ...turns]);
    assertEquals(lives.code, 0, lives.stderr);
    assertMatch(lives.stdout, /2 thoughts.+0 deaths/);
    const refused = await run([card(needed - 1)], ["run", ...args, ...headrooms, ...turns]);
    assertEquals(refused.code, 1, refused.stderr);
    assertMatch(refused.stdout, /on cuda:0 .+ exceed .+/);
    assertMatch(refused.stdout, /0 thoughts/);
  },
);

testSimulated(
  "of eight runs at once a card that nobody has tried lets in as many as fit",
  async (run) => {
    const args = [...ON_CUDA, "--turns", "4", "--max-tokens", "8"];
    const runs = Array.from(
      { length: 8 },
      () => run([card(Math.round(2.4 * GB))], ["run", ...args]),
    );
    const ended = await Promise.all(runs);
    const of = (code: number) => ended.filter((one) => one.code === code);
    // 0.72 of 2.04 GB each; who comes when one has ended may be let in, too.
    assert(of(0).length >= 2, `${of(0).length} ended well`);
    assertEquals(of(0).length + of(1).length, 8, ended.map(({ stderr }) => stderr).join("\n"));
    for (const { stdout } of of(0)) assertMatch(stdout, /0 deaths/);
    for (const { stdout } of of(1)) assertMatch(stdout, /on cuda:0/);
  },
);

testSimulated("a matrix over two unequal cards, and all is given back", async (run) => {
  const { code, stdout, stderr } = await run([card(8 * GB), card(4 * GB, "8.6:82")], [
    "run",
    "--mode",
    "matrix",
    "--turns",
    "1",
    "--max-tokens",
    "8",
    ...ON_CUDA,
  ]);
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /on cuda:0/);
  assertMatch(stdout, /on cuda:1/);
  assertMatch(stdout, /still reserved: 0 bytes\n$/);
});

testSimulated(
  "estimates for one, two and three cards are the engine's own dry loads",
  async (run) => {
    const cards = [card(80 * GB), card(24 * GB, "8.6:82"), card(8 * GB, "8.6:82")];
    for (const count of [1, 2, 3]) {
      for (const layers of ["0", "1", "all"]) {
        const args = ["estimate", ...DEMO_BRAIN.slice(1), "--gpu", "cuda", "--gpu-layers", layers];
        const { code, stdout, stderr } = await run(
          cards.slice(0, count),
          [...args, "--compare", "--json"],
        );
        assertEquals(code, 0, stderr);
        const [header, engine] = JSON.parse(stdout).estimates;
        const devices: { bytes: Record<string, number> }[] = header.pools.slice(1);
        assertEquals(devices.length, count);
        const all = (...parts: readonly string[]) =>
          devices.reduce(
            (sum, { bytes }) => sum + parts.reduce((own, part) => own + (bytes[part] ?? NaN), 0),
            0,
          );
        assertEquals(
          {
            modelBytes: all("weights"),
            contextBytes: all("kvCache", "recurrentState", "compute"),
          },
          engine.dryLoad.onDevices,
          `${count} cards, ${layers} layers`,
        );
      }
    }
  },
);
