import { BrainjarError } from "../../budget/error.ts";
import { exitCode, stoppedExitCode } from "../../budget/exit_codes.ts";
import { systemClock } from "../../experiment/clock.ts";
import { expandHome } from "../../gguf/environment.ts";
import { loadModule } from "../../load_module.ts";
import { chooseRun, type RunIndex } from "../../replay/index_runs.ts";
import { openTranscript } from "../../replay/open_transcript.ts";
import { writeOwnFile } from "../../replay/own_file.ts";
import { Player } from "../../replay/player.ts";
import { type Judged, RecordedRun } from "../../replay/recorded_run.ts";
import { DEFAULT_ESTIMATOR } from "../../plan/settings.ts";
import { checkShort } from "../../report/short/check_short.ts";
import type { Paragraph } from "../../report/short/paragraph.ts";
import { remarksOn } from "../../replay/remarks.ts";
import type { Watched } from "../../view/view_event.ts";
import type { Command } from "../command.ts";
import type { FlagName } from "../flags/flags.ts";
import { onlyFile } from "../flags/operand.ts";
import type { FlagValues } from "../flags/values.ts";
import { plainLines } from "../run/lines.ts";
import { showReading } from "../run/reading.ts";
import { openPage, openScreen } from "../run/watchers.ts";
import { openAnswerQueue } from "../terminal/answer_queue.ts";
import type { Output } from "../terminal/output.ts";
import { listenForStop, type Stop } from "../terminal/stop.ts";

/** Seconds that a gap in a run is played for at most, unless told otherwise. */
const MAX_GAP_SECONDS = 5;

/** `brainjar replay FILE`: a transcript on the screen, on a page, in lines, or as a recording. */
export const command: Command = async ({ values, operands, output }) => {
  const path = expandHome(onlyFile(operands, "replay"));
  rejectConflicts(values);
  const stop = listenForStop();
  const reading = await showReading(path, output);
  const { files, runs } = await openTranscript(path, reading.show).catch((error) => {
    reading.end();
    stop.close();
    throw error;
  });
  try {
    const index = chooseRun(runs, values.get("run"), path);
    rejectBeyond(values.get("from"), index);
    const run = new RecordedRun(files, index);
    const asciicast = values.get("asciicast");
    if (asciicast !== undefined) await record(run, expandHome(asciicast), values);
    // What is played is seen.
    reading.end();
    if (runs.length > 1) {
      output.say(`Run ${runs.indexOf(index) + 1} of ${runs.length} in ${path}\n`);
    }
    if (asciicast === undefined) await play(run, { values, output, stop });
    for (const remark of remarksOn(run)) output.say(`${remark}\n`);
    const { aborted, reason } = stop.signal;
    return aborted && reason !== "quit" ? stoppedExitCode(reason) : exitCode("success");
  } finally {
    reading.end();
    files.close();
    stop.close();
  }
};

/** Flags of which one alone can be meant. */
const EXCLUSIVE: readonly FlagName[] = ["asciicast", "web", "plain"];

function rejectConflicts(values: FlagValues): void {
  const [first, second] = EXCLUSIVE.filter((name) => values.get(name) || values.given(name));
  if (second !== undefined) {
    throw new BrainjarError(
      "conflicting-flags",
      `Flags "--${first}" and "--${second}" exclude each other`,
      { hint: "Leave one of them out" },
    );
  }
  if (values.given("size") !== undefined && values.given("asciicast") === undefined) {
    throw new BrainjarError("size-without-asciicast", 'Flag "--size" is for a recording', {
      hint: "Add --asciicast FILE; a screen has the terminal's size",
    });
  }
}

/** Nothing would be played of a turn that isn't there. */
function rejectBeyond(from: number | undefined, { turns }: RunIndex): void {
  const [first, last] = [turns[0], turns.at(-1)];
  if (from === undefined || from === 0 || (last !== undefined && from <= last)) return;
  throw new BrainjarError("turn-not-there", `Flag "--from" can't be "${from}"`, {
    hint: last === undefined
      ? "The transcript ends before the first turn"
      : `The run has turns ${first} to ${last}`,
  });
}

