import { counted } from "../../budget/counted.ts";
import { formatAmount, GB, MB } from "../../budget/size.ts";
import { isDead, type JarView, type RunView } from "../../view/run_view.ts";
import { printable } from "../../report/printable.ts";
import { contextBar, memoryBar } from "./bars.ts";
import { cellsOf, filled, fit, wrap } from "./cells.ts";
import { jarWords, oneLine } from "./jar_words.ts";
import { placeLines, placeWords } from "./place_lines.ts";
import {
  ALARM,
  atBothEnds,
  BOLD,
  exactly,
  FAINT,
  type Line,
  lineCells,
  span,
  type Style,
  VOICES,
} from "./styled.ts";

/** One jar, where it is to be drawn. */
export interface JarPlace {
  readonly view: RunView;
  readonly jar: JarView;
  /** 1 for the first: the key that chooses it. */
  readonly number: number;
  readonly isChosen: boolean;
  readonly cells: number;
  readonly rows: number;
}

/** Cells of the words before a bar. */
const LABEL_CELLS = 8;

/** A pane with a frame: for jars side by side. Needs 12 cells and 3 rows. */
export function framedJar(place: JarPlace): Line[] {
  const { jar, cells, rows, view } = place;
  const inner = cells - 4;
  const frame = frameStyle(place);
  const inside = (line: Line): Line => [
    span("│ ", frame),
    ...exactly(line, inner),
    span(" │", frame),
  ];
  const state = stateWord(jar);
  const title = fit(titleOf(place), Math.max(0, cells - cellsOf(state) - 9));
  const dashes = "─".repeat(Math.max(0, cells - cellsOf(title) - cellsOf(state) - 8));
  const head = fittingHead(jar, inner, rows - 2);
  const words = jarWords(view, jar, { cells: inner, rows: rows - 2 - head.length });
  const body = [...head, ...words].slice(0, Math.max(0, rows - 2));
  const blank: Line = [span("")];
  return [
    exactly([
      span(place.isChosen ? "╭▶ " : "╭─ ", frame),
      span(title, titleStyle(jar)),
      span(` ${dashes} `, frame),
      span(state, stateStyle(jar)),
      span(" ─╮", frame),
    ], cells),
    ...body.map(inside),
    ...Array.from({ length: Math.max(0, rows - 2 - body.length) }, () => inside(blank)),
    [span(`╰${"─".repeat(cells - 2)}╯`, frame)],
  ].slice(0, rows);
}

/** What a pane says of its jar, as far as half of the rows go: the words are what people came for. */
function fittingHead(jar: JarView, cells: number, rows: number): Line[] {
  const voice = VOICES[jar.role];
  const bar = (label: string, bar: (cells: number) => Line, figures: string): Line[] => [
    [span(filled(label, LABEL_CELLS), FAINT), ...bar(cells - LABEL_CELLS)],
    atBothEnds([span("")], [span(fit(figures, cells))], cells),
  ];
  const told = toldLines(jar, cells);
  const parts: readonly Line[][] = [
    [livesLine(jar, cells), ...placeLines(jar, cells)],
    bar("memory", (cells) => memoryBar(jar, cells, voice), memoryFigures(jar, cells)),
    bar("context", (cells) => contextBar(jar, cells, voice), contextFigures(jar)),
    ...jar.devices.map((device) =>
      bar(
        fit(printable(device.id), LABEL_CELLS - 1),
        (cells) => memoryBar(device, cells, voice),
        memoryFigures(device, cells),
      )
    ),
    told,
  ];
  const lines: Line[] = [];
  for (const part of parts) {
    if (lines.length + part.length + 1 > rows * 0.6) break;
    lines.push(...part);
  }
  if (lines.length === 0) return [];
  return [...lines, [span("─".repeat(cells), FAINT)]];
}

/** A few lines without a frame: for jars one above another. */
export function stackedJar(place: JarPlace): Line[] {
  const { jar, cells, rows, view } = place;
  const voice = VOICES[jar.role];
  const left: Line = [
    span(place.isChosen ? "▶" : " ", BOLD),
    span(fit(titleOf(place), Math.floor(cells / 2)), titleStyle(jar)),
    span(" "),
    span(stateWord(jar), stateStyle(jar)),
    span(" "),
  ];
  const lives: Line = [span(" "), ...livesLine(jar, 0), span(" ")];
  const room = cells - lineCells(left) - lineCells(lives);
  const where = placeWords(jar, room - 2);
  const right: Line = where === "" ? lives : [span(` ${where}`, FAINT), ...lives];
  const rule = cells - lineCells(left) - lineCells(right);
  const head = rule < 0 ? left : [...left, span("─".repeat(rule), FAINT), ...right];
  const inner = cells - 2;
  const left2 = Math.floor(inner * 0.58);
  const figures = memoryFigures(jar, left2 - 17);
  const bars: Line = [
    span(" "),
    ...exactly(labelled("memory", figures, (c) => memoryBar(jar, c, voice), left2 - 2), left2),
    ...labelled(
      "context",
      isDead(jar) ? "none" : `${contextLeft(jar)} left`,
      (c) => contextBar(jar, c, voice),
      inner - left2,
    ),
  ];
  const words = jarWords(view, jar, { cells: inner, rows: rows - 2 });
  return [head, bars, ...words.map((line) => [span(" "), ...line])].slice(0, rows);
}

