import { fillOf, type JarView } from "../../view/run_view.ts";
import { ALARM, FAINT, type Line, type Span, span, type Style } from "./styled.ts";

/** What bars are made of: told apart without colour. */
export const FULL = "█";
export const KEPT = "▒";
export const EMPTY = "·";

interface Part {
  readonly amount: number;
  readonly glyph: string;
  readonly style?: Style;
}

/** Parts of a whole, one after another; what is there at all has a cell where there is one. */
function bar(parts: readonly Part[], whole: number, cells: number): Line {
  const spans: Span[] = [];
  let left = Math.max(0, cells);
  let sum = 0;
  let drawn = 0;
  for (const { amount, glyph, style } of parts) {
    sum += Math.max(0, amount);
    const until = whole > 0 ? Math.round(Math.min(1, sum / whole) * cells) : 0;
    const width = Math.min(left, Math.max(until - drawn, amount > 0 ? 1 : 0));
    if (width > 0) spans.push(span(glyph.repeat(width), style));
    drawn += width;
    left -= width;
  }
  return left > 0 ? [...spans, span(EMPTY.repeat(left), FAINT)] : spans;
}

/** What of a jar's memory is resident within what is reserved within its limit. */
export function memoryBar(
  { residentBytes, reservedBytes, limitBytes = 0 }: {
    readonly residentBytes: number;
    readonly reservedBytes: number;
    readonly limitBytes?: number;
  },
  cells: number,
  voice: Style,
): Line {
  return bar(
    [
      { amount: residentBytes, glyph: FULL, style: voice },
      { amount: reservedBytes - residentBytes, glyph: KEPT, style: voice },
    ],
    Math.max(limitBytes, reservedBytes, residentBytes),
    cells,
  );
}

/** How full a context must be to be an alarm, and a warning. */
const LAST_OF_CONTEXT = 0.95;
const LITTLE_CONTEXT = 0.8;

/** How full a jar's context is. */
export function contextBar(
  context: Pick<JarView, "contextTokens" | "contextSize">,
  cells: number,
  voice: Style,
): Line {
  const { contextTokens, contextSize } = context;
  const fill = fillOf(context);
  const style: Style = fill >= LAST_OF_CONTEXT
    ? ALARM
    : fill >= LITTLE_CONTEXT
    ? { ...voice, isBold: true }
    : voice;
  return bar([{ amount: contextTokens, glyph: FULL, style }], contextSize, cells);
}

/** How much of a pool is in use, and of the rest how much this run has reserved and not filled. */
export function poolBar(
  { totalBytes, freeBytes, unfilledBytes }: {
    readonly totalBytes: number;
    readonly freeBytes: number;
    readonly unfilledBytes: number;
  },
  cells: number,
): Line {
  return bar(
    [
      { amount: totalBytes - freeBytes, glyph: FULL, style: FAINT },
      { amount: Math.min(unfilledBytes, freeBytes), glyph: KEPT, style: FAINT },
    ],
    totalBytes,
    cells,
  );
}
