import process from "node:process";
import { createLogUpdate } from "log-update";
import { printable } from "../../report/printable.ts";
import { cellsOf, endOf, fit } from "../../screen/drawing/cells.ts";

/** A line on the terminal that shows what is going on and goes away when something is printed. */
export interface Progress {
  show(state: ProgressState): void;
  clear(): void;
}

/** Redraws at most so often: a terminal is slower than a small model. */
const REDRAW_MILLISECONDS = 50;

/**
 * A line on stderr, which must be a terminal.
 *
 * @param mayDraw False while something is being printed, which a line in between would be mixed with.
 */
export function openProgress(mayDraw: () => boolean): Progress {
  // A terminal that was closed ends the run by SIGHUP, with all that is given back, and not by this.
  process.stderr.on("error", () => {});
  const draw = createLogUpdate(process.stderr, { showCursor: true });
  let drawnAt = -Infinity;
  return {
    show: (state) => {
      const now = performance.now();
      if (now - drawnAt < REDRAW_MILLISECONDS || !mayDraw()) return;
      drawnAt = now;
      // A terminal that knows no size says 0.
      draw(renderProgress(state, (process.stderr.columns || 80) - 1));
    },
    clear: () => {
      draw.clear();
      drawnAt = -Infinity;
    },
  };
}

/** What is going on right now. */
type ProgressState =
  | { readonly kind: "loading"; readonly model: string; readonly fraction: number }
  | { readonly kind: "reading"; readonly path: string; readonly fraction: number }
  | { readonly kind: "waiting"; readonly text: string }
  | { readonly kind: "thinking"; readonly id: string; readonly text: string };

/** The state as one line of at most `columns` cells, the end of a thought rather than its start. */
function renderProgress(state: ProgressState, columns: number): string {
  if (state.kind === "loading") {
    return endOf(
      printable(`Loading ${state.model}: ${Math.floor(state.fraction * 100)} %`),
      columns,
    );
  }
  if (state.kind === "reading") {
    return fit(printable(`Reading ${state.path}: ${Math.floor(state.fraction * 100)} %`), columns);
  }
  if (state.kind === "waiting") return fit(printable(state.text), columns);
  const label = printable(`[${state.id}] … `);
  // A model's words may hold anything; their lines stand in one.
  const text = printable(state.text.replace(/\s+/g, " "));
  return label + endOf(text, columns - cellsOf(label));
}
