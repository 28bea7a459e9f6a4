import { defined } from "../../budget/defined.ts";
import type { Engine } from "../../engine/engine.ts";
import type { RunDependencies } from "../../experiment/config.ts";
import type { EndEvent } from "../../experiment/events.ts";
import type { HearWait } from "../../jar_process/watch_start.ts";
import { READABLE_PACE } from "../../view/pace.ts";
import { Viewers } from "../../view/viewers.ts";
import { checkShort } from "../../report/short/check_short.ts";
import type { ValidationReport } from "../../report/validation_report.ts";
import { validationText } from "../../report/validation_text.ts";
import type { Screen } from "../../screen/open_screen.ts";
import type { Watched } from "../../view/view_event.ts";
import type { FlagValues } from "../flags/values.ts";
import { openAnswerQueue } from "../terminal/answer_queue.ts";
import type { Output } from "../terminal/output.ts";
import type { Stop } from "../terminal/stop.ts";
import { SessionControls } from "./controls.ts";
import { jsonLines, plainLines } from "./lines.ts";
import { summary } from "./summary.ts";
import { tellWaits } from "./waits.ts";
import { openPage, openProgress, openScreen } from "./watchers.ts";

/** How a run is watched. */
interface SessionOptions {
  readonly values: FlagValues;
  readonly output: Output;
  readonly stop: Stop;
}

/** A run and those who watch it, from before its models are read until all is told. */
export interface RunSession {
  /** What the run tells, and asks, those who watch it. */
  readonly listeners: Pick<
    RunDependencies,
    "emit" | "onText" | "onMemory" | "onHand" | "heard"
  >;
  /** The engine, with its loads shown where there is something to show them on. */
  watch(engine: Engine): Engine;
  /** Hears how long jars' starts take, and shows it where there is something to show it on. */
  readonly hearWait: HearWait;
  /** Says something that isn't the answer; on the screen while there is one. */
  say(text: string): void;
  /** Takes layer 1's report before the run begins, and whether it begins at all. */
  validated(report: ValidationReport, goesOn: boolean): Promise<void>;
  /** The same as `check` prints it. */
  readonly report: string;
  /** Waits until all is told and read, but not for ever after a stop. */
  ended(end: EndEvent): Promise<void>;
  /** Leaves the terminal as it was found. */
  close(): Promise<void>;
}

/**
 * Opens what a run is watched with: JSON or plain lines, or a screen on a terminal, and a page where
 * `--web` asks for one.
 */
export async function openSession(
  { values, output, stop }: SessionOptions,
): Promise<RunSession> {
  const json = values.get("json");
  const web = values.get("web");
  const wantsScreen = output.canDraw && !json && !values.get("plain");
  const pace = paceOf(values.get("pace"), wantsScreen || web !== undefined);
  const viewers = new Viewers(defined({ pace }));
  const controls = new SessionControls(viewers, stop);
  let report = "";
  const watched: Watched = { view: () => viewers.view, controls, report: () => report };
  const queue = openAnswerQueue(output, stop);
  const progress = output.interactive && !json ? await openProgress(() => queue.isIdle) : undefined;
  let screen: Screen | undefined;
  const say = (text: string) => {
    if (screen) screen.say(text.trimEnd());
    else output.say(text);
  };
  const page = web === undefined ? undefined : await openPage(web, watched, say);
  if (page !== undefined) viewers.add(page);
  const finish = () => viewers.finish();
  stop.signal.addEventListener("abort", finish);

  const closeScreen = async () => {
    await screen?.close();
    screen = undefined;
  };

  return {
    listeners: {
      emit: (event) => viewers.hear(event),
      onText: (id, text) => viewers.hear({ event: "text", id, text }),
      onMemory: (sample) => viewers.hear(sample),
      onHand: (hand) => controls.take(hand),
      heard: () => viewers.caughtUp(),
    },
    watch: (engine) =>
      watchLoads(engine, (model, fraction) => {
        if (screen) screen.loading(model, fraction);
        else progress?.show({ kind: "loading", model, fraction });
      }),
    hearWait: json ? () => {} : tellWaits({
      draw: (text) => {
        if (screen) screen.waiting(text);
        else if (text === undefined) progress?.clear();
        else progress?.show({ kind: "waiting", text });
      },
      ...!output.interactive && { say: (text) => say(`${text}\n`) },
    }),
    say,
    get report() {
      return report;
    },
    validated: async (validation, goesOn) => {
      report = await validationText(validation);
      if (json) return viewers.add(jsonLines(queue));
      // A run that ends before it begins has nothing to draw.
      if (!wantsScreen || !goesOn) {
        const short = output.answersTerminal ? checkShort(validation) : report;
        return viewers.add(plainLines({ queue, progress, report: short, view: watched.view }));
      }
      progress?.clear();
      screen = await openScreen(watched, {
        noColor: values.get("no-color"),
        ...defined({ pageUrl: page?.controlUrl }),
      });
      viewers.add(screen);
    },
    ended: async (end) => {
      await stop.heard(viewers.caughtUp());
      if (screen) {
        await closeScreen();
        queue.push(summary(viewers.view, end));
        await stop.heard(queue.drained());
      }
      viewers.throwFailure();
      queue.throwFailure();
    },
    close: async () => {
      stop.signal.removeEventListener("abort", finish);
      await closeScreen();
      await viewers.close();
      progress?.clear();
    },
  };
}

/** The engine, with each of its loads told as it gets on. */
function watchLoads(
  engine: Engine,
  tell: (model: string, fraction: number) => void,
): Engine {
  return {
    devices: () => engine.devices(),
    dryLoad: (model, options) => engine.dryLoad(model, options),
    dispose: () => engine.dispose(),
    load: (model, options) =>
      engine.load(model, {
        ...options,
        onProgress: (fraction) => {
          // Who loads it takes this for a sign of life.
          options.onProgress?.(fraction);
          tell(model, fraction);
        },
      }),
  };
}

/** Words a minute; absent: as fast as thoughts are thought. */
function paceOf(typed: number | "full" | undefined, isWatched: boolean): number | undefined {
  if (typed === "full") return undefined;
  return typed ?? (isWatched ? READABLE_PACE : undefined);
}
