import type { RunControls } from "../../src/experiment/controls.ts";
import { openScreen } from "../../src/screen/open_screen.ts";
import { listenForStop } from "../../src/cli/terminal/stop.ts";
import { viewOfRun } from "../screen/views.ts";

// A run that isn't one, on a real terminal: its turns go on by themselves, and keys do what they do to
// it. Its one argument is how it ends: by what is typed, or by an error after a moment.

const [ending = "typed"] = Deno.args;
const stop = listenForStop();
let view = viewOfRun();
let prompt = "You are a mind in a jar.";

const nothing = () => undefined;
const controls: RunControls = {
  get isPaused() {
    return view.phase === "paused";
  },
  pause: () => view = { ...view, phase: "paused" },
  resume: () => view = { ...view, phase: "running" },
  kill: (id) => `Killed ${id} by hand`,
  whisper: (text) => `Heard: ${text}`,
  promptOf: () => prompt,
  setPrompt: (_, text) => {
    prompt = text;
    return `Prompt is: ${text.trim()}`;
  },
  quit: () => stop.ask("SIGHUP"),
  pace: 200,
  setPace: nothing,
};
const screen = openScreen({ view: () => view, controls, report: () => "THE WHOLE VALIDATION" });
const turns = setInterval(() => {
  if (view.phase === "running") view = { ...view, turn: view.turn + 1 };
  // Every line differs from the one before.
  if (ending === "flood") view = { ...view, jars: view.jars.toReversed() };
  screen.show();
}, ending === "flood" ? 20 : 200);
console.error("said to the console");
if (ending === "throw") {
  setTimeout(() => {
    throw new Error("thrown inside");
  }, 1000);
}
if (ending === "reject") setTimeout(() => Promise.reject(new Error("rejected inside")), 1000);
if (ending === "exit") setTimeout(() => Deno.exit(7), 1000);
await new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
clearInterval(turns);
await screen.close();
stop.close();
// A terminal that hangs would keep this waiting, which isn't the screen's.
if (ending !== "flood") console.log(`ended by ${stop.signal.reason} in ${view.phase}`);
