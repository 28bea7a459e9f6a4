import { defined } from "../budget/defined.ts";
import { settlesBefore } from "./clock.ts";
import type { Jar } from "./jar/jar.ts";
import { composePrompt, type PromptInput } from "./prompts/compose.ts";
import { noteOf, whisperOf } from "./replies.ts";
import type { RunState } from "./run_state.ts";

/** What has been said and not yet been answered. */
interface Messages {
  /** Each jar's last thought, the latest at the end. */
  readonly thoughts: Map<string, string>;
  note: string;
  /** God's, for each subject's next prompt alone. */
  whisper: { readonly text: string; readonly heardBy: Set<string> } | undefined;
}

/** Why there are no more turns. */
type TurnsEnd = "turns" | "stopped" | "no-jar-left";

/**
 * Lets the jars think in their order, turn after turn, until there were `turns` of them, the run
 * is stopped, or no jar lives and none can be brought back.
 */
export async function takeTurns(
  jars: readonly Jar[],
  run: RunState,
  turns: number | undefined,
): Promise<TurnsEnd> {
  const messages: Messages = { thoughts: new Map(), note: "", whisper: undefined };
  for (let turn = 1; turns === undefined || turn <= turns; turn++) {
    if (run.stop.aborted) return "stopped";
    if (!await someoneLives(jars, run)) return run.stop.aborted ? "stopped" : "no-jar-left";
    if (!await settlesBefore(run.heard(), run.stop)) return "stopped";
    run.turn = turn;
    for (const jar of jars) {
      if (run.stop.aborted) return "stopped";
      await jar.resurrect();
      if (jar.state.kind === "alive") await speak(jar, jars, messages, run);
    }
    // A turn may take no time at all; signals and timers need their moment.
    await run.clock.sleep(0);
  }
  return run.stop.aborted ? "stopped" : "turns";
}

/** Tries to bring the dead back where nobody is left alive, for a few rounds. */
async function someoneLives(jars: readonly Jar[], { clock, limits, stop }: RunState) {
  const lives = (jar: Jar) => jar.state.kind === "alive";
  for (let chance = 0; !jars.some(lives); chance++) {
    const times = jars.flatMap(({ state }) => state.kind === "dead" ? [state.retryAt] : []);
    const dying = jars.flatMap(({ state }) => state.kind === "dying" ? [state.done] : []);
    if (dying.length > 0) {
      await Promise.all(dying);
      continue;
    }
    if (times.length === 0 || chance >= limits.lastChances || stop.aborted) return false;
    await clock.sleep(Math.max(0, Math.max(...times) - clock.now()), stop);
    for (const jar of jars) {
      if (!stop.aborted) await jar.resurrect();
    }
  }
  return true;
}

async function speak(
  jar: Jar,
  jars: readonly Jar[],
  messages: Messages,
  run: RunState,
): Promise<void> {
  const thought = await jar.think(composePrompt(promptInputOf(jar, jars, messages, run.turn)));
  if (!thought) return;
  const told = { id: jar.id, role: jar.role, turn: run.turn };
  messages.thoughts.delete(jar.id);
  messages.thoughts.set(jar.id, thought.text);
  if (jar.role === "observer") {
    messages.note = noteOf(thought.text);
    if (messages.note) run.emit({ event: "note", ...told, text: messages.note });
  } else if (jar.role === "god") {
    const text = whisperOf(thought.text);
    messages.whisper = text === undefined ? undefined : { text, heardBy: new Set() };
    if (text !== undefined) run.emit({ event: "whisper", ...told, text });
  } else {
    messages.whisper?.heardBy.add(jar.id);
  }
}

function promptInputOf(
  jar: Jar,
  jars: readonly Jar[],
  messages: Messages,
  turn: number,
): PromptInput {
  const self = {
    role: jar.role,
    turn,
    fresh: jar.fresh,
    vitals: jar.vitals,
    templateTokens: jar.templateTokens,
    ...defined({ lastCause: jar.lastCause, prompt: jar.prompt }),
  };
  const subjects = jars.filter((other) => other !== jar && other.role === "subject");
  const latest = [...messages.thoughts.keys()].findLast((id) =>
    subjects.some((one) => one.id === id)
  );
  const subject = subjects.find(({ id }) => id === latest) ?? subjects[0];
  const heard = messages.thoughts.get(subject?.id ?? "") ?? "";
  switch (jar.role) {
    case "subject": {
      const whisper = messages.whisper?.heardBy.has(jar.id) ? undefined : messages.whisper;
      return { ...self, ...defined({ other: subject && heard, whisper: whisper?.text }) };
    }
    case "observer":
      return { ...self, thought: heard, ...defined({ subjectVitals: subject?.vitals }) };
    case "god": {
      const subjectVitals = subject?.vitals;
      return { ...self, thought: heard, note: messages.note, ...defined({ subjectVitals }) };
    }
  }
}
