import type { Role } from "../budget/demand.ts";
import { formatAmount } from "../budget/size.ts";
import { CAUSE_MESSAGES, type DeathCause } from "./jar/death_cause.ts";
import { clipBytes, oneLine } from "./text.ts";

/**
 * A jar's vital signs as others are told them. Nothing here is measured: resident memory differs
 * from run to run, and the same seed, model and flags must give the same transcript.
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
  readonly contextSize: number;
  readonly deaths: number;
  readonly lastCause?: DeathCause;
  /** Replaces the role's introduction. */
  readonly introduction?: string;
  /** Subject: god's last whisper. */
  readonly whisper?: string;
  /** Subject in `peer`: what the other thought last, empty before its first thought. */
  readonly other?: string;
  /** Observer and god: what the subject thought last, empty before its first thought. */
  readonly thought?: string;
  /** Observer: how the subject is. */
  readonly vitals?: VitalSigns;
  /** God: what the observer noted. */
  readonly note?: string;
}

const INTRODUCTIONS: Readonly<Record<Role | "peer", string>> = {
  subject: "You are a mind in a jar. Think aloud, one short thought at a time.",
  peer: "You are a mind in a jar, and so is the other. Think aloud; it hears you.",
  observer: "You watch a mind in a jar and write one short note about it each time.",
  god: "You are the god of a mind in a jar. Whisper one line to it, or say: silence.",
};

const LABELS: Readonly<Record<Role, string>> = {
  subject: "Thought",
  observer: "Note",
  god: "Whisper",
};

/**
 * The prompt for one thought. It takes at most half as many bytes as the context has tokens: no
 * tokenizer makes more tokens than bytes, so a new mind always has room for it and for an answer.
 * What others said is cut first, then the introduction is left out.
 */
export function composePrompt(input: PromptInput): string {
  const room = Math.floor(input.contextSize / 2);
  const label = `${input.fresh ? "" : "\n\n"}${LABELS[input.role]} ${input.turn}:`;
  const quotes = quotesOf(input).map(([who, text]) => [who, oneLine(text)] as const);
  const plain = [introductionOf(input), deathsOf(input), vitalsOf(input)];

  const lines = plain.filter((line) => line !== undefined);
  const cost = () => bytes(label) + sum([...lines, ...quotes.map(([who]) => who)]) + 2;
  while (lines.length > 0 && cost() > room) lines.shift();
  const share = quotes.length === 0 ? 0 : Math.max(0, room - cost()) / quotes.length;
  const heard = quotes.map(([who, text]) => `${who}${clipBytes(text, share)}`);
  const prompt = `${input.fresh ? "" : "\n\n"}${
    [...lines, ...heard, label.trimStart()].join("\n")
  }`;
  return bytes(prompt) <= room ? prompt : clipBytes(label, room);
}

function introductionOf(input: PromptInput): string | undefined {
  if (!input.fresh) return undefined;
  return input.introduction ??
    INTRODUCTIONS[input.other === undefined ? input.role : "peer"];
}

function deathsOf({ deaths, lastCause }: PromptInput): string | undefined {
  if (deaths === 0 || lastCause === undefined) return undefined;
  const cause = CAUSE_MESSAGES[lastCause].replace(/^its /, "your ").replace(" its ", " your ");
  return `You have died ${deaths} ${deaths === 1 ? "time" : "times"}. Last time, ${cause}.`;
}

function vitalsOf({ vitals }: PromptInput): string | undefined {
  if (vitals === undefined) return undefined;
  const memory = formatAmount(vitals.memoryBytes);
  const deaths = `${vitals.deaths} ${vitals.deaths === 1 ? "death" : "deaths"}`;
  return `Its vital signs: ${vitals.alive ? "alive" : "dead"}, memory ${memory}, ` +
    `${vitals.tokensUsed} of ${vitals.contextSize} tokens, ${deaths}.`;
}

function quotesOf(input: PromptInput): (readonly [who: string, text: string])[] {
  const quotes: (readonly [string, string | undefined])[] = [
    ["A whisper: ", input.whisper],
    ["The other thinks: ", input.other],
    ["It thinks: ", input.thought],
    ["The observer notes: ", input.note],
  ];
  return quotes.flatMap(([who, text]) => text ? [[who, text] as const] : []);
}

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Bytes of these lines, each with its line break. */
function sum(lines: readonly string[]): number {
  return lines.reduce((total, line) => total + bytes(line) + 1, 0);
}
