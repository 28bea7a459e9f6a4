import { assert, assertEquals } from "@std/assert";
import type { RunControls } from "../../src/experiment/controls.ts";
import { type ScreenOptions, TerminalScreen } from "../../src/screen/open_screen.ts";
import type { RunView } from "../../src/view/run_view.ts";
import { FakeTerminal } from "./fake_terminal.ts";
import { viewOfRun } from "./views.ts";

/** What a test has of a screen. */
interface Stage {
  readonly screen: TerminalScreen;
  readonly device: FakeTerminal;
  readonly asked: string[];
  /** Lets so many milliseconds pass, and tells what was written meanwhile. */
  readonly pass: (milliseconds?: number) => string;
  readonly see: (view: RunView) => void;
}

/** A screen on a fake terminal, what was asked of the run, and a clock that a test turns. */
async function onScreen(
  test: (stage: Stage) => Promise<void> | void,
  options: Partial<ScreenOptions> & { readonly answer?: string } = {},
): Promise<void> {
  const device = new FakeTerminal();
  const asked: string[] = [];
  let view = viewOfRun();
  let now = 0;
  const screen = new TerminalScreen({
    view: () => view,
    controls: controls(asked, options.answer),
    report: () => "VALIDATION",
    color: false,
    device,
    clock: { now: () => 0 },
    exit: (code) => asked.push(`exit ${code}`),
    ...options,
  });
  const pass = (milliseconds = 100) => {
    screen.tick(now += milliseconds);
    return device.take();
  };
  try {
    await test({
      screen,
      device,
      asked,
      pass,
      see: (next) => {
        view = next;
        screen.show();
      },
    });
  } finally {
    await screen.close();
  }
}

function controls(asked: string[], answer: string | undefined): RunControls {
  const ask = (text: string) => {
    asked.push(text);
    return answer;
  };
  let isPaused = false;
  let pace: number | undefined = 200;
  return {
    get isPaused() {
      return isPaused;
    },
    pause: () => {
      isPaused = true;
      ask("pause");
    },
    resume: () => {
      isPaused = false;
      ask("resume");
    },
    kill: (id) => ask(`kill ${id}`),
    whisper: (text) => ask(`whisper ${text}`),
    promptOf: (id) => id === "god" ? undefined : `prompt of ${id}`,
    setPrompt: (id, text) => ask(`prompt ${id}: ${text}`),
    quit: () => {
      ask("quit");
    },
    get pace() {
      return pace;
    },
    setPace: (next) => {
      pace = next;
      ask(`pace ${next}`);
    },
  };
}

Deno.test("screen: keys reach the run, and what it answers is shown for a while", async () => {
  await onScreen(({ device, asked, pass }) => {
    pass();
    device.type("pp+2kw");
    pass();
    device.type("h\u00e9llo\r");
    assert(pass().includes("There is no subject"), "The answer is shown");
    assertEquals(asked, ["pause", "resume", "pace 300", "kill observer", "whisper h\u00e9llo"]);
    assert(pass(7000).includes(" quit "), "The keys come back");
  }, { answer: "There is no subject" });
});

Deno.test("screen: the first q asks, one that is held down is the same, a later one ends at once", async () => {
  await onScreen(({ device, asked, pass }) => {
    device.type("q");
    pass();
    device.type("q");
    pass(100);
    assertEquals(asked, ["quit"]);
    device.type("q");
    pass(400);
    assertEquals(asked, ["quit", "exit 130"]);
  });
});

Deno.test("screen: only lines that changed are written, and nothing where nothing changed", async () => {
  await onScreen(({ pass, see }) => {
    assert(pass().length > 1000);
    assertEquals(pass(), "");
    see(viewOfRun({ turn: 13 }));
    const written = pass();
    assert(written.includes("turn 13") && written.length < 1200, String(written.length));
    see(viewOfRun({ turn: 13 }));
    assertEquals(pass(), "", "The same is not drawn again");
    see(viewOfRun({ turn: 14 }));
    assert(pass(6000).length > 1000, "All of it now and then");
  });
});

/** How often it is drawn in a second in which something changes a hundred times. */
function framesOf({ pass, see }: Pick<Stage, "pass" | "see">): number {
  pass();
  let frames = 0;
  for (let turn = 13; turn < 113; turn++) {
    see(viewOfRun({ turn }));
    if (pass(10) !== "") frames += 1;
  }
  return frames;
}

Deno.test("screen: it is drawn at most every 75 ms", async () => {
  await onScreen(({ pass, see }) => {
    const frames = framesOf({ pass, see });
    assert(frames > 8 && frames <= 13, String(frames));
  });
});

