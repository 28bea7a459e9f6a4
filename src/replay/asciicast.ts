import { drawScreen } from "../screen/drawing/draw_screen.ts";
import type { Size } from "../screen/drawing/draw_options.ts";
import { INITIAL_STATE } from "../screen/screen_state.ts";
import { FRAME_MILLISECONDS, Frames, SHOW_CURSOR } from "../screen/terminal/frames.ts";
import { EMPTY_VIEW, type RunView } from "../view/run_view.ts";
import { Marks } from "./marks.ts";
import type { RecordedRun } from "./recorded_run.ts";

/** How a run is recorded. */
export interface RecordOptions {
  readonly size: Size;
  /** So many times as fast as it was. */
  readonly speed: number;
  /** Milliseconds of the run; where nothing happened for longer, that is how long it lasts. */
  readonly maxGap: number;
  /** The turn that it begins with. */
  readonly from: number;
}

/** How every recording of ours begins. */
export const ASCIICAST_MARK = '{"version":2,"width":';

/** How long the last picture stays. */
const LAST_MILLISECONDS = 3000;

/**
 * What the screen shows of a run, line by line of an asciicast: its header, then what a terminal is sent
 * and when. Version 2, which every player has.
 */
export async function* asciicastLines(
  run: RecordedRun,
  { size, speed, maxGap, from }: RecordOptions,
): AsyncGenerator<string, void, undefined> {
  const { startedAt, start } = run.index;
  yield `${
    JSON.stringify({
      version: 2,
      width: size.columns,
      height: size.rows,
      ...(startedAt === undefined ? {} : { timestamp: Math.floor(startedAt / 1000) }),
      title: `brainjar, mode ${start.mode}`,
      env: { TERM: "xterm-256color" },
    })
  }\n`;
  const report = (await run.judged())?.text ?? "";
  const decoder = new TextDecoder();
  let sent = "";
  const frames = new Frames((bytes) => {
    sent += decoder.decode(bytes, { stream: true });
    return bytes.length;
  }, { color: true });
  const at = (milliseconds: number, data: string) =>
    `${JSON.stringify([Math.round(milliseconds) / 1000, "o", data])}\n`;
  const draw = (view: RunView, milliseconds: number) => {
    sent = "";
    frames.draw(drawScreen(view, size, { state: INITIAL_STATE, keys: [], report, speed }));
    return sent === "" ? "" : at(milliseconds, sent);
  };

  const mark = await new Marks(run).find(from, () => Promise.resolve(false)) ?? run.beginning;
  let { view, at: before } = mark;
  let played = 0;
  let drawnAt = -Infinity;
  let isDrawn = view === EMPTY_VIEW;
  for await (const moment of run.moments(mark, { inPieces: true })) {
    const time = played + Math.min(moment.at - before, maxGap) / speed;
    const due = Math.max(played, drawnAt + FRAME_MILLISECONDS);
    if (!isDrawn && due <= time) {
      yield draw(view, due);
      drawnAt = due;
    }
    ({ view, at: before } = moment);
    played = time;
    isDrawn = false;
  }
  const end = Math.max(played, drawnAt + FRAME_MILLISECONDS);
  yield draw(view, end);
  yield at(end + LAST_MILLISECONDS, SHOW_CURSOR);
}