interface PlayInput {
  readonly values: FlagValues;
  readonly output: Output;
  readonly stop: Stop;
}

async function play(run: RecordedRun, { values, output, stop }: PlayInput): Promise<void> {
  const web = values.get("web");
  const wantsScreen = web === undefined && output.canDraw && !values.get("plain");
  const player = new Player(run, {
    clock: systemClock,
    speed: speedOf(values.get("speed"), wantsScreen || web !== undefined || output.answersTerminal),
    maxGap: maxGapOf(values),
    staysAtEnd: wantsScreen || web !== undefined,
  });
  const judged = await run.judged();
  const report = judged?.text ?? "";
  const watched: Watched = {
    view: () => player.view,
    controls: player.controls,
    report: () => report,
  };
  const queue = openAnswerQueue(output, stop);
  const quit = () => player.controls.quit();
  stop.signal.addEventListener("abort", quit);
  if (stop.signal.aborted) quit();
  const viewer = web !== undefined
    ? await openPage(web, watched, (text) => output.say(text))
    : wantsScreen
    ? await openScreen(watched, { noColor: values.get("no-color") })
    : plainLines({
      queue,
      progress: undefined,
      report: output.answersTerminal ? shortReport(judged) : report,
      view: watched.view,
    });
  player.add(viewer);
  try {
    await player.play(values.get("from"));
    await stop.heard(queue.drained());
    queue.throwFailure();
  } finally {
    stop.signal.removeEventListener("abort", quit);
    await viewer.close();
  }
}

/** Layer 1's report as a run at a terminal prints it; a transcript doesn't have what it says of models. */
function shortReport(judged: Judged | undefined): readonly Paragraph[] {
  if (judged === undefined) return [];
  const { validation } = judged;
  return checkShort({ validation, estimator: DEFAULT_ESTIMATOR, models: [], instances: [] });
}

/** What is watched takes its time; what is read by a program doesn't. */
function speedOf(typed: number | "max" | undefined, isWatched: boolean): number {
  if (typed === "max") return Infinity;
  return typed ?? (isWatched ? 1 : Infinity);
}

function maxGapOf(values: FlagValues): number {
  return (values.get("max-gap") ?? MAX_GAP_SECONDS) * 1000;
}

async function record(run: RecordedRun, path: string, values: FlagValues): Promise<void> {
  const speed = values.get("speed") ?? 1;
  if (speed === "max") {
    throw new BrainjarError("invalid-value", 'Flag "--speed" can\'t be "max" for a recording', {
      hint: "A recording has times: give a number",
    });
  }
  const size = readSize(values.get("size") ?? "100x30");
  const { ASCIICAST_MARK, asciicastLines } = await loadModule<
    typeof import("../../replay/asciicast.ts")
  >(import.meta, "../../replay/asciicast.ts");
  const lines = asciicastLines(run, {
    size,
    speed,
    maxGap: maxGapOf(values),
    from: values.get("from") ?? 0,
  });
  await writeOwnFile(path, lines, { mark: ASCIICAST_MARK, noun: "recording" });
}

const COLUMNS = { least: 10, greatest: 500 } as const;
const ROWS = { least: 3, greatest: 200 } as const;

function readSize(typed: string): { readonly columns: number; readonly rows: number } {
  const [, columns, rows] = /^(\d{1,4})x(\d{1,4})$/.exec(typed)?.map(Number) ?? [];
  const isIn = (number: number | undefined, { least, greatest }: typeof COLUMNS | typeof ROWS) =>
    number !== undefined && number >= least && number <= greatest;
  if (isIn(columns, COLUMNS) && isIn(rows, ROWS)) return { columns: columns ?? 0, rows: rows ?? 0 };
  throw new BrainjarError("invalid-value", `Flag "--size" can't be "${typed}"`, {
    hint: `It takes columns and rows such as 100x30, from ${COLUMNS.least}x${ROWS.least} ` +
      `to ${COLUMNS.greatest}x${ROWS.greatest}`,
  });
}
