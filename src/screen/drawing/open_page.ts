import { printable } from "../../report/printable.ts";
import { EMPTY, FULL, KEPT } from "./bars.ts";
import { cellsOf, filled, wrap } from "./cells.ts";
import type { DrawOptions, Size } from "./draw_options.ts";
import { FRAYED } from "./fray.ts";
import { BOLD, FAINT, type Line, span } from "./styled.ts";

/** The validation or the help, as far as it is scrolled, in place of the jars. */
export function openPage(options: DrawOptions, { columns, rows }: Size): Line[] {
  const { open } = options.state;
  const lines = open?.kind === "help"
    ? helpLines(options, columns)
    : validationPage(options, columns);
  // Never scrolled past the end.
  const first = Math.min(open?.scrolled ?? 0, Math.max(0, lines.length - rows));
  const shown = lines.slice(first, first + rows);
  const below = lines.length - first - shown.length;
  if (below === 0 || rows < 2) return shown;
  return [...shown.slice(0, -1), [span(` … ${below + 1} more lines below`, FAINT)]];
}

function validationPage({ report }: DrawOptions, columns: number): Line[] {
  const text = report || "The validation is not there yet";
  return text.split("\n").flatMap((line) => {
    const shown = printable(line);
    // What is aligned stays so where it fits; a long line goes on below itself.
    const indent = /^ */.exec(shown)?.[0].length ?? 0;
    const rule = /^=+$/.test(shown);
    if (rule) return [[span(` ${"═".repeat(Math.max(0, Math.min(70, columns - 2)))}`, FAINT)]];
    if (cellsOf(shown) <= columns - 2) return [[span(` ${shown}`)]];
    const rest = wrap(shown.trimStart(), columns - 2 - indent);
    return rest.map((part) => [span(` ${" ".repeat(indent)}${part}`)]);
  });
}

function helpLines({ keys }: DrawOptions, columns: number): Line[] {
  const width = Math.max(...keys.map(({ shown }) => cellsOf(shown))) + 3;
  const row = (left: string, text: string): Line[] =>
    wrap(text, Math.max(1, columns - width - 1)).map((line, index) => [
      span(index === 0 ? filled(` ${left}`, width) : " ".repeat(width), BOLD),
      span(line),
    ]);
  return [
    [span(" Keys", BOLD)],
    [],
    ...keys.flatMap(({ shown, does }) => row(shown, does)),
    [],
    [span(" What is drawn", BOLD)],
    [],
    ...row(FULL, "memory: in memory now; context: used by what was said and heard"),
    ...row(KEPT, "memory: reserved for the jar, not filled yet"),
    ...row(EMPTY, "free: up to the jar's limit, or to the end of its context"),
    ...row(`a${FRAYED}b`, "letters that a mind has lost because its context is nearly full"),
    ...row("◂", "a whisper that the subject was told"),
    ...row("†", "a death: what it died of, and how long that life was"),
    [],
    ...row(
      "",
      "The subject thinks; the observer reads that and notes; god reads both and whispers.",
    ),
    ...row("", "A jar whose context is full dies and comes back without its memory."),
  ];
}
