import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TRANSCRIPT_SCHEMA } from "../../src/report/schema/transcript.ts";
import { brainjarArguments, brainjarCommand, type Finished, runBrainjar } from "./program.ts";
import { TmuxTerminal } from "./tmux.ts";

// A run, its transcript, and what is made of it, by the program itself.

/** What a run wrote and printed. */
interface Kept {
  readonly folder: string;
  readonly log: string;
  readonly text: string;
  readonly printed: string;
}

const RUN = ["run", "--mode", "matrix", "--turns", "5", "--seed", "5", "--context-size", "256"];

let made: Promise<Pick<Kept, "text" | "printed">> | undefined;

/** One run for all tests: it takes its time. */
async function makeOnce(): Promise<Pick<Kept, "text" | "printed">> {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-replay-" });
  try {
    const { code, stdout, stderr } = await runBrainjar([...RUN, "--log", `${folder}/talk.jsonl`]);
    assertEquals(code, 0, stderr);
    return { text: await Deno.readTextFile(`${folder}/talk.jsonl`), printed: stdout };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function withTranscript(test: (kept: Kept) => Promise<void>): Promise<void> {
  const { text, printed } = await (made ??= makeOnce());
  const folder = await Deno.makeTempDir({ prefix: "brainjar-replay-" });
  try {
    const log = `${folder}/talk.jsonl`;
    await Deno.writeTextFile(log, text);
    await test({ folder, log, text, printed });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What jars said and how they died, of all that was printed; amounts and durations left out. */
function wordsIn(printed: string): string[] {
  return printed.split("\n").flatMap((line) => {
    const [said] =
      /^\[\w+\] (?:turn|note|whisper|died|resurrected|life).*?(?=(?:, [\d.]+ [KMG]?B given back|: [\d.]+ [KMG]?B allocated|, [\d.]+ s)?$)/
        .exec(line) ?? [];
    return said === undefined ? [] : [said];
  });
}

function code(finished: Finished): string {
  return `${finished.code} ${finished.stderr.split("\n")[0]}`;
}

Deno.test("replay: the words that the run printed, and its validation", async () => {
  await withTranscript(async ({ log, text, printed }) => {
    for (const line of text.trim().split("\n")) {
      const parsed = TRANSCRIPT_SCHEMA.safeParse(JSON.parse(line));
      assert(parsed.success, `${line}: ${parsed.error?.message}`);
    }
    const { code, stdout, stderr } = await runBrainjar(["replay", "--plain", log]);
    assertEquals([code, stderr], [0, ""]);
    const words = wordsIn(printed);
    assert(words.length > 12 && words.some((line) => line.includes("died")), printed);
    assertEquals(wordsIn(stdout), words);
    const report = printed.slice(0, printed.indexOf("Run in mode"));
    assertStringIncludes(report, "VALIDATION PASSED");
    assert(stdout.startsWith(report), stdout);

    const later = await runBrainjar(["replay", log, "--from", "3"]);
    assertEquals(
      wordsIn(later.stdout).every((line) => !/ (turn|note|whisper) [12]\b/.test(line)),
      true,
    );
    assert(words.join("\n").endsWith(wordsIn(later.stdout).join("\n")));
    const beyond = await runBrainjar(["replay", log, "--from", "99"]);
    assertEquals([beyond.code, beyond.stdout], [2, ""]);
    assertStringIncludes(beyond.stderr, "The run has turns 1 to ");
  });
});

Deno.test("replay: what was cut off plays to where it ends and says so; what is none is refused", async () => {
  await withTranscript(async ({ folder, log, text, printed }) => {
    const lines = text.trimEnd().split("\n");
    const half = lines.slice(0, Math.floor(lines.length / 2)).join("\n") + "\n";
    const file = async (name: string, content: string) => {
      await Deno.writeTextFile(`${folder}/${name}`, content);
      return `${folder}/${name}`;
    };
    const cut = await runBrainjar(["replay", await file("cut", half + lines.at(-2)?.slice(0, 90))]);
    assertEquals(cut.code, 0);
    assertMatch(cut.stderr, /^The transcript ends in turn \d+, in the middle of a line/);
    assert(wordsIn(printed).join("\n").startsWith(wordsIn(cut.stdout).join("\n")));

    const newer = text.replace("brainjar.transcript/2", "brainjar.transcript/3");
    const refused: readonly (readonly [string, RegExp])[] = [
      [await file("newer", newer), /^2 error: Transcript was written by a newer brainjar/],
      [await file("empty", ""), /^2 error: Transcript is empty/],
      [await file("model", "GGUF\u0000\u0001"), /^2 error: File is no transcript/],
      [`${folder}/none`, /^2 error: Transcript can't be read/],
      [folder, /^2 error: Transcript can't be read/],
    ];
    for (const command of ["replay", "report"]) {
      for (const [path, says] of refused) {
        const finished = await runBrainjar([command, path]);
        assertMatch(code(finished), says);
        assertEquals(finished.stdout, "");
      }
    }

    // Two runs in one file: the last one, unless told otherwise.
    const both = await file("both", half + text);
    const last = await runBrainjar(["replay", both]);
    assertEquals(last.stderr, `Run 2 of 2 in ${both}\n`);
    assertEquals(wordsIn(last.stdout), wordsIn(printed));
    const none = await runBrainjar(["replay", both, "--run", "3"]);
    assertMatch(code(none), /^2 error: Transcript has no run 3/);
    const wrong: readonly (readonly [readonly string[], RegExp])[] = [
      [[], /needs a file/],
      [[log, both], /Unexpected/],
      [[log, "--plain", "--web"], /exclude each other/],
      [[log, "--asciicast", `${folder}/a.cast`, "--plain"], /exclude each other/],
      [[log, "--size", "80x24"], /is for a recording/],
      [[log, "--asciicast", `${folder}/a.cast`, "--size", "9x9"], /can't be "9x9"/],
      [[log, "--asciicast", `${folder}/a.cast`, "--speed", "max"], /can't be "max"/],
      [[log, "--asciicast", log], /is there and is no recording/],
    ];
    for (const [args, says] of wrong) {
      const finished = await runBrainjar(["replay", ...args]);
      assertEquals(finished.code, 2);
      assertMatch(finished.stderr, says);
    }
    assertEquals(await Deno.readTextFile(log), text);
  });
});

Deno.test("replay: a Ctrl-C ends it at once, and a reader that has gone too", async () => {
  await withTranscript(async ({ log }) => {
    const slow = brainjarCommand(["replay", log, "--speed", "0.1", "--max-gap", "24h"]).spawn();
    const reader = slow.stdout.getReader();
    await reader.read();
    slow.kill("SIGINT");
    for (; !(await reader.read()).done;);
    await slow.stderr.cancel();
    assertEquals((await slow.status).code, 130);

    const unread = brainjarCommand(["replay", log, "--speed", "0.1"]).spawn();
    await unread.stdout.cancel();
    await unread.stderr.cancel();
    assertEquals((await unread.status).code, 0);
  });
});

Deno.test("report: to stdout and to a file, over a report and over nothing else; a recording too", async () => {
  await withTranscript(async ({ folder, log, text }) => {
    const page = await runBrainjar(["report", log]);
    assertEquals([page.code, page.stderr], [0, ""]);
    assert(
      page.stdout.startsWith("<!doctype html>") && page.stdout.includes("VALIDATION") === false,
    );
    const html = `${folder}/talk.html`;
    for (let time = 0; time < 2; time++) {
      const written = await runBrainjar(["report", log, "--output", html]);
      assertEquals([written.code, written.stdout], [0, ""]);
      assertEquals(written.stderr, `Report of run 1 of 1: ${html}\n`);
      assertEquals(await Deno.readTextFile(html), page.stdout);
    }
    const over = await runBrainjar(["report", log, "--output", log]);
    assertMatch(code(over), /^2 error: File is there and is no report/);
    assertEquals(await Deno.readTextFile(log), text);

    const cast = `${folder}/talk.cast`;
    const recorded = await runBrainjar(["replay", log, "--asciicast", cast, "--size", "80x24"]);
    assertEquals([recorded.code, recorded.stdout], [0, ""], recorded.stderr);
    const [header, ...events] = (await Deno.readTextFile(cast)).trimEnd().split("\n").map((line) =>
      JSON.parse(line)
    );
    assertEquals([header.version, header.width, header.height], [2, 80, 24]);
    assert(events.length > 3);
  });
});

const hasTmux = Deno.build.os === "linux" &&
  await new Deno.Command("tmux", { args: ["-V"] }).output()
    .then(({ success }) => success, () => false);

Deno.test({
  name: "replay: on the screen, with its keys, and the terminal left as it was (tmux)",
  ignore: !hasTmux,
  fn: async () => {
    await withTranscript(async ({ log }) => {
      await using terminal = await TmuxTerminal.open(120, 40);
      if (terminal === undefined) throw new Error("tmux was there a moment ago");
      const words = brainjarArguments(["replay", log, "--speed", "0.1"]);
      await terminal.type(`clear; ${[Deno.execPath(), ...words].join(" ")}; echo "code $?"`);
      await terminal.press("Enter");
      await terminal.shows(/SUBJECT[^]*turn back/);
      await terminal.shows(/0\.1 × speed/);
      await terminal.press("Space");
      await terminal.shows(/PAUSED/);
      await terminal.press("g");
      await terminal.type("4");
      await terminal.press("Enter");
      await terminal.shows(/turn 3 of 5[^]*PAUSED/);
      await terminal.press("Left");
      await terminal.shows(/turn [12] of 5[^]*PAUSED/);
      await terminal.press("v");
      await terminal.shows(/VALIDATION PASSED|MEMORY BUDGET VALIDATION/);
      await terminal.press("v", "Space");
      for (let step = 0; step < 14; step++) await terminal.press("+");
      await terminal.shows(/Run ended as asked/);
      await terminal.press("q");
      const left = await terminal.shows(/code 0/);
      assert(!left.includes("SUBJECT"), left);
    });
  },
});