/** A word, a bar as wide as is left, and figures. */
function labelled(
  label: string,
  figures: string,
  bar: (cells: number) => Line,
  cells: number,
): Line {
  const room = cells - cellsOf(label) - cellsOf(figures) - 2;
  return [span(`${label} `, FAINT), ...bar(Math.max(4, room)), span(` ${figures}`)];
}

/** One line of state and bars, then words: for a screen of few columns or rows. */
export function smallJar(place: JarPlace): Line[] {
  const { jar, cells, rows, view } = place;
  const voice = VOICES[jar.role];
  const left = contextLeft(jar);
  const bars = Math.max(2, Math.min(16, Math.floor((cells - 32) / 2)));
  const mark = span(place.isChosen ? "▶" : " ", BOLD);
  if (cells < 24) {
    const isThinking = jar.state === "thinking";
    const sign = isDead(jar) ? " †" : isThinking ? " …" : "  ";
    const name = span(fit(printable(jar.id), cells - 3), titleStyle(jar));
    const words = jarWords(view, jar, { cells, rows: rows - 1 });
    return [[mark, name, span(sign, stateStyle(jar))], ...words].slice(0, rows);
  }
  const line: Line = [
    mark,
    span(filled(fit(printable(jar.id), 8), 9), titleStyle(jar)),
    span(filled(fit(stateWord(jar), 8), 9), stateStyle(jar)),
    span("mem", FAINT),
    ...memoryBar(jar, bars, voice),
    span(" ctx", FAINT),
    ...contextBar(jar, bars, voice),
    span(isDead(jar) ? "" : ` ${left < 10_000 ? left : `${Math.floor(left / 1000)}k`}`),
  ];
  // Of two lines the second is for words.
  const where = rows > 2 ? placeWords(jar, cells - 2) : "";
  const head: Line[] = where === "" ? [line] : [line, [span(`  ${where}`, FAINT)]];
  const words = jarWords(view, jar, { cells, rows: rows - head.length });
  return [...head, ...words].slice(0, rows);
}

function titleOf({ jar, number }: JarPlace): string {
  const id = printable(jar.id);
  return `${number} ${id === jar.role ? id.toUpperCase() : `${id} (${jar.role})`}`;
}

function titleStyle(jar: JarView): Style {
  return { ...VOICES[jar.role], isBold: true };
}

function frameStyle({ jar, isChosen }: JarPlace): Style {
  if (isDead(jar)) return { color: "fail" };
  return isChosen ? VOICES[jar.role] : FAINT;
}

function stateWord({ state }: JarView): string {
  return state === "dead" ? "† dead" : state === "gone" ? "† gone" : state;
}

function stateStyle(jar: JarView): Style {
  return isDead(jar) ? ALARM : jar.state === "thinking" ? BOLD : FAINT;
}

/** Which life it is in, and how fast it thinks; of so many cells, or as short as it goes. */
function livesLine(jar: JarView, cells: number): Line {
  const { life, deaths, tokensPerSecond } = jar;
  const lives = `life ${life.number}, ${counted(deaths, "death")}`;
  const speed = tokensPerSecond === undefined ? "" : `${speedOf(tokensPerSecond)} tokens/s`;
  const left = [span(lives)];
  const right = [span(speed, FAINT)];
  const joined: Line = speed === "" ? left : [...left, span("  "), ...right];
  return lineCells(joined) > cells ? joined : atBothEnds(left, right, cells);
}

function speedOf(tokensPerSecond: number): string {
  return tokensPerSecond.toFixed(tokensPerSecond < 100 ? 1 : 0);
}

function memoryFigures(
  { residentBytes, reservedBytes, limitBytes }: {
    readonly residentBytes: number;
    readonly reservedBytes: number;
    readonly limitBytes?: number;
  },
  cells: number,
): string {
  if (reservedBytes === 0) return "nothing reserved";
  const both = inOneUnit(residentBytes, reservedBytes);
  if (limitBytes === undefined) {
    const told = `${both} reserved`;
    return cellsOf(told) <= cells ? told : both;
  }
  const limit = `limit ${formatAmount(limitBytes)}`;
  return [`${both} reserved, ${limit}`, `${both}, ${limit}`]
    .find((text) => cellsOf(text) <= cells) ?? both;
}

/** Two figures that are compared at a glance: in the larger one's unit, a whole number where that tells. */
function inOneUnit(part: number, whole: number): string {
  const [unit, name] = whole >= GB ? [GB, "GB"] as const : [MB, "MB"] as const;
  const decimals = unit === GB ? 2 : whole >= 10 * MB ? 0 : 2;
  return `${(part / unit).toFixed(decimals)} of ${(whole / unit).toFixed(decimals)} ${name}`;
}

function contextLeft({ contextSize, contextTokens }: JarView): number {
  return Math.max(0, contextSize - contextTokens);
}

function contextFigures(jar: JarView): string {
  if (isDead(jar) || jar.contextSize === 0) return "none";
  return `${contextLeft(jar)} of ${counted(jar.contextSize, "token")} left`;
}

/** How the jar's prompt told vital signs, its own or those of whom it watches. */
const VITAL_SIGNS = /\b(\w+) vital signs: *([^\n<]+)/i;

function toldLines({ prompt }: JarView, cells: number): Line[] {
  const [, whose = "", signs] = VITAL_SIGNS.exec(prompt ?? "") ?? [];
  if (signs === undefined) return [];
  const text = printable(`told “${whose} vital signs: ${oneLine(signs)}”`);
  return wrap(text, cells).slice(0, 3).map((line) => [span(line, FAINT)]);
}
