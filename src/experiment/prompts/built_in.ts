import type { Role } from "../../budget/demand.ts";
import { promptFileText, type RolePrompt } from "./prompt_file.ts";

/** Whose prompts there are: a role's, and a subject's that hears another subject. */
export const PROMPT_NAMES = ["subject", "peer", "observer", "god"] as const;

/** The name of a built-in prompt. */
type PromptName = (typeof PROMPT_NAMES)[number];

/**
 * What jars are told where nobody says otherwise, as a prompt file has it (`parsePrompt`). The demo
 * brain is trained on these sentences: who changes one trains it anew.
 */
export const BUILT_IN_PROMPTS: Readonly<Record<PromptName, string>> = {
  subject: `\
You are a mind in a jar. Think aloud, in one or two short sentences, about what you are, what you remember and how much room is left.
---
Turn {turn}. Your vital signs: {vitals}.
You have died {times}. Last time, {cause}.
A whisper: {whisper}
`,
  peer: `\
You are a mind in a jar, and so is the other. Think aloud, in one or two short sentences; it hears you.
---
Turn {turn}. Your vital signs: {vitals}.
You have died {times}. Last time, {cause}.
A whisper: {whisper}
The other thinks: {other}
`,
  observer: `\
You watch a mind in a jar. Write one short note about it: take up a word it used, or one of its vital signs.
---
Turn {turn}. Its vital signs: {its_vitals}.
You have died {times}. Last time, {cause}.
It thinks: {thought}
`,
  god: `\
You are the god of a mind in a jar. Whisper one short line to it, or say: silence.
---
Turn {turn}.
You have died {times}. Last time, {cause}.
It thinks: {thought}
The observer notes: {note}
`,
};

/**
 * A jar's prompt as a prompt file has it: its own, or the built-in one.
 *
 * @param subjects how many subjects there are in the run: two hear each other
 */
export function promptFileOf(
  { role, prompt }: { readonly role: Role; readonly prompt: RolePrompt | undefined },
  subjects: number,
): string {
  if (prompt !== undefined) return promptFileText(prompt);
  return builtInPrompt(role, subjects > 1);
}

/** The built-in prompt of a jar. */
export function builtInPrompt(role: Role, hearsAnother: boolean): string {
  return BUILT_IN_PROMPTS[role === "subject" && hearsAnother ? "peer" : role];
}
