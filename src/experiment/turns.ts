import { defined } from "../budget/defined.ts";
import { settlesBefore } from "./clock.ts";
import type { Jar } from "./jar/jar.ts";
import type { Messages } from "./messages.ts";
import { composePrompt, type PromptInput } from "./prompts/compose.ts";
import type { RunState } from "./run_state.ts";

/** Why there are no more turns. */
type TurnsEnd = "turns" | "stopped" | "no-jar-left";

/**
 * Lets the jars think in their order, turn after turn, until there were `turns` of them, the run
 * is stopped, or no jar lives and none can be brought back.
 */
export async function takeTurns(
  jars: readonly Jar[],
  messages: Messages,
  { run, turns }: { readonly run: RunState; readonly turns: number | undefined },
): Promise<TurnsEnd> {
  for (let turn = 1; turns === undefined || turn <= turns; turn++) {
    if (!await mayBegin(run)) return "stopped";
    if (!await someoneLives(jars, run)) return run.stop.aborted ? "stopped" : "no-jar-left";
    run.turn = turn;
    for (const jar of jars) {
      if (!await mayBegin(run)) return "stopped";
      await jar.resurrect();
      if (jar.state.kind === "alive") await speak(jar, jars, messages, run);
    }
    // A turn may take no time at all; signals and timers need their moment.
    await run.clock.sleep(0);
  }
  return run.stop.aborted ? "stopped" : "turns";
}

/** Waits until what was told is read and nobody has paused the run; false where it is to stop. */
async function mayBegin({ stop, pause, heard }: RunState): Promise<boolean> {
  do {
    if (stop.aborted || !await settlesBefore(pause.over(), stop)) return false;
    if (!await settlesBefore(heard(), stop)) return false;
  } while (pause.isPaused);
  return !stop.aborted;
}

/** Tries to bring the dead back where nobody is left alive, for a few rounds. */
async function someoneLives(jars: readonly Jar[], { clock, limits, stop }: RunState) {
  const lives = (jar: Jar) => jar.state.kind === "alive";
  let chance = 0;
  while (!jars.some(lives)) {
    const coming = jars.flatMap(({ state }) =>
      state.kind === "admitting" && state.done ? [state.done] : []
    );
    if (coming.length > 0) {
      if (!await settlesBefore(Promise.race(coming), stop)) return false;
      continue;
    }
    const times = jars.flatMap(({ state }) => state.kind === "dead" ? [state.retryAt] : []);
    const dying = jars.flatMap(({ state }) => state.kind === "dying" ? [state.done] : []);
    if (dying.length > 0) {
      await Promise.all(dying);
      continue;
    }
    if (times.length === 0 || chance++ >= limits.lastChances || stop.aborted) return false;
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
  const whispers = messages.whispersFor(jar);
  const told = { turn: run.turn, whisper: whispers.text };
  const thought = await jar.think(composePrompt(promptInputOf(jar, jars, messages, told)));
  if (!thought) return;
  whispers.heard();
  messages.take(jar, thought.text, run);
}

function promptInputOf(
  jar: Jar,
  jars: readonly Jar[],
  messages: Messages,
  { turn, whisper }: { readonly turn: number; readonly whisper: string | undefined },
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
    case "subject":
      return { ...self, ...defined({ other: subject && heard, whisper }) };
    case "observer":
      return { ...self, thought: heard, ...defined({ subjectVitals: subject?.vitals }) };
    case "god": {
      const subjectVitals = subject?.vitals;
      return { ...self, thought: heard, note: messages.note, ...defined({ subjectVitals }) };
    }
  }
}
