/** A key that was pressed, or a text that was pasted. */
export interface Key {
  /** `q`, `up`, `ctrl+l`, `shift+tab`; `paste` for what was pasted. */
  readonly name: string;
  /** What it types, if anything. */
  readonly text?: string;
}

/** What keys do. */
export type Action =
  | "quit"
  | "pause"
  | "kill"
  | "whisper"
  | "prompt"
  | "faster"
  | "slower"
  | "validation"
  | "help"
  | "next-jar"
  | "previous-jar"
  | "previous-turn"
  | "next-turn"
  | "turn"
  | "redraw";

/** Keys and what they do. */
export interface KeyBinding {
  readonly keys: readonly string[];
  readonly action: Action;
  /** As people read it: of the keys, and of what they do in a word or two. */
  readonly shown: string;
  readonly word: string;
  /** The same in a sentence. */
  readonly does: string;
  /** Whether the footer has it; all are in the help. */
  readonly isInFooter: boolean;
}

type Row = readonly [
  keys: string,
  action: Action,
  shown: string,
  word: string,
  does: string,
  place?: "help",
];

function table(rows: readonly Row[]): readonly KeyBinding[] {
  return rows.map(([keys, action, shown, word, does, place]) => ({
    keys: keys.split(" "),
    action,
    shown,
    word,
    does,
    isInFooter: place === undefined,
  }));
}

const QUIT: Row = [
  "q",
  "quit",
  "q",
  "quit",
  "Ends the run and gives everything back; once more: at once",
];
const VALIDATION: Row = [
  "v",
  "validation",
  "v",
  "validation",
  "Shows the whole validation, or leaves it",
];
const SEEN: readonly Row[] = [
  ["ctrl+l", "redraw", "Ctrl-L", "redraw", "Draws everything anew", "help"],
  ["? h f1", "help", "?", "help", "Shows this, or leaves it"],
];

/** The keys of a run. 1 to 9 choose a jar, and Esc leaves what is open, whatever the table. */
export const RUN_KEYS: readonly KeyBinding[] = table([
  QUIT,
  ["p space", "pause", "p", "pause", "Pauses before the next thought, or goes on"],
  ["k", "kill", "k", "kill", "Kills the chosen jar; it comes back without its memory"],
  ["w", "whisper", "w", "whisper", "Whispers a line to the subject, in place of god"],
  ["e", "prompt", "e", "prompt", "Changes the chosen jar's prompt in your editor"],
  VALIDATION,
  ["+ =", "faster", "+", "faster", "Words come faster; at last as fast as they are thought"],
  ["- _", "slower", "-", "slower", "Words come slower"],
  ["tab right down", "next-jar", "Tab", "choose", "Chooses the next jar; so do arrows and 1 to 9"],
  ["shift+tab left up", "previous-jar", "Shift-Tab", "back", "Chooses the jar before", "help"],
  ...SEEN,
]);

/** The keys of a transcript that is played again. */
export const REPLAY_KEYS: readonly KeyBinding[] = table([
  ["q", "quit", "q", "quit", "Ends the replay"],
  ["space p", "pause", "Space", "pause", "Pauses, or goes on"],
  ["left", "previous-turn", "←", "turn back", "Goes back a turn"],
  ["right", "next-turn", "→", "turn on", "Goes on a turn"],
  ["g", "turn", "g", "go to turn", "Asks for a turn and goes there"],
  ["+ =", "faster", "+", "faster", "Twice as fast"],
  ["- _", "slower", "-", "slower", "Half as fast"],
  ["tab down", "next-jar", "Tab", "choose", "Chooses the next jar; so do 1 to 9", "help"],
  ["shift+tab up", "previous-jar", "Shift-Tab", "back", "Chooses the jar before", "help"],
  VALIDATION,
  ...SEEN,
]);
