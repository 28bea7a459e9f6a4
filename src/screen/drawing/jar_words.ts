import { counted } from "../../budget/counted.ts";
import {
  fillOf,
  type Happening,
  type JarView,
  type Life,
  type RunView,
  type Utterance,
} from "../../view/run_view.ts";
import { printable } from "../../report/printable.ts";
import { wrap } from "./cells.ts";
import { fray, FRAYED } from "./fray.ts";
import { ALARM, FAINT, type Line, restyled, span, type Style, VOICES } from "./styled.ts";

/** Something that stands among a jar's words. */
interface Entry {
  readonly at: number;
  /** Stands in the margin. */
  readonly turn: number;
  /** As it was said: made printable when it is drawn, so that what frays are its own letters. */
  readonly text: string;
  readonly fill: number;
  readonly style?: Style;
}

/**
 * What a jar said, what was whispered to it, and how its lives ended: the last of it that fits, newest
 * below.
 */
export function jarWords(
  view: RunView,
  jar: JarView,
  { cells, rows }: { readonly cells: number; readonly rows: number },
): Line[] {
  const lines: Line[] = [];
  let isNewest = true;
  for (const entry of newestFirst(view, jar)) {
    if (lines.length >= rows) break;
    const style = entry.style ?? (isNewest ? VOICES[jar.role] : undefined);
    const room = { cells, rows: rows - lines.length, margin: String(view.turn).length + 1 };
    lines.unshift(...entryLines(entry, room, style));
    isNewest &&= entry.style !== undefined;
  }
  return lines;
}

/** The turn in a margin, and the text beside it: its last lines, as many as there is room for. */
function entryLines(
  { turn, text, fill }: Entry,
  { cells, rows, margin }: {
    readonly cells: number;
    readonly rows: number;
    readonly margin: number;
  },
  style: Style | undefined,
): Line[] {
  // On a screen of few columns every cell goes to the words.
  const room = cells - margin;
  const isWide = room >= margin * 4;
  const words = wrapped(text, fill, isWide ? room : cells);
  const first = Math.max(0, words.length - rows);
  return words.slice(first).map((line, index) => [
    ...(isWide
      ? [span(first + index === 0 ? `${turn} `.padStart(margin) : " ".repeat(margin), FAINT)]
      : []),
    ...restyled(line, style, { character: FRAYED, style: FAINT }),
  ]);
}

/** Most of what stands on a screen stood there a moment ago, and to wrap it is most of what a drawing costs. */
const kept = new Map<string, readonly string[]>();
/** Characters of all texts that are kept: the longest ones cost most to wrap. */
const MOST_KEPT = 500_000;
let keptCharacters = 0;

/** A text as it has frayed, in printable lines. */
function wrapped(text: string, fill: number, cells: number): readonly string[] {
  const key = `${cells} ${fill} ${text}`;
  const before = kept.get(key);
  if (before !== undefined) return before;
  const lines = wrap(printable(fray(text, fill)), cells);
  if (keptCharacters > MOST_KEPT) {
    kept.clear();
    keptCharacters = 0;
  }
  kept.set(key, lines);
  keptCharacters += key.length;
  return lines;
}

function* newestFirst(view: RunView, jar: JarView): Iterable<Entry> {
  const { thought } = jar;
  if (thought?.isWhole === false && jar.state === "thinking") {
    const fill = fillOf(jar);
    yield { at: view.at, turn: turnOfThought(view, jar), text: oneLine(thought.text), fill };
  }
  // Of the same moment, what happened comes after what was said.
  const happened = eventsOf(view, jar);
  let next = happened.next();
  for (let index = view.utterances.length - 1; index >= 0; index--) {
    const utterance = view.utterances[index];
    const entry = utterance && said(utterance, jar);
    if (entry === undefined) continue;
    for (; !next.done && next.value.at >= entry.at; next = happened.next()) yield next.value;
    yield entry;
  }
  for (; !next.done; next = happened.next()) yield next.value;
}

/** In which turn a jar is thinking: a turn is known by the first thought that ends in it. */
function turnOfThought({ turn, utterances }: RunView, { id }: JarView): number {
  const last = utterances.findLast((utterance) => utterance.id === id && !utterance.byHand);
  return Math.max(1, last?.turn === turn ? turn + 1 : turn);
}

/** What a jar's words have of an utterance, if anything. */
function said({ at, turn, id, role, kind, text, isCutOff, fill, byHand }: Utterance, jar: JarView):
  | Entry
  | undefined {
  const words = oneLine(text) || "(silence)";
  if (kind === "whisper" && jar.role === "subject") {
    const who = byHand ? "a hand" : id;
    return { at, turn, text: `◂ ${who} whispers: ${words}`, fill: 0, style: VOICES.god };
  }
  if (id !== jar.id || role !== jar.role) return undefined;
  return { at, turn, text: isCutOff ? `${words} — cut off` : words, fill };
}

/** Its deaths and its coming back, newest first. */
function* eventsOf(view: RunView, jar: JarView): Generator<Entry, undefined> {
  const births = view.happenings.filter(({ id, kind }) => id === jar.id && kind === "resurrection");
  const deaths = view.lives.filter(({ id, death }) => id === jar.id && death !== undefined);
  const both = [...births.map(bornAgain), ...deaths.map(died)];
  // A death and what came of it are seconds apart at most, and in this order.
  yield* both.toSorted((a, b) => b.at - a.at);
}

function bornAgain({ at, turn }: Happening): Entry {
  return { at, turn, text: "↑ came back, remembering nothing", fill: 0, style: FAINT };
}

function died({ number, turns, tokens, death }: Life): Entry {
  const { at = 0, turn = 0, message = "" } = death ?? {};
  const life = `${counted(turns, "turn")}, ${counted(tokens, "token")}`;
  const text = `† died: ${message}. Life ${number} had ${life}`;
  return { at, turn, text, fill: 0, style: ALARM };
}

/** Words on one line that can be wrapped. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
