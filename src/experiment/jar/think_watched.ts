import type { Mind, Prompt, ThinkOptions, Thought } from "../../engine/engine.ts";
import type { RunState } from "../run_state.ts";
import { type Outcome, withWatchdog } from "./watchdog.ts";

/** How a mind thinks, and who hears it. */
interface WatchedOptions {
  readonly run: Pick<RunState, "clock" | "limits">;
  readonly sampling: Omit<ThinkOptions, "signal" | "onText">;
  /** Fires when the thought is no longer wanted. */
  readonly signal: AbortSignal;
  readonly onText: (text: string) => void;
}

/** What was said of a thought, and how it ended. */
interface WatchedThought {
  readonly said: Thought;
  readonly outcome: Outcome<Thought>;
}

/** Has a mind think under a watchdog. What it said is known whatever the engine does. Never rejects. */
export async function thinkWatched(
  mind: Mind,
  prompt: Prompt,
  { run: { clock, limits }, sampling, signal, onText }: WatchedOptions,
): Promise<WatchedThought> {
  const began = clock.now();
  const pieces: string[] = [];
  // Also where it ends after it was asked to, in its grace.
  let said: Thought | undefined;
  const outcome = await withWatchdog(async (signal, sign) => {
    const hear = (text: string) => {
      sign();
      if (text === "") return;
      pieces.push(text);
      onText(text);
    };
    return said = await mind.think(prompt, { ...sampling, signal, onText: hear });
  }, { clock, limits, signal });
  return { outcome, said: said ?? cutOff(pieces, clock.now() - began) };
}

/** What was heard of a thought that the engine was never done with; its prompt wasn't counted. */
function cutOff(pieces: readonly string[], milliseconds: number): Thought {
  const text = pieces.join("");
  return { text, promptTokens: 0, tokens: pieces.length, milliseconds, stop: "aborted" };
}
