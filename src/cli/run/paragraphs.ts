import type { RunEvent } from "../../experiment/events.ts";
import { printable } from "../../report/printable.ts";
import type { Paragraph } from "../../report/short/paragraph.ts";
import type { Span, Style } from "../../report/styled.ts";

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
 * An event's text for a terminal: whose it is in its role's colour, the words wrapped beside that, and
 * what is indented still so.
 */
export function eventParagraphs(event: RunEvent, text: string): Paragraph[] {
  const jar = "id" in event && event.id !== undefined && event.role !== undefined
    ? { label: `[${printable(event.id)}]`, style: event.role }
    : undefined;
  const style = STYLES[event.event];
  const styled = (words: string): Span[] => [style ? { style, text: words } : words];
  return text.split("\n").map((line): Paragraph => {
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
