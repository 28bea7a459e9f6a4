import { assert, assertEquals } from "@std/assert";
import { ROOT } from "./program.ts";
import { TmuxTerminal } from "./tmux.ts";

// The shell's children are read from /proc.
const hasTmux = Deno.build.os === "linux" &&
  await new Deno.Command("tmux", { args: ["-V"] }).output()
    .then(({ success }) => success, () => false);

const PROGRAM = `${Deno.execPath()} run -q -A --no-check --config=${ROOT}deno.json ` +
  `${ROOT}tests/e2e/screen_program.ts`;

/** The terminal's own modes, as a shell finds and leaves them. */
const AS_FOUND = "0 1 1";
const DRAWN = "1 0 0";

function onTerminal(name: string, test: (terminal: TmuxTerminal) => Promise<void>): void {
  Deno.test({
    name: `the screen on a terminal (tmux): ${name}`,
    ignore: !hasTmux,
    fn: async () => {
      await using terminal = await TmuxTerminal.open(120, 40);
      if (terminal === undefined) throw new Error("tmux was there a moment ago");
      await test(terminal);
    },
  });
}

/** Starts the program by a command line, and waits until it is drawn. */
async function start(terminal: TmuxTerminal, ending = "", before = ""): Promise<void> {
  await startAs(terminal, `${before}${PROGRAM} ${ending}`);
}

async function startAs(terminal: TmuxTerminal, commandLine: string): Promise<void> {
  await terminal.type(`clear; ${commandLine}`);
  await terminal.press("Enter");
  await terminal.shows(/SUBJECT.*GOD[^]*quit/);
  assertEquals(await terminal.modes(), DRAWN);
}

/** The shell has its terminal back: it echoes, and Ctrl-C is a key of its own. */
async function isAsFound(terminal: TmuxTerminal): Promise<string> {
  const text = await terminal.shows(/READY> *$/m);
  assertEquals(await terminal.modes(), AS_FOUND);
  assert(!text.includes("SUBJECT"), text);
  await terminal.type("stty -a | grep -cE '(^| )icanon .* echo( |$)'; echo status $?");
  await terminal.press("Enter");
  await terminal.shows(/^1\nstatus 0/m);
  return text;
}

onTerminal("keys, and q leaves it as it was found", async (terminal) => {
  await start(terminal);
  assert((await terminal.look()).includes("said to the console"), "It stands among the events");
  await terminal.press("Tab", "k");
  await terminal.shows(/Killed observer by hand/);
  await terminal.press("w");
  await terminal.shows(/Whisper to the subject:/);
  await terminal.type("hällo 🙂x");
  await terminal.press("BSpace", "Left");
  await terminal.paste("q\nk");
  await terminal.shows(/hällo q k🙂/);
  await terminal.press("Enter");
  await terminal.shows(/Heard: hällo q k🙂/);
  await terminal.press("p");
  await terminal.shows(/PAUSED/);
  await terminal.press("v");
  await terminal.shows(/THE WHOLE VALIDATION/);
  await terminal.press("v", "q");
  await terminal.shows(/ended by SIGHUP in paused/);
  await isAsFound(terminal);
});

onTerminal("it follows the terminal's size", async (terminal) => {
  await start(terminal);
  for (const [columns, rows] of [[80, 24], [40, 15], [10, 3], [120, 40]] as const) {
    await terminal.resize(columns, rows);
    const marks = columns === 120 ? /╭▶ 1 SUBJECT/ : columns === 80 ? /^▶1 SUBJECT/m : /^▶subj/m;
    const text = await terminal.shows(marks);
    assert(text.split("\n").every((line) => line.length <= columns), text);
  }
});

// npx stops at once where it isn't told not to, and the shell takes the terminal back at that moment.
onTerminal("Ctrl-Z gives it back, and fg takes it again, also under a parent", async (terminal) => {
  await startAs(terminal, `sh -c '${PROGRAM}; exit $?'`);
  for (const _ of [1, 2]) {
    await terminal.press("C-z");
    await terminal.shows(/Stopped/);
    assertEquals(await terminal.modes(), AS_FOUND);
    await terminal.type("clear; fg");
    await terminal.press("Enter");
    await terminal.shows(/SUBJECT.*GOD[^]*quit/);
    assertEquals(await terminal.modes(), DRAWN);
  }
  await terminal.press("C-c");
  await terminal.shows(/ended by SIGINT/);
  await isAsFound(terminal);
});

for (
  const [ending, said] of [
    ["throw", /thrown inside/],
    ["reject", /rejected inside/],
    ["exit", /READY/],
  ] as const
) {
  onTerminal(`an end by ${ending} leaves it as it was found`, async (terminal) => {
    await start(terminal, ending);
    await terminal.shows(said);
    await isAsFound(terminal);
  });
}

for (const signal of ["SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT"] as const) {
  onTerminal(`${signal} leaves it as it was found`, async (terminal) => {
    await start(terminal);
    Deno.kill(await terminal.child(), signal);
    await terminal.shows(/READY> *$/m);
    await isAsFound(terminal);
  });
}

onTerminal("e lends it to the person's own editor", async (terminal) => {
  const editor = await Deno.makeTempFile({ prefix: "brainjar-editor-" });
  try {
    await Deno.writeTextFile(
      editor,
      '#!/bin/sh\necho "EDITING $(stty -a | grep -c " echo ")"\nread line\necho "$line" >> "$1"\n',
    );
    await Deno.chmod(editor, 0o700);
    await start(terminal, "", `EDITOR=${editor} `);
    await terminal.press("e");
    await terminal.shows(/EDITING 1/);
    assertEquals(await terminal.modes(), AS_FOUND);
    await terminal.type("Think of rain.");
    await terminal.press("Enter");
    await terminal.shows(/Prompt is: You are a mind in a jar\.Think of rain\./);
    assertEquals(await terminal.modes(), DRAWN);
    await terminal.press("q");
    await terminal.shows(/ended by/);
    await isAsFound(terminal);
  } finally {
    await Deno.remove(editor);
  }
});

onTerminal("one that hangs keeps neither the run nor its end waiting", async (terminal) => {
  await start(terminal, "flood");
  const [child, reader] = [await terminal.child(), await terminal.reader()];
  Deno.kill(reader, "SIGSTOP");
  try {
    // Longer than a terminal's buffer lasts.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    Deno.kill(child, "SIGINT");
    for (let look = 0; await isThere(child); look++) {
      assert(look < 600, "It waits for a terminal that nobody reads");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    Deno.kill(reader, "SIGCONT");
  }
  // What it never read can't have changed what it draws; keys are the shell's again.
  await terminal.type("clear; stty -a | grep -cE '(^| )icanon .* echo( |$)'");
  await terminal.press("Enter");
  await terminal.shows(/^1$/m);
});

async function isThere(process: number): Promise<boolean> {
  return await Deno.stat(`/proc/${process}`).then(() => true, () => false);
}
