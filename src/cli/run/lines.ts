import type { RunEvent } from "../../experiment/events.ts";
import { replyOf } from "../../experiment/replies.ts";
import { eventJson } from "../../report/event_json.ts";
import { lifeText, renderEvent } from "../../report/event_text.ts";
import { jsonText } from "../../report/printable.ts";
import type { Viewer, ViewEvent, Watched } from "../../view/view_event.ts";
import type { AnswerQueue } from "../terminal/answer_queue.ts";
import type { Output } from "../terminal/output.ts";
import type { Progress } from "../terminal/progress.ts";

/** `run --json`: each event of the run as an object on a line; what else viewers hear is none. */
export function jsonLines(queue: AnswerQueue): Viewer {
  return {
    hear: (event: ViewEvent) => {
      if (!isRunEvent(event)) return;
      queue.push(jsonText(eventJson(event)) + "\n");
    },
    caughtUp: () => queue.drained(),
    close: () => Promise.resolve(),
  };
}

/** What of all that viewers hear is an event of the run itself. */
function isRunEvent(event: ViewEvent): event is RunEvent {
  return event.event !== "text" && event.event !== "memory" && event.event !== "pace" &&
    event.event !== "start";
}

/** Where lines go. */
interface PlainLinesOptions {
  readonly output: Output;
  readonly queue: AnswerQueue;
  /** Shows a thought while it is sampled. */
  readonly progress: Progress | undefined;
}

/** A run in lines: each thing once, as it happens. */
export function plainLines(
  { report }: Watched,
  { queue, progress }: PlainLinesOptions,
): Viewer {
  let thinking = { id: "", text: "" };
  return {
    hear: (event: ViewEvent) => {
      if (event.event === "text") {
        const { id, text } = event;
        thinking = { id, text: thinking.id === id ? thinking.text + text : text };
        return progress?.show({ kind: "thinking", ...thinking });
      }
      if (!isRunEvent(event)) return;
      if (event.event === "thought") thinking = { id: "", text: "" };
      const lines = linesOf(event, report);
      if (lines.length === 0) return;
      progress?.clear();
      queue.push(lines.map((line) => `${line}\n`).join(""));
    },
    caughtUp: () => queue.drained(),
    close: () => {
      progress?.clear();
      return Promise.resolve();
    },
  };
}

/** An event in lines; none for what an earlier one has said. */
function linesOf(event: RunEvent, report: () => string): string[] {
  switch (event.event) {
    case "validation":
      return [report(), renderEvent(event)];
    case "thought": {
      // What it passes on is told in its place.
      const { id, role, turn, text } = event;
      const reply = event.stop === "aborted" ? undefined : replyOf(role, text);
      return [renderEvent(reply ? { ...reply, id, role, turn } : event)];
    }
    case "note":
      return [];
    case "whisper":
      return event.by === "hand" ? [renderEvent(event)] : [];
    case "death":
      return [renderEvent(event), lifeText(event)];
    default:
      return [renderEvent(event)];
  }
}
