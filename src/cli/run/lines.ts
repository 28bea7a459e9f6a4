import type { RunEvent } from "../../experiment/events.ts";
import { replyOf } from "../../experiment/replies.ts";
import { eventJson } from "../../report/event_json.ts";
import { renderWithLife } from "../../report/event_text.ts";
import { jsonText } from "../../report/printable.ts";
import type { Paragraph } from "../../report/short/paragraph.ts";
import type { RunView } from "../../view/run_view.ts";
import type { Viewer, ViewEvent } from "../../view/view_event.ts";
import type { AnswerQueue } from "../terminal/answer_queue.ts";
import type { Progress } from "../terminal/progress.ts";
import { eventParagraphs } from "./paragraphs.ts";

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
  readonly queue: AnswerQueue;
  /** Shows a thought while it is sampled. */
  readonly progress: Progress | undefined;
  /** Layer 1's report: words, or for a terminal what is wrapped to its width. */
  readonly report: string | readonly Paragraph[];
  /** What is seen when the last event is told. */
  readonly view: () => RunView;
}

/** A run in lines: each thing once, as it happens. */
export function plainLines({ queue, progress, report, view }: PlainLinesOptions): Viewer {
  const onTerminal = typeof report !== "string";
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
      const told = toldOf(event);
      if (told === undefined) return;
      progress?.clear();
      if (event.event === "validation") queue.push(onTerminal ? report : `${report}\n`);
      queue.push(onTerminal ? eventParagraphs(told, view()) : `${renderWithLife(told)}\n`);
    },
    caughtUp: () => queue.drained(),
    close: () => {
      progress?.clear();
      return Promise.resolve();
    },
  };
}

/** The event that is told in its place; nothing where an earlier one has said it. */
function toldOf(event: RunEvent): RunEvent | undefined {
  switch (event.event) {
    case "thought": {
      const { id, role, turn, text } = event;
      const reply = event.stop === "aborted" ? undefined : replyOf(role, text);
      return reply ? { ...reply, id, role, turn } : event;
    }
    case "note":
      return undefined;
    case "warning":
      // Progress tells it, as long as it lasts.
      return event.code === "jar-waits" ? undefined : event;
    case "whisper":
      return event.by === "hand" ? event : undefined;
    default:
      return event;
  }
}
