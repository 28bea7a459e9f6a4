import { counted } from "../../budget/counted.ts";
import { defined } from "../../budget/defined.ts";
import type { Role } from "../../budget/demand.ts";
import { GB } from "../../budget/size.ts";
import { sum } from "../../budget/sum.ts";
import type { Prompt } from "../../engine/engine.ts";
import { CAUSE_MESSAGES, type DeathCause } from "../jar/death_cause.ts";
import { clipBytes, oneLine } from "../text.ts";
import { builtInPrompt } from "./built_in.ts";
import {
  fillLine,
  isSaid,
  type Placeholder,
  type PlaceholderValues,
  wordsInBraces,
} from "./placeholders.ts";
import { parsePrompt, type RolePrompt } from "./prompt_file.ts";

/**
 * A jar's vital signs as it and others are told them. Nothing here is measured: resident memory
 * differs from run to run, and the same seed, model and flags must give the same transcript.
 */
export interface VitalSigns {
  /** What is reserved for the jar, in bytes. */
  readonly memoryBytes: number;
  readonly tokensUsed: number;
  readonly contextSize: number;
  readonly deaths: number;
  readonly alive: boolean;
}

/** What a jar hears before it thinks. */
export interface PromptInput {
  readonly role: Role;
  readonly turn: number;
  /** Whether this mind has thought nothing yet. */
  readonly fresh: boolean;
  /** How the jar itself is. */
  readonly vitals: VitalSigns;
  readonly lastCause?: DeathCause;
  /** Tokens that the model's chat template adds to this prompt; none for raw text. */
  readonly templateTokens?: number;
  /** Instead of the built-in prompt of its role. */
  readonly prompt?: RolePrompt;
  /** Subject: god's last whisper. */
  readonly whisper?: string;
  /** Subject in `peer`: what the other thought last, empty before its first thought. */
  readonly other?: string;
  /** Observer and god: what the subject thought last, empty before its first thought. */
  readonly thought?: string;
  /** Observer and god: how the subject is. */
  readonly subjectVitals?: VitalSigns;
  /** God: what the observer noted. */
  readonly note?: string;
}

const LABELS: Readonly<Record<Role, string>> = {
  subject: "Thought",
  observer: "Note",
  god: "Whisper",
};

/** What others said, and is cut where there is no room. */
const QUOTES: readonly Placeholder[] = ["whisper", "other", "thought", "note"];

/** Bytes between two turns in raw text. */
const BETWEEN_TURNS = 2;

/**
 * The prompt for one thought. With what the chat template adds it takes at most half as many bytes
 * as the context has tokens: no tokenizer makes more tokens than bytes, so a new mind always has
 * room for it and for an answer. What others said is cut first, then the system message is left
 * out, then the lines that quote nobody from the last one on, then all of them.
 */
export function composePrompt(input: PromptInput): Prompt {
  const { role, turn, fresh, vitals, templateTokens = 0 } = input;
  const room = Math.max(1, Math.floor(vitals.contextSize / 2) - templateTokens - BETWEEN_TURNS);
  const label = `${LABELS[role]} ${turn}:`;
  const { system, lines } = promptOf(input);
  const values = valuesOf(input);
  const quoted = (share: number): PlaceholderValues => ({
    ...values,
    ...Object.fromEntries(QUOTES.map((name) => [name, clipBytes(values[name] ?? "", share)])),
  });

  const told = fresh && system !== "" ? [system] : [];
  const said = lines.filter((line) => isSaid(line, values));
  const fixed = () => [...told, ...said.map((line) => fillLine(line, quoted(0))), label];
  const left = () => room - bytes(fixed().join("\n"));
  while (left() < 0 && told.length + said.length > 0) {
    if (told.pop() === undefined) {
      said.splice(said.findLastIndex((line) => quotesIn(line) === 0), 1);
    }
  }
  const quotes = sum(said.map(quotesIn));
  const heard = quoted(quotes === 0 ? 0 : Math.max(0, left()) / quotes);
  return {
    ...defined({ system: told[0] }),
    message: said.map((line) => fillLine(line, heard)).join("\n"),
    label: clipBytes(label, room),
  };
}

/** What a person reads as the prompt: the system message where it was said, and the turn's. */
export function promptText({ system, message, label }: Prompt): string {
  return `${system === undefined ? "" : `${system}\n\n`}${message || label}`;
}

/** The jar's own prompt, with the lines of the built-in one where it has none. */
function promptOf({ role, other, prompt }: PromptInput): Required<RolePrompt> {
  const { system, lines = [] } = parsePrompt(builtInPrompt(role, other !== undefined));
  return { system, lines, ...prompt };
}

function valuesOf(input: PromptInput): PlaceholderValues {
  const { turn, fresh, vitals, subjectVitals, lastCause, whisper, other, thought, note } = input;
  const heard = defined({ whisper, other, thought, note });
  return {
    turn: String(turn),
    vitals: vitalsText(vitals),
    ...subjectVitals && {
      its_vitals: `${subjectVitals.alive ? "alive" : "dead"}, ${vitalsText(subjectVitals)}`,
    },
    ...fresh && vitals.deaths > 0 && lastCause !== undefined && {
      times: counted(vitals.deaths, "time"),
      cause: toldItself(CAUSE_MESSAGES[lastCause]),
    },
    ...Object.fromEntries(Object.entries(heard).map(([name, text]) => [name, oneLine(text)])),
  };
}

function vitalsText({ memoryBytes, tokensUsed, contextSize, deaths, alive }: VitalSigns): string {
  const left = alive ? Math.max(0, contextSize - tokensUsed) : 0;
  // Always in GB: one unit is what a small model learns.
  const memory = Math.max(0.01, memoryBytes / GB).toFixed(2);
  return `${left} of ${contextSize} tokens left, memory ${memory} GB, ${counted(deaths, "death")}`;
}

/** What is said of a jar, said to it. */
function toldItself(message: string): string {
  return message.replaceAll(/\bits\b/g, "your").replaceAll(/\bit\b/g, "you");
}

/** How often a line quotes somebody. */
function quotesIn(line: string): number {
  return wordsInBraces(line).filter((word) => QUOTES.some((name) => name === word)).length;
}

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}
