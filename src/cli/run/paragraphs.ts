import { formatAmount } from "../../budget/size.ts";
import type { RunEvent } from "../../experiment/events.ts";
import { allocatedAmounts, placeText, renderWithLife } from "../../report/event_text.ts";
import { printable } from "../../report/printable.ts";
import type { Paragraph } from "../../report/short/paragraph.ts";
import type { RunView } from "../../view/run_view.ts";
import type { Span, Style } from "../../report/styled.ts";
import { endParagraphs } from "./summary.ts";

/** How the words of an event are set off; a jar's own words aren't. */
const STYLES: Partial<Record<RunEvent["event"], Style>> = {
  allocated: "dim",
  loaded: "dim",
  resurrection: "dim",
  prompt: "dim",
  paused: "dim",
  resumed: "dim",
  death: "fail",
  warning: "warning",
};

/**
 * An event for a terminal: whose it is in its role's colour, the words wrapped beside that. Layer 2's and
 * 3's accounts are a line for each jar, and of the end there is what lines before it haven't said.
 */
export function eventParagraphs(event: RunEvent, view: RunView): Paragraph[] {
  if (event.event === "end") return endParagraphs(view, event);
  const jar = "id" in event && event.id !== undefined && event.role !== undefined
    ? { label: `[${printable(event.id)}]`, style: event.role }
    : undefined;
  const style = STYLES[event.event];
  const styled = (words: string): Span[] => [style ? { style, text: words } : words];
  return textOf(event).split("\n").map((line): Paragraph => {
    if (jar && line.startsWith(`${jar.label} `)) {
      const words = styled(line.slice(jar.label.length + 1));
      return {
        label: [{ style: jar.style, text: jar.label }],
        indent: jar.label.length + 1,
        words,
      };
    }
    const words = line.trimStart();
    return { indent: line.length - words.length, words: styled(words) };
  });
}

function textOf(event: RunEvent): string {
  if (event.event !== "allocated") return renderWithLife(event);
  const id = `[${printable(event.id)}]`;
  const allocated = `${allocatedAmounts(event)} allocated`;
  // Its own process knows of no others that take the same memory.
  if (event.launcher !== undefined) return `${id} ${allocated}${placeText(event)}`;
  return `${id} ${allocated}; ${formatAmount(event.remainingBytes)} left to give`;
}
