import { defined } from "../../budget/defined.ts";
import type { EndEvent } from "../../experiment/events.ts";
import type { RunDependencies } from "../../experiment/config.ts";
import type { Engine } from "../../engine/engine.ts";
import { Viewers } from "../../view/viewers.ts";
import type { Watched } from "../../view/view_event.ts";
import { AnswerQueue } from "../terminal/answer_queue.ts";
import type { Output } from "../terminal/output.ts";
import type { Stop } from "../terminal/stop.ts";
import { SessionControls } from "./controls.ts";
import { jsonLines, plainLines } from "./lines.ts";

/** How a run is watched. */
interface SessionOptions {
  readonly output: Output;
  readonly stop: Stop;
  readonly json: boolean;
  /** Words a minute; absent: as fast as they are thought. */
  readonly pace?: number;
}

/** A run and those who watch it, from before its models are read until all is told. */
export interface RunSession {
  /** What the run tells, and asks, those who watch it. */
  readonly listeners: Pick<RunDependencies, "emit" | "onText" | "onMemory" | "onHand" | "heard">;
  /** The engine, with its loads shown where there is a line for that. */
  watch(engine: Engine): Engine;
  /** Takes layer 1's report, as `check` prints it, before the run begins. */
  validated(report: string): void;
  /** Waits until all is told and read, but not for ever after a stop. */
  ended(end: EndEvent): Promise<void>;
  /** Leaves the terminal as it was found. */
  close(): Promise<void>;
}

/** Opens what a run is watched with. */
export async function openSession(
  { output, stop, json, pace }: SessionOptions,
): Promise<RunSession> {
  const viewers = new Viewers(defined({ pace }));
  const controls = new SessionControls(viewers, stop);
  let report = "";
  const watched: Watched = { view: () => viewers.view, controls, report: () => report };
  const queue = new AnswerQueue(
    output,
    () => stop.ask(output.answersTerminal ? "SIGHUP" : "SIGPIPE"),
  );
  // Loaded for a terminal only: a pipe has no use for it.
  const progress = output.interactive && !json
    ? (await import("../terminal/progress.ts")).openProgress(() => queue.isIdle)
    : undefined;
  viewers.add(json ? jsonLines(queue) : plainLines(watched, { output, queue, progress }));
  const finish = () => viewers.finish();
  stop.signal.addEventListener("abort", finish);

  return {
    listeners: {
      emit: (event) => viewers.hear(event),
      onText: (id, text) => viewers.hear({ event: "text", id, text }),
      onHand: (hand) => controls.take(hand),
      heard: () => viewers.caughtUp(),
    },
    watch: (engine) => progress?.watch(engine) ?? engine,
    validated: (text) => {
      report = text;
    },
    ended: async () => {
      await stop.heard(viewers.caughtUp());
      viewers.throwFailure();
      queue.throwFailure();
    },
    close: async () => {
      stop.signal.removeEventListener("abort", finish);
      await viewers.close();
    },
  };
}
