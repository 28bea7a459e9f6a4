import type { Role } from "../budget/demand.ts";
import { oneLine } from "./text.ts";

/** A note longer than this is cut: it is read by god in every turn. */
const NOTE_CHARACTERS = 280;
/** A whisper is one line, and a line has an end. */
const WHISPER_CHARACTERS = 160;
/** What god says to say nothing. */
const SILENCE = /^\W*silence\b/i;

/**
 * What an observer's thought leaves as a note: its first paragraph on one line, without control
 * characters; empty where it has no words.
 *
 * @example
 * ```ts
 * import { noteOf } from "./replies.ts";
 * if (noteOf("\nIt  dreams\nof rain.\n\nAnd then") !== "It dreams of rain.") throw new Error();
 * ```
 */
export function noteOf(thought: string): string {
  return cut(oneLine(thought.trim().split(/\n\s*\n/)[0] ?? ""), NOTE_CHARACTERS);
}

/**
 * What of god's thought is whispered: its first line that isn't empty. God declines with an empty
 * thought, or with a line that begins with `silence`: then there is no whisper.
 *
 * @example
 * ```ts
 * import { whisperOf } from "./replies.ts";
 * if (whisperOf("\nLook up.\nOr don't.") !== "Look up.") throw new Error();
 * if (whisperOf("Silence.") !== undefined) throw new Error();
 * ```
 */
export function whisperOf(thought: string): string | undefined {
  const line = thought.split("\n").map(oneLine).find((text) => text !== "");
  return line === undefined || SILENCE.test(line) ? undefined : cut(line, WHISPER_CHARACTERS);
}

/** What a thought passes on to others. */
interface Reply {
  readonly event: "note" | "whisper";
  readonly text: string;
}

/**
 * What a whole thought passes on: an observer's its note, god's its whisper. Nothing where it has no
 * words for that, and nothing of a subject's, which is heard as it is.
 *
 * @example
 * ```ts
 * import { replyOf } from "./replies.ts";
 * if (replyOf("observer", "It dreams.")?.event !== "note") throw new Error();
 * if (replyOf("god", "Silence.") !== undefined) throw new Error();
 * ```
 */
export function replyOf(role: Role, thought: string): Reply | undefined {
  const reply: Partial<Record<Role, Reply["event"]>> = { observer: "note", god: "whisper" };
  const event = reply[role];
  const text = event === "note" ? noteOf(thought) : event && whisperOf(thought);
  return event && text ? { event, text } : undefined;
}

/**
 * A person's whisper: all that was typed, on one line, cut as god's is. Empty where it has no words.
 *
 * @example
 * ```ts
 * import { whisperByHand } from "./replies.ts";
 * if (whisperByHand(" Look\nup. ") !== "Look up.") throw new Error();
 * ```
 */
export function whisperByHand(text: string): string {
  return cut(oneLine(text), WHISPER_CHARACTERS);
}

function cut(text: string, characters: number): string {
  const all = [...text];
  return all.length <= characters ? text : `${all.slice(0, characters - 1).join("").trimEnd()}…`;
}
