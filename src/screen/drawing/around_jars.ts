import type { JarView, RunView } from "../../view/run_view.ts";
import { clockText } from "../../view/clock_text.ts";
import { paceText } from "../../view/pace.ts";
import { printable } from "../../report/printable.ts";
import type { KeyBinding } from "../keys.ts";
import type { ScreenState } from "../screen_state.ts";
import { cellsOf, endOf, fit } from "./cells.ts";
import type { DrawOptions } from "./draw_options.ts";
import {
  ALARM,
  atBothEnds,
  BOLD,
  exactly,
  FAINT,
  type Line,
  lineCells,
  span,
  VOICES,
} from "./styled.ts";

/** The first line: what runs, where it is, and whether it goes on. */
export function header(view: RunView, { state, speed }: DrawOptions, columns: number): Line {
  const { mode, turn, turns, seed, at, pace, phase: phaseName } = view;
  const parts = [
    columns < 60 ? undefined : mode,
    `turn ${phaseName === "starting" ? turn : Math.max(1, turn)}${
      turns === undefined ? "" : ` of ${turns}`
    }`,
    clockText(at),
    speed === undefined ? paceText(pace) : `${speed === Infinity ? "full" : speed} × speed`,
    seed === undefined ? undefined : `seed ${seed}`,
  ].filter((part) => part !== undefined);
  const name = span(columns < 60 ? " " : " brainjar  ", BOLD);
  const phase = [...phaseOf(view, state), span(" ")];
  // What runs gives way to whether it runs.
  const room = columns - cellsOf(name.text) - lineCells(phase) - 1;
  while (parts.length > 1 && cellsOf(parts.join(" · ")) > room) parts.pop();
  return atBothEnds([name, span(fit(parts.join(" · "), room))], phase, columns);
}

/** What runs has its place beside what it waits for. */
const WAITING_COLUMNS = 48;

function phaseOf({ phase }: RunView, { loading, waiting, isQuitting }: ScreenState): Line {
  if (isQuitting && phase !== "ended") return [span("ending: q again stops at once", ALARM)];
  if (loading !== undefined) {
    const percent = Math.floor(loading.fraction * 100);
    const file = printable(loading.model.replace(/^.*[/\\]/, ""));
    return [span(`loading ${fit(file, 24)} ${percent} %`, BOLD)];
  }
  if (phase === "paused") return [span("PAUSED", { color: "warning", isBold: true })];
  if (waiting !== undefined && phase !== "ended") {
    return [span(fit(printable(waiting), WAITING_COLUMNS), BOLD)];
  }
  return [span(phase, FAINT)];
}

/** Who hears whom, the arrow that was taken last drawn heavily. */
export function passing(view: RunView, columns: number): Line[] {
  const subjects = view.jars.filter(({ role }) => role === "subject");
  const [first, second] = subjects;
  const observer = view.jars.find(({ role }) => role === "observer");
  const god = view.jars.find(({ role }) => role === "god");
  const last = view.utterances.at(-1);
  if (first === undefined) return [];
  const arrow = (from: JarView | undefined, kind: string, word: string): Line => {
    const isNow = from !== undefined && last?.kind === kind && last.id === from.id && !last.byHand;
    return isNow && from !== undefined
      ? [span(` ━━ ${word} ━━▶ `, { ...VOICES[from.role], isBold: true })]
      : [span(` ── ${word} ──▷ `, FAINT)];
  };
  const name = (jar: JarView) => span(printable(jar.id), VOICES[jar.role]);
  const line: Line = observer === undefined && god === undefined
    ? second === undefined ? [] : [
      name(first),
      ...arrow(first, "thought", "thought"),
      name(second),
      ...arrow(second, "thought", "thought"),
      name(first),
    ]
    : [
      name(first),
      ...arrow(first, "thought", "thought"),
      ...observer === undefined ? [] : [name(observer), ...arrow(observer, "note", "note")],
      ...god === undefined ? [] : [name(god), ...arrow(god, "whisper", "whisper"), name(first)],
    ];
  return line.length === 0 ? [] : [exactly([span("  "), ...line], columns)];
}

