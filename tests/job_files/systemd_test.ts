import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BrainjarError } from "../../src/budget/error.ts";
import { MB } from "../../src/budget/size.ts";
import type { Job } from "../../src/job_files/job.ts";
import { systemdFiles, unitCommand } from "../../src/job_files/systemd.ts";
import { printableLines } from "../../src/report/printable.ts";
import { assertGolden } from "../golden.ts";
import { checkedWith, jobWith, MATRIX, MORE, WORD } from "./cases.ts";

const isThere = await new Deno.Command("systemd-analyze", { args: ["--version"] }).output()
  .then(({ success }) => success, () => false);
const skipped = isThere ? "" : " (skipped: systemd is not installed)";

Deno.test("systemd: units of three jars and their run", async () => {
  await assertGolden("plan-systemd", systemdFiles(MATRIX).map(({ text }) => text).join("\n"));
});

Deno.test("systemd: nothing of a word is one of systemd's own", () => {
  assertEquals(unitCommand(["%t", "$HOME", "a\nb", "\\"]), '%%t $$HOME "a\\x0ab" "\\\\"');
});

const NO_CHARACTERS = /\p{Noncharacter_Code_Point}/u;

Deno.test("systemd: a code point that is no character is refused, which systemd would leave out", () => {
  for (const code of [0xfdd0, 0xfffe, 0x1ffff, 0x10fffe]) {
    const word = `/models/${String.fromCodePoint(code)}`;
    assertThrows(() => unitCommand([word]), BrainjarError, "no unit with this");
  }
});

Deno.test({
  name: `systemd: systemd reads every unit without a complaint${skipped}`,
  ignore: !isThere,
  fn: async () => {
    for (const job of [MATRIX, MORE]) assertEquals((await verified(job)).complaints, []);
  },
});

Deno.test({
  name: `systemd: whatever a word is, the process is told it as it is${skipped}`,
  ignore: !isThere,
  fn: async () => {
    await fc.assert(
      fc.asyncProperty(WORD, async (word) => {
        fc.pre(!NO_CHARACTERS.test(word));
        const { complaints, commands } = await verified(jobWith(word));
        assertEquals(complaints, []);
        const check = ["brainjar", ...checkedWith(word, "subject", 5400 * MB)];
        const told = commands.filter(([, flag]) => flag === "-c").map((words) => words.slice(3));
        assertEquals(told.find((words) => words.includes("subject")), check);
        assertEquals(commands.filter(([, , first]) => first === "check").length, 0);
      }),
      { numRuns: 40 },
    );
  },
});

/** What systemd complains about, and the commands that it found, as it found them. */
async function verified(job: Job) {
  const folder = await Deno.makeTempDir();
  try {
    const files = systemdFiles(job);
    for (const { text } of files) assertEquals(printableLines(text), text);
    for (const { name, text } of files) {
      // A program that is there stands for brainjar.
      const there = text.replaceAll(/^(Exec\w+=)brainjar /gm, "$1/bin/true ");
      await Deno.writeTextFile(`${folder}/${name}`, there);
    }
    const names = files.map(({ name }) => `${folder}/${name.replace("@.", "@1.")}`);
    const { stdout, stderr } = await new Deno.Command("systemd-analyze", {
      args: ["verify", "--man=no", "--user", ...names],
      env: { SYSTEMD_LOG_LEVEL: "debug", XDG_RUNTIME_DIR: folder, SYSTEMD_UNIT_PATH: `${folder}:` },
    }).output();
    const lines = new TextDecoder().decode(stderr).split("\n");
    const commands = new TextDecoder().decode(stdout).split("\n").flatMap((line) =>
      /^\s*Command Line: (.*)$/.exec(line)?.[1] ?? []
    )
      .map(wordsOf);
    return {
      complaints: lines.filter((line) => line.includes(folder) && /:\d+: /.test(line)),
      commands,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ a: "\u0007", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" },
};

/** Words as systemd prints those that it has read, with what it does to them when it starts them. */
function wordsOf(line: string): string[] {
  const words = line.match(/(?:"(?:[^"\\]|\\.)*"|[^\s"])+/gu) ?? [];
  const read = (word: string) => {
    const bytes = word.replace(/^"|"$/g, "")
      .replace(
        /\\([0-7]{3}|.)/gsu,
        (_, what) => /^\d/.test(what) ? octal(what) : ESCAPES[what] ?? what,
      );
    return bytes.replaceAll("$$", "$");
  };
  return words.map(read);
}

function octal(digits: string): string {
  return String.fromCharCode(parseInt(digits, 8));
}
