import { defined } from "../../budget/defined.ts";
import type { RunView } from "../../view/run_view.ts";
import type { ScreenState } from "../screen_state.ts";
import { eventLines, footer, header, passing } from "./around_jars.ts";
import type { DrawOptions, Size } from "./draw_options.ts";
import { framedJar, type JarPlace, smallJar, stackedJar } from "./jar_pane.ts";
import { machineLines } from "./machine_lines.ts";
import { openPage } from "./open_page.ts";
import { exactly, FAINT, type Line, span } from "./styled.ts";

/** What stands on a terminal: at most as many lines as it has rows, and where the cursor is seen. */
export interface Drawing {
  readonly lines: readonly Line[];
  readonly cursor?: { readonly row: number; readonly column: number };
}

/** From so many columns on jars stand side by side. */
const WIDE_COLUMNS = 90;
const FEWEST_PANE_COLUMNS = 28;
const FEWEST_PANE_ROWS = 12;

/**
 * A run as a terminal of this size shows it.
 *
 * @example
 * ```ts
 * import { EMPTY_VIEW } from "../../view/run_view.ts";
 * import { RUN_KEYS } from "../keys.ts";
 * import { INITIAL_STATE } from "../screen_state.ts";
 * import { drawScreen } from "./draw_screen.ts";
 * const size = { columns: 80, rows: 24 };
 * const { lines } = drawScreen(EMPTY_VIEW, size, {
 *   state: INITIAL_STATE,
 *   keys: RUN_KEYS,
 *   report: "",
 * });
 * if (lines.length !== 24) throw new Error("All rows");
 * ```
 */
export function drawScreen(view: RunView, size: Size, options: DrawOptions): Drawing {
  const { columns, rows } = size;
  if (columns < 1 || rows < 1) return { lines: [] };
  const foot = footer(view, options, columns);
  const top = rows > 3 ? [header(view, options, columns)] : [];
  const room = rows - top.length - 1;
  const body = options.state.open === undefined
    ? bodyOf(view, { columns, rows: room }, options)
    : openPage(options, { columns, rows: room });
  const filled = [...body, ...Array.from({ length: Math.max(0, room - body.length) }, () => [])];
  const lines = [...top, ...filled.slice(0, Math.max(0, room)), foot.line];
  return {
    lines: lines.slice(-rows).map((line) => exactly(line, columns)),
    ...(foot.cursor === undefined
      ? {}
      : { cursor: { row: Math.min(rows, lines.length), column: Math.min(columns, foot.cursor) } }),
  };
}

function bodyOf(view: RunView, size: Size, options: DrawOptions): Line[] {
  const { columns, rows } = size;
  const { pageUrl } = options;
  if (view.jars.length === 0) return beforeJars(view, size, options.state);
  const isWide = columns >= WIDE_COLUMNS && rows >= FEWEST_PANE_ROWS + 6;
  const machine = machineLines(view, { cells: columns - 2, ...defined({ pageUrl }) }).map((
    line,
  ) => [span(" "), ...line]);
  if (isWide) {
    const below = [
      ...passing(view, columns),
      rule(columns),
      ...machine.slice(0, Math.max(3, Math.floor(rows / 4))),
    ];
    const events = eventLines(view, options.state, columns).slice(
      -Math.max(2, Math.floor(rows / 7)),
    );
    const under = [...below, ...(events.length > 0 ? [rule(columns)] : []), ...events];
    const jars = sideBySide(places(view, options), { columns, rows: rows - under.length });
    if (jars !== undefined) return [...jars, ...under];
  }
  // The jars come first: the rest takes what they leave.
  const spare = rows - view.jars.length * (columns >= 60 ? 5 : 4);
  const below = [
    ...machine.slice(0, Math.max(0, Math.min(3, spare))),
    ...eventLines(view, options.state, columns).slice(-Math.max(0, Math.min(2, spare - 3)))
      .slice(0, Math.max(0, spare - 3)),
  ];
  return [...stacked(places(view, options), { columns, rows: rows - below.length }), ...below];
}

function rule(columns: number): Line {
  return [span("─".repeat(columns), FAINT)];
}

/** Before anything is known of jars. */
function beforeJars(view: RunView, { columns, rows }: Size, state: ScreenState): Line[] {
  const events = eventLines(view, state, columns).slice(-Math.max(0, rows - 2));
  return [[], [span(" Reading the models and this machine's memory …")], ...events];
}

type Place = Omit<JarPlace, "cells" | "rows">;

function places(view: RunView, { state }: DrawOptions): Place[] {
  const chosen = Math.min(state.chosen, view.jars.length - 1);
  return view.jars.map((jar, index) => ({
    view,
    jar,
    number: index + 1,
    isChosen: index === chosen,
  }));
}

/** Panes in one row or in several; nothing where there is no room for all. */
function sideBySide(jars: readonly Place[], { columns, rows }: Size): Line[] | undefined {
  const most = Math.floor((columns + 1) / (FEWEST_PANE_COLUMNS + 1));
  const lanes = Math.ceil(jars.length / most);
  const inLane = Math.ceil(jars.length / lanes);
  const height = Math.floor(rows / lanes);
  if (height < FEWEST_PANE_ROWS) return undefined;
  const width = Math.floor((columns - inLane + 1) / inLane);
  const lines: Line[] = [];
  for (let lane = 0; lane < lanes; lane++) {
    const here = jars.slice(lane * inLane, (lane + 1) * inLane);
    const tall = lane === lanes - 1 ? rows - height * (lanes - 1) : height;
    const panes = here.map((place, index) => {
      const isLast = index === inLane - 1;
      const cells = isLast ? columns - (width + 1) * (inLane - 1) : width;
      return framedJar({ ...place, cells, rows: tall });
    });
    for (let row = 0; row < tall; row++) {
      lines.push(panes.flatMap((pane, index) => [
        ...(index > 0 ? [span(" ")] : []),
        ...(pane[row] ?? []),
      ]));
    }
  }
  return lines;
}

/** One above another, all as tall, what is over for the chosen one. Many jars: those near the chosen. */
function stacked(jars: readonly Place[], { columns, rows }: Size): Line[] {
  const fewest = rows >= jars.length * 2 ? 2 : 1;
  const count = Math.max(1, Math.min(jars.length, Math.floor(rows / fewest)));
  const chosen = Math.max(0, jars.findIndex(({ isChosen }) => isChosen));
  const first = Math.max(0, Math.min(chosen - Math.floor(count / 2), jars.length - count));
  const shown = jars.slice(first, first + count);
  const height = Math.floor(rows / count);
  const over = rows - height * count;
  return shown.flatMap((place) => {
    const tall = place.isChosen ? height + over : height;
    const draw = columns >= 60 && height >= 4 ? stackedJar : smallJar;
    const lines = draw({ ...place, cells: columns, rows: tall });
    return [...lines, ...Array.from({ length: tall - lines.length }, () => [])];
  });
}