/** What happened last, and what else was said, newest below. */
export function eventLines(view: RunView, { said }: ScreenState, columns: number): Line[] {
  const happened = view.happenings.map(({ number, at, kind, text }) => ({
    number,
    text: `${clockText(at)}  ${oneLineOf(text)}`,
    style: kind === "death" || kind === "warning" ? { color: "fail" as const } : undefined,
  }));
  const others = said.map(({ after, text }) => ({
    number: after + 0.5,
    text: printable(text),
    style: undefined,
  }));
  return [...happened, ...others].toSorted((a, b) => a.number - b.number)
    .map(({ text, style }) => exactly([span(" "), span(text, style)], columns));
}

/** A report of several lines in one; each line is printable already. */
function oneLineOf(text: string): string {
  return text.split("\n").map((line) => printable(line.trim())).filter((line) => line !== "").join(
    "; ",
  );
}

/** The last line: what is being typed, an answer, or the keys; and the column of the cursor. */
export function footer(
  view: RunView,
  { state, keys }: DrawOptions,
  columns: number,
): { readonly line: Line; readonly cursor?: number } {
  if (state.editing !== undefined) return editorLine(state.editing, columns);
  if (state.message !== undefined) {
    return { line: [span(` ${printable(state.message)}`, BOLD)] };
  }
  return { line: keysLine(view, keys, { state, columns }) };
}

function keysLine(
  view: RunView,
  keys: readonly KeyBinding[],
  { state, columns }: { readonly state: ScreenState; readonly columns: number },
): Line {
  if (state.open !== undefined) {
    return [span(" ↑ ↓ PgUp PgDn", BOLD), span(" scroll  "), span("Esc", BOLD), span(" back")];
  }
  const jar = view.jars[Math.min(state.chosen, view.jars.length - 1)];
  const words = keys.filter(({ isInFooter }) => isInFooter).map(({ action, shown, word }) => ({
    shown,
    word: action === "kill" && jar !== undefined && columns >= 60
      ? `kill ${fit(printable(jar.id), 12)}`
      : action === "pause" && view.phase === "paused"
      ? "go on"
      : word,
  }));
  // The last one is the help, which has all of them: what doesn't fit is left out before it.
  const cells = ({ shown, word }: { shown: string; word: string }) =>
    cellsOf(shown) + cellsOf(word) + 3;
  const [quit, ...others] = words.splice(0, words.length - 1);
  const kept = quit === undefined ? [] : [quit];
  let room = columns - [...kept, ...words].reduce((sum, one) => sum + cells(one), 0);
  for (const one of others) {
    room -= cells(one);
    if (room < 0) break;
    kept.push(one);
  }
  const fits = columns - [...kept, ...words].reduce((sum, one) => sum + cells(one), 0) >= -1;
  return (fits ? [...kept, ...words] : kept).flatMap(({ shown, word }) => [
    span(` ${shown}`, BOLD),
    span(` ${word} `),
  ]);
}

function editorLine(
  { kind, line }: NonNullable<ScreenState["editing"]>,
  columns: number,
): { readonly line: Line; readonly cursor: number } {
  const long = kind === "whisper" ? " Whisper to the subject: " : " Go to turn: ";
  const label = columns < 50 ? " > " : long;
  const help = columns < 70 ? "" : "  Enter: done, Esc: leave ";
  const room = Math.max(1, columns - cellsOf(label) - cellsOf(help) - 1);
  const before = endOf(printable(line.before), room);
  const after = fit(printable(line.after), room - cellsOf(before));
  return {
    line: atBothEnds([span(label, BOLD), span(before + after)], [span(help, FAINT)], columns),
    cursor: cellsOf(label) + cellsOf(before) + 1,
  };
}