Deno.test("screen: what takes long to draw is drawn less often, but never less than twice a second", async () => {
  for (const [milliseconds, fewest, most] of [[5, 3, 4], [1000, 2, 3]] as const) {
    let time = 0;
    await onScreen(({ pass, see }) => {
      const frames = framesOf({ pass, see });
      assert(frames >= fewest && frames <= most, `${frames} frames of ${milliseconds} ms`);
    }, { clock: { now: () => time += milliseconds } });
  }
});

Deno.test("screen: a terminal that stopped reading costs frames and keeps nothing waiting", async () => {
  await onScreen(({ device, pass, see, asked }) => {
    pass();
    device.room = 10;
    for (let turn = 13; turn < 1000; turn++) {
      see(viewOfRun({ turn }));
      pass();
    }
    device.type("k");
    pass();
    assertEquals(asked, ["kill subject"], "Keys are heard all the same");
    device.room = Infinity;
    const late = pass() + pass();
    assert(late.includes("turn 999"), "The newest is drawn once it reads again");
    assert(late.length < 10_000, `What was waiting has a bound: ${late.length}`);
  });
});

Deno.test("screen: a resized terminal is drawn anew", async () => {
  await onScreen(({ device, pass, screen }) => {
    pass();
    Object.assign(device, { columns: 40, rows: 15 });
    screen.show();
    const written = pass();
    assert(written.includes("\u001b[2J") && written.includes("\u001b[15;1H"));
    assert(!written.includes("\u001b[16;1H"));
  });
});

Deno.test("screen: the editor has the terminal as it was found, and its text becomes the prompt", async () => {
  let rawMeanwhile: boolean | undefined;
  const terminal = { current: undefined as FakeTerminal | undefined };
  await onScreen(async ({ device, asked, pass }) => {
    terminal.current = device;
    pass();
    device.type("2e");
    const before = pass();
    await Promise.resolve();
    assert(before.includes("\u001b[?1049l"), "Left");
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(rawMeanwhile, false);
    assertEquals(asked, ["prompt observer: prompt of observer!"]);
    const after = pass();
    assert(after.includes("\u001b[?1049h") && device.isRaw, "Taken again");
    assert(after.includes("observer has another prompt"), "And told");
    device.type("3e");
    assert(pass().includes("god has no prompt that can be changed"));
  }, {
    edit: (text) => {
      rawMeanwhile = terminal.current?.isRaw;
      return Promise.resolve({ ok: true, text: `${text}!` });
    },
  });
});

Deno.test("screen: Ctrl-C and Ctrl-\\ are signals, and forget what was typed before them", async () => {
  await onScreen(({ device, asked, pass }) => {
    device.type("pk\u0003");
    assert(pass().includes("ending: q again"), "That it was heard is seen");
    device.type("p\u001c");
    pass();
    assertEquals(device.raised, ["SIGINT drawn", "SIGQUIT drawn"]);
    assertEquals(asked, []);
  });
});

Deno.test("screen: Ctrl-Z leaves the terminal before it stops anything", async () => {
  await onScreen(({ device, asked, pass }) => {
    device.type("p\u001a");
    // Typed for the screen, it isn't for the shell.
    device.type("kk");
    assert(pass().includes("\u001b[?1049l"));
    assertEquals(device.raised, ["SIGSTOP left"]);
    assertEquals(asked, []);
  });
});

Deno.test("screen: it leaves the terminal as it was found", async () => {
  let found: FakeTerminal | undefined;
  await onScreen(({ device, pass }) => {
    found = device;
    const entered = pass();
    for (const mode of ["?1049h", "?7l", "?2004h", "?25l"]) assert(entered.includes(mode), mode);
    assert(device.isRaw);
    device.type("typed for nobody");
  });
  const left = found?.take() ?? "";
  for (const mode of ["?1049l", "?7h", "?2004l", "?25h", "?2026l"]) {
    assert(left.includes(mode), mode);
  }
  assertEquals([found?.isRaw, found?.isClosed, found?.read()], [false, true, undefined]);
});

Deno.test("screen: what is said besides, and a load, stand on it", async () => {
  await onScreen(({ screen, pass }) => {
    pass();
    screen.say("Reading a model\u001b[2J\n");
    screen.loading("/models/brain.gguf", 0.5);
    const written = pass();
    assert(written.includes("Reading a model\\u{1b}[2J"), written);
    assert(written.includes("loading brain.gguf 50 %"));
    screen.hear({
      event: "loaded",
      id: "subject",
      role: "subject",
      turn: 0,
      model: "brain.gguf",
      contextSize: 1024,
      shared: false,
      milliseconds: 1,
    });
    assert(!pass().includes("loading brain"));
    screen.waiting("Waiting 0:12 for slurm to start 'god': \u001b[2J");
    const waiting = pass();
    assert(waiting.includes("Waiting 0:12 for slurm to start 'god': \\u{1b}[2J"), waiting);
    screen.waiting(undefined);
    assert(!pass().includes("Waiting"));
  });
});
